//! Certificates of X.509 version 1, which have no extensions.
//!
//! `openssl x509 -req` makes such ones when it is told of no extensions, and so did the set-up of old servers. rustls reads none: not
//! to verify a chain, and not to verify that the server has the key. The latter is done here, for a leaf that somebody has pinned.

use std::borrow::Cow;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm, SubjectPublicKeyInfoDer};
use rustls::{CertificateError, DigitallySignedStruct, Error};
use x509_parser::asn1_rs::Any;
use x509_parser::prelude::{FromDer as _, X509Certificate, X509Version};

/// A certificate of any version.
pub(super) fn parse<'a>(leaf: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, Error> {
    match X509Certificate::from_der(leaf) {
        Ok((_, parsed)) => Ok(parsed),
        Err(_) => Err(CertificateError::BadEncoding.into()),
    }
}

/// The key of a certificate of X.509 version 1, which rustls's own verification of handshakes does not read.
pub(super) struct FirstVersion<'a> {
    spki: SubjectPublicKeyInfoDer<'a>,
    /// The AlgorithmIdentifier's content.
    algorithm: &'a [u8],
    key: Cow<'a, [u8]>,
}

impl<'a> FirstVersion<'a> {
    /// `None` for a certificate of another version, and for what is none.
    pub(super) fn of(leaf: &'a CertificateDer<'_>) -> Option<Self> {
        let parsed = parse(leaf).ok()?;
        if parsed.version() != X509Version::V1 {
            return None;
        }
        let spki = parsed.tbs_certificate.subject_pki;
        let (_, whole) = Any::from_der(spki.raw).ok()?;
        let (_, algorithm) = Any::from_der(whole.data).ok()?;
        Some(Self {
            spki: spki.raw.into(),
            algorithm: algorithm.data,
            key: spki.subject_public_key.data,
        })
    }

    /// RFC 5246, section 7.4.3. The scheme is one of those that were offered, or rustls has refused it before.
    pub(super) fn verify_tls12(
        &self,
        message: &[u8],
        signature: &DigitallySignedStruct,
        algorithms: &WebPkiSupportedAlgorithms,
    ) -> Result<HandshakeSignatureValid, Error> {
        let of_scheme = algorithms
            .mapping
            .iter()
            .filter(|(scheme, _)| *scheme == signature.scheme)
            .flat_map(|(_, of_scheme)| *of_scheme);
        let is_of_key = |known: &&&dyn SignatureVerificationAlgorithm| {
            known.public_key_alg_id().as_ref() == self.algorithm
        };
        let algorithm = of_scheme.clone().find(is_of_key);
        let algorithm = algorithm.ok_or(CertificateError::BadSignature)?;
        match algorithm.verify_signature(&self.key, message, signature.signature()) {
            Ok(()) => Ok(HandshakeSignatureValid::assertion()),
            Err(_) => Err(CertificateError::BadSignature.into()),
        }
    }

    pub(super) fn verify_tls13(
        &self,
        message: &[u8],
        signature: &DigitallySignedStruct,
        algorithms: &WebPkiSupportedAlgorithms,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature_with_raw_key(message, &self.spki, signature, algorithms)
    }
}

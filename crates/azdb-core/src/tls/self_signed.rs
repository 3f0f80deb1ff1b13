//! Says of a certificate that nobody vouches for whether it vouches for itself: of such a one another thing is to be done.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, SignatureScheme,
};

use super::first_version::parse;
use crate::fault::SelfSigned;

/// A verifier that tells more of what it refuses, and accepts what the inner one does.
#[derive(Debug)]
pub(super) struct Telling(pub(super) Arc<dyn ServerCertVerifier>);

impl Telling {
    /// The same verdict, in words that say more.
    fn tell(error: Error, leaf: &CertificateDer<'_>) -> Error {
        let is_nobodys = match &error {
            Error::InvalidCertificate(CertificateError::UnknownIssuer) => true,
            // webpki's word, which rustls hands on as it is.
            Error::InvalidCertificate(CertificateError::Other(other)) => {
                other.to_string() == "CaUsedAsEndEntity"
            }
            _ => false,
        };
        if is_nobodys && is_self_signed(leaf) {
            let why = OtherError(Arc::new(SelfSigned));
            return CertificateError::Other(why).into();
        }
        error
    }
}

/// Whether it names itself as its issuer. Nothing depends on it but words.
fn is_self_signed(leaf: &CertificateDer<'_>) -> bool {
    let parsed = parse(leaf);
    parsed.is_ok_and(|parsed| parsed.issuer().as_raw() == parsed.subject().as_raw())
}

impl ServerCertVerifier for Telling {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verdict = self
            .0
            .verify_server_cert(leaf, intermediates, name, ocsp, now);
        verdict.map_err(|error| Self::tell(error, leaf))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, leaf, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, leaf, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }

    fn requires_raw_public_keys(&self) -> bool {
        self.0.requires_raw_public_keys()
    }

    fn root_hint_subjects(&self) -> Option<&[DistinguishedName]> {
        self.0.root_hint_subjects()
    }
}

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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::super::provider;
    use super::super::verifier::CaFile;
    use super::*;
    use std::sync::Arc;

    use rcgen::{
        KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, PublicKeyData as _, SignatureAlgorithm,
        SigningKey as _,
    };
    use rustls::client::danger::ServerCertVerifier as _;
    use rustls::pki_types::{PrivateKeyDer, ServerName, UnixTime};
    use rustls::server::{ClientHello, ResolvesServerCert};
    use rustls::sign::CertifiedKey;
    use rustls::{
        ClientConfig, ClientConnection, ServerConfig, ServerConnection, SupportedProtocolVersion,
        version,
    };

    const NAME: &str = "db.example.org";

    fn der(tag: u8, content: &[u8]) -> Vec<u8> {
        let [high, low] = u16::try_from(content.len()).unwrap().to_be_bytes();
        let length: &[u8] = match (high, low) {
            (0, ..0x80) => &[low],
            (0, _) => &[0x81, low],
            _ => &[0x82, high, low],
        };
        [&[tag], length, content].concat()
    }

    /// A certificate of version 1 for [`NAME`] that signs itself, of 2020 to 2119.
    fn certificate(key: &KeyPair) -> CertificateDer<'static> {
        let sequence = |parts: &[&[u8]]| der(0x30, &parts.concat());
        let algorithm: &[u8] = if key.algorithm() == &PKCS_RSA_SHA256 {
            b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00"
        } else {
            b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02"
        };
        let name = sequence(&[b"\x06\x03\x55\x04\x03", &der(0x0c, NAME.as_bytes())]);
        let name = sequence(&[&der(0x31, &name)]);
        let dates = [der(0x17, b"200101000000Z"), der(0x18, b"21191231235959Z")];
        let body = sequence(&[
            &der(0x02, &[1]),
            algorithm,
            &name,
            &sequence(&[&dates.concat()]),
            &name,
            &key.subject_public_key_info(),
        ]);
        let signature = [&[0], &key.sign(&body).unwrap()[..]].concat();
        sequence(&[&body, algorithm, &der(0x03, &signature)]).into()
    }

    /// Shows a certificate, whoever's key it has.
    #[derive(Debug)]
    struct Shown(Arc<CertifiedKey>);

    impl ResolvesServerCert for Shown {
        fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
            Some(Arc::clone(&self.0))
        }
    }

    /// Shakes hands with a server that shows `leaf` and has `key`, trusting what stands in the file.
    fn shake(
        file: &CertificateDer<'static>,
        leaf: &CertificateDer<'static>,
        key: &KeyPair,
        version: &'static SupportedProtocolVersion,
    ) -> Result<(), Error> {
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let key = provider().key_provider.load_private_key(key).unwrap();
        let shown = Shown(Arc::new(CertifiedKey::new(vec![leaf.clone()], key)));
        let server = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(shown));
        let verifier = CaFile::new(std::slice::from_ref(file), provider()).unwrap();
        let client = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[version])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        let mut server = ServerConnection::new(Arc::new(server)).unwrap();
        let name = ServerName::try_from(NAME).unwrap();
        let mut client = ClientConnection::new(Arc::new(client), name).unwrap();
        while client.is_handshaking() {
            let (mut there, mut back) = (Vec::new(), Vec::new());
            while client.wants_write() {
                client.write_tls(&mut there).unwrap();
            }
            server.read_tls(&mut &there[..]).unwrap();
            server.process_new_packets().unwrap();
            while server.wants_write() {
                server.write_tls(&mut back).unwrap();
            }
            client.read_tls(&mut &back[..]).unwrap();
            client.process_new_packets()?;
        }
        Ok(())
    }

    const VERSIONS: [&SupportedProtocolVersion; 2] = [&version::TLS12, &version::TLS13];

    fn key(algorithm: &'static SignatureAlgorithm) -> KeyPair {
        KeyPair::generate_for(algorithm).unwrap()
    }

    #[test]
    fn a_pinned_certificate_of_the_first_version_is_accepted_from_whoever_has_its_key() {
        for algorithm in [&PKCS_ECDSA_P256_SHA256, &PKCS_RSA_SHA256] {
            let (own, others) = (key(algorithm), key(algorithm));
            let leaf = certificate(&own);
            for version in VERSIONS {
                assert_eq!(shake(&leaf, &leaf, &own, version), Ok(()));
                assert_eq!(
                    shake(&leaf, &leaf, &others, version),
                    Err(CertificateError::BadSignature.into())
                );
            }
        }
    }

    #[test]
    fn one_that_nobody_pinned_is_told_by_its_version() {
        let (own, authority) = (key(&PKCS_ECDSA_P256_SHA256), key(&PKCS_ECDSA_P256_SHA256));
        let (leaf, other) = (certificate(&own), certificate(&authority));
        for version in VERSIONS {
            let error = shake(&other, &leaf, &own, version).unwrap_err();
            let flaw = crate::fault::TlsFlaw::of(std::io::Error::other(error));
            assert!(
                matches!(flaw, crate::fault::TlsFlaw::FirstVersion(_)),
                "{flaw:?}"
            );
        }
    }

    #[test]
    fn one_that_is_pinned_has_its_dates_and_its_name() {
        let leaf = certificate(&key(&PKCS_ECDSA_P256_SHA256));
        let verifier = CaFile::new(std::slice::from_ref(&leaf), provider()).unwrap();
        let verify = |name: &str, year: u64| {
            let name = ServerName::try_from(name.to_owned()).unwrap();
            let seconds = (year - 1970) * 31_557_600;
            let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
            verifier
                .verify_server_cert(&leaf, &[], &name, &[], now)
                .map(|_| ())
        };
        assert_eq!(verify(NAME, 2026), Ok(()));
        assert_eq!(
            verify("other.example.org", 2026),
            Err(CertificateError::NotValidForName.into())
        );
        assert_eq!(
            verify(NAME, 2019),
            Err(CertificateError::NotValidYet.into())
        );
        assert_eq!(verify(NAME, 2121), Err(CertificateError::Expired.into()));
    }
}

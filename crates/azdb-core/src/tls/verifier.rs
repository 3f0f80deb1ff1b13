//! Certificate verifiers for routes that do not use the platform's.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{VerifierBuilderError, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use x509_parser::prelude::{X509Certificate, X509Version};
use x509_parser::time::ASN1Time;

use super::first_version::{FirstVersion, parse};

/// Trusts the certificates of `upstream_ca_file`, and nothing else.
///
/// PostgreSQL's documentation makes a server's certificate with `openssl req -new -x509`: self-signed, `CA:TRUE`, and named by
/// its common name alone. rustls never accepts such a leaf (`CaUsedAsEndEntity`), and none of X.509 version 1, as `openssl x509 -req`
/// and old servers make them. Here a leaf that is byte for byte in the file is accepted, for the names that it carries and within
/// its dates: whoever put it there has pinned it. That the server has its key is proved as always.
#[derive(Debug)]
pub(super) struct CaFile {
    chain: Arc<WebPkiServerVerifier>,
    pinned: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
}

impl CaFile {
    fn pins(&self, leaf: &CertificateDer<'_>) -> bool {
        self.pinned.iter().any(|pinned| pinned == leaf)
    }

    pub(super) fn new(
        certificates: &[CertificateDer<'static>],
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, VerifierBuilderError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates.iter().cloned());
        let chain =
            WebPkiServerVerifier::builder_with_provider(roots.into(), Arc::clone(&provider))
                .build()?;
        Ok(Self {
            chain,
            pinned: certificates.to_vec(),
            provider,
        })
    }
}

/// The checks that are left for a leaf that stands in the file itself: its dates and its name.
fn verify_pinned(
    leaf: &CertificateDer<'_>,
    name: &ServerName<'_>,
    now: UnixTime,
) -> Result<(), Error> {
    let unreadable = || Error::from(CertificateError::BadEncoding);
    let parsed = parse(leaf)?;
    let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let now = ASN1Time::from_timestamp(seconds).map_err(|_| unreadable())?;
    if now < parsed.validity().not_before {
        return Err(CertificateError::NotValidYet.into());
    }
    if now > parsed.validity().not_after {
        return Err(CertificateError::Expired.into());
    }
    match parsed.subject_alternative_name() {
        Ok(None) if common_name_is(&parsed, name) => Ok(()),
        // It can carry no other.
        Ok(None) if parsed.version() == X509Version::V1 => {
            Err(CertificateError::NotValidForName.into())
        }
        _ => verify_server_name(&ParsedCertificate::try_from(leaf)?, name),
    }
}

/// RFC 6125, section 6.4.4: the common name counts when a certificate carries no other name.
fn common_name_is(certificate: &X509Certificate<'_>, name: &ServerName<'_>) -> bool {
    certificate
        .subject()
        .iter_common_name()
        .filter_map(|common_name| common_name.as_str().ok())
        .any(|common_name| common_name.eq_ignore_ascii_case(&name.to_str()))
}

impl ServerCertVerifier for CaFile {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.pins(leaf) {
            return verify_pinned(leaf, name, now).map(|()| ServerCertVerified::assertion());
        }
        self.chain
            .verify_server_cert(leaf, intermediates, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        match FirstVersion::of(leaf) {
            Some(key) if self.pins(leaf) => key.verify_tls12(message, signature, algorithms),
            _ => verify_tls12_signature(message, leaf, signature, algorithms),
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        match FirstVersion::of(leaf) {
            Some(key) if self.pins(leaf) => key.verify_tls13(message, signature, algorithms),
            _ => verify_tls13_signature(message, leaf, signature, algorithms),
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// Looks at no certificate. For development servers with a password; a leg made with it is never `Sealed`.
#[derive(Debug)]
pub(super) struct Unverified {
    provider: Arc<CryptoProvider>,
}

impl Unverified {
    pub(super) fn new(provider: Arc<CryptoProvider>) -> Self {
        Self { provider }
    }
}

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;
    use rcgen::{
        BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd,
    };

    const NOW: u64 = 1_700_000_000; // November 2023

    fn params(names: &[&str], common_name: &str) -> CertificateParams {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params
            .distinguished_name
            .push(DnType::CommonName, common_name);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2030, 1, 1);
        params
    }

    /// As PostgreSQL's documentation makes it: self-signed, CA:TRUE, a common name and no other.
    fn documented(common_name: &str) -> CertificateParams {
        let mut params = params(&[], common_name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
    }

    fn self_signed(params: CertificateParams) -> CertificateDer<'static> {
        params
            .self_signed(&KeyPair::generate().unwrap())
            .unwrap()
            .der()
            .clone()
    }

    fn verify(
        file: &[&CertificateDer<'static>],
        leaf: &CertificateDer<'static>,
        name: &str,
        now: u64,
    ) -> Result<(), CertificateError> {
        let file: Vec<_> = file
            .iter()
            .map(|certificate| (*certificate).clone())
            .collect();
        let verifier = CaFile::new(&file, super::super::provider()).unwrap();
        let name = ServerName::try_from(name).unwrap();
        let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(now));
        match verifier.verify_server_cert(leaf, &[], &name, &[], now) {
            Ok(_) => Ok(()),
            Err(Error::InvalidCertificate(error)) => Err(error),
            Err(other) => unreachable!("{other}"),
        }
    }

    #[test]
    fn the_certificate_of_the_documentation_is_accepted_for_its_common_name() {
        let leaf = self_signed(documented("db.example.org"));
        assert_eq!(verify(&[&leaf], &leaf, "db.example.org", NOW), Ok(()));
        assert_eq!(verify(&[&leaf], &leaf, "DB.example.org", NOW), Ok(()));
        assert!(verify(&[&leaf], &leaf, "other.example.org", NOW).is_err());
    }

    #[test]
    fn a_common_name_does_not_count_beside_other_names() {
        let leaf = self_signed(params(&["a.example.org"], "b.example.org"));
        assert_eq!(verify(&[&leaf], &leaf, "a.example.org", NOW), Ok(()));
        assert!(verify(&[&leaf], &leaf, "b.example.org", NOW).is_err());
    }

    #[test]
    fn a_pinned_certificate_still_has_its_dates() {
        let leaf = self_signed(documented("db.example.org"));
        let (before, after) = (1_500_000_000, 1_900_000_000);
        assert_eq!(
            verify(&[&leaf], &leaf, "db.example.org", before),
            Err(CertificateError::NotValidYet)
        );
        assert_eq!(
            verify(&[&leaf], &leaf, "db.example.org", after),
            Err(CertificateError::Expired)
        );
    }

    #[test]
    fn only_the_very_certificate_is_pinned() {
        let pinned = self_signed(documented("db.example.org"));
        let twin = self_signed(documented("db.example.org"));
        assert!(verify(&[&pinned], &twin, "db.example.org", NOW).is_err());
    }

    #[test]
    fn a_leaf_signed_by_an_authority_in_the_file_is_accepted_by_its_alternative_name() {
        let ca_key = KeyPair::generate().unwrap();
        let ca_params = documented("an authority");
        let ca = ca_params.self_signed(&ca_key).unwrap();
        let issuer = Issuer::from_params(&ca_params, &ca_key);
        let key = KeyPair::generate().unwrap();
        let leaf = params(&["db.example.org"], "x")
            .signed_by(&key, &issuer)
            .unwrap()
            .der()
            .clone();
        assert_eq!(verify(&[ca.der()], &leaf, "db.example.org", NOW), Ok(()));
        assert!(verify(&[ca.der()], &leaf, "x", NOW).is_err());
    }
}

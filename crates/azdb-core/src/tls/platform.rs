//! The platform's root certificates.

use std::sync::{Arc, OnceLock};

use azdb_quote::Chain;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::provider;

/// The platform's verifier; on a system without any certificates (an image made from scratch) Mozilla's roots.
///
/// # Errors
///
/// What rustls says when it can use none of either.
pub(super) fn platform_verifier() -> Result<Arc<dyn ServerCertVerifier>, Error> {
    let error = match rustls_platform_verifier::Verifier::new(provider()) {
        Ok(verifier) => return Ok(Arc::new(verifier)),
        Err(error) => error,
    };
    tracing::warn!(error = %Chain(&error), "no root certificates on this system, using Mozilla's as built in");
    let roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
        .build()
        .map(|verifier| verifier as Arc<dyn ServerCertVerifier>)
        .map_err(|error| Error::General(error.to_string()))
}

/// The same, whose roots are read when the first certificate is to be verified: there are some hundred files of them, which take
/// longer than all else of a start, and most tokens come without TLS.
#[derive(Debug)]
pub(super) struct WhenAsked {
    provider: Arc<CryptoProvider>,
    verifier: OnceLock<Result<Arc<dyn ServerCertVerifier>, Error>>,
}

impl WhenAsked {
    pub(super) fn new() -> Self {
        Self {
            provider: provider(),
            verifier: OnceLock::new(),
        }
    }
}

impl ServerCertVerifier for WhenAsked {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verifier = self.verifier.get_or_init(platform_verifier);
        let verifier = verifier.as_ref().map_err(Error::clone)?;
        verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn roots_are_read_for_the_first_certificate() {
        let verifier = WhenAsked::new();
        assert!(!verifier.supported_verify_schemes().is_empty());
        assert!(verifier.verifier.get().is_none());
        let key = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let verified =
            verifier.verify_server_cert(key.cert.der(), &[], &name, &[], UnixTime::now());
        assert!(verified.is_err(), "nobody has signed it");
        assert!(verifier.verifier.get().is_some());
    }
}

//! The platform's root certificates.

use std::sync::{Arc, Once, OnceLock};
use std::thread;

use azdb_quote::Chain;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::provider;

/// The platform's verifier; on a system without any certificates (an image made from scratch) Mozilla's roots.
///
/// # Errors
///
/// What rustls says when it can use none of either.
fn platform_verifier() -> Result<Arc<dyn ServerCertVerifier>, Error> {
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

/// The platform's root certificates, read once for all that trust them, by a thread ahead of the first certificate or for it: there are some
/// hundred files of them, which take longer than all else of a start, and most tokens come without TLS.
#[derive(Debug, Clone, Default)]
pub struct PlatformRoots(Arc<WhenAsked>);

impl PlatformRoots {
    /// Has one thread read them, however many ask for it. The first certificate waits for it.
    pub(super) fn read_ahead(&self) {
        self.0.ahead.call_once(|| {
            let this = Self::clone(self);
            // Without a thread they are read for the first certificate.
            let _ = thread::Builder::new().spawn(move || this.0.verifier().map(drop));
        });
    }

    pub(super) fn verifier(&self) -> Arc<dyn ServerCertVerifier> {
        Arc::<WhenAsked>::clone(&self.0)
    }
}

#[derive(Debug)]
struct WhenAsked {
    ahead: Once,
    verifier: OnceLock<Result<Arc<dyn ServerCertVerifier>, Error>>,
}

impl Default for WhenAsked {
    fn default() -> Self {
        Self {
            ahead: Once::new(),
            verifier: OnceLock::new(),
        }
    }
}

impl WhenAsked {
    fn verifier(&self) -> Result<&dyn ServerCertVerifier, Error> {
        let verifier = self.verifier.get_or_init(platform_verifier).as_ref();
        verifier.map(Arc::as_ref).map_err(Error::clone)
    }
}

impl ServerCertVerifier for WhenAsked {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.verifier()?
            .verify_server_cert(leaf, intermediates, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier()?
            .verify_tls12_signature(message, leaf, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier()?
            .verify_tls13_signature(message, leaf, signature)
    }

    /// Asked before there is a certificate.
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn roots_are_read_for_the_first_certificate_of_all_that_share_them() {
        let roots = PlatformRoots::default();
        let verifier = roots.clone().verifier();
        assert!(!verifier.supported_verify_schemes().is_empty());
        assert!(roots.0.verifier.get().is_none());
        let key = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let verified =
            verifier.verify_server_cert(key.cert.der(), &[], &name, &[], UnixTime::now());
        assert!(verified.is_err(), "nobody has signed it");
        assert!(roots.0.verifier.get().is_some());
    }

    #[test]
    fn roots_are_read_ahead() {
        let roots = PlatformRoots::default();
        roots.read_ahead();
        roots.0.verifier.wait();
    }
}

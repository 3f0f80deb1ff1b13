//! Which certificate an app is shown: by what it can verify, never by the name that it asks for.
//!
//! Drivers ask for `localhost`, for `127.0.0.1` (which no name may be), for whatever their configuration calls the server, or for
//! nothing. All of them mean this machine.

use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{CipherSuite, SignatureAlgorithm};

use super::provider;

/// Certificates in the order of preference, each of another kind.
#[derive(Debug)]
pub(super) struct BySignature {
    keys: Vec<Arc<CertifiedKey>>,
}

impl BySignature {
    /// Chains with their keys.
    ///
    /// # Errors
    ///
    /// What rustls says of a key that it does not take, or that does not fit its certificate.
    pub(super) fn new(
        leaves: Vec<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    ) -> Result<Self, rustls::Error> {
        let provider = provider();
        let keys = leaves
            .into_iter()
            .map(|(chain, key)| CertifiedKey::from_der(chain, key, &provider).map(Arc::new))
            .collect::<Result<_, _>>()?;
        Ok(Self { keys })
    }
}

impl ResolvesServerCert for BySignature {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let verifiable = |key: &&Arc<CertifiedKey>| {
            key.key.choose_scheme(hello.signature_schemes()).is_some()
                && hello
                    .cipher_suites()
                    .iter()
                    .any(|suite| goes_with(*suite, key.key.algorithm()))
        };
        // With none that fits, the first one makes rustls say what is missing.
        let fitting = self.keys.iter().find(verifiable);
        fitting.or(self.keys.first()).cloned()
    }
}

/// Whether a suite can be used with a key. In TLS 1.3 every suite goes with every key.
fn goes_with(suite: CipherSuite, algorithm: SignatureAlgorithm) -> bool {
    match suite {
        CipherSuite::TLS13_AES_128_GCM_SHA256
        | CipherSuite::TLS13_AES_256_GCM_SHA384
        | CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => true,
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
        | CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
        | CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 => {
            algorithm == SignatureAlgorithm::RSA
        }
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
        | CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
        | CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 => {
            algorithm != SignatureAlgorithm::RSA
        }
        _ => false,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;
    use crate::tls::{AppTlsConfig, LocalAuthority, TlsEnd, TlsUse};
    use azdb_config::route::LocalTls;
    use rustls::crypto::CryptoProvider;
    use rustls::crypto::aws_lc_rs::cipher_suite;
    use rustls::pki_types::ServerName;
    use rustls::pki_types::pem::PemObject as _;
    use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConnection};

    /// A client that knows this suite alone.
    fn client(suite: rustls::SupportedCipherSuite, roots: RootCertStore) -> ClientConfig {
        let provider = CryptoProvider {
            cipher_suites: vec![suite],
            ..CryptoProvider::clone(&provider())
        };
        ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&rustls::version::TLS12])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth()
    }

    /// The certificate that a handshake shows.
    fn shown(
        config: ClientConfig,
        name: &'static str,
        server: &Arc<rustls::ServerConfig>,
    ) -> usize {
        let name = ServerName::try_from(name).unwrap();
        let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut server = ServerConnection::new(Arc::clone(server)).unwrap();
        while client.is_handshaking() {
            let mut flight = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut flight).unwrap();
            }
            let mut rest = &flight[..];
            while !rest.is_empty() {
                server.read_tls(&mut rest).unwrap();
                server.process_new_packets().unwrap();
            }
            flight.clear();
            while server.wants_write() {
                server.write_tls(&mut flight).unwrap();
            }
            let mut rest = &flight[..];
            while !rest.is_empty() {
                client.read_tls(&mut rest).unwrap();
                client.process_new_packets().unwrap();
            }
        }
        client.peer_certificates().unwrap().first().unwrap().len()
    }

    #[test]
    fn apps_that_verify_only_one_kind_get_that_kind_under_any_name() {
        let authority = Arc::new(LocalAuthority::load_or_make(None).unwrap());
        let usage = TlsUse {
            alpn: &[],
            in_packets: true,
            app_end: TlsEnd::Bare,
            upstream_end: TlsEnd::Bare,
        };
        let config = AppTlsConfig::of(&LocalTls::Auto, &usage, &|| Ok(Arc::clone(&authority)));
        let server = config.unwrap().unwrap().in_packets.unwrap();
        let root = CertificateDer::from_pem_slice(authority.ca_pem().as_bytes()).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(root).unwrap();
        let with = |suite, name| shown(client(suite, roots.clone()), name, &server);
        let rsa = cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256;
        let ecdsa = cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256;
        let (long, short) = (with(rsa, "localhost"), with(ecdsa, "localhost"));
        assert!(
            long > short,
            "an RSA certificate is longer: {long}, {short}"
        );
        assert_eq!(with(rsa, "127.0.0.1"), long);
        assert_eq!(with(ecdsa, "127.0.0.1"), short);
    }
}

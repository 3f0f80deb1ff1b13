//! One way of TLS for all peers, so that none of them is measured with a cheaper one.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{CipherSuite, ClientConfig, NamedGroup, RootCertStore, ServerConfig};

use super::chain::{Chain, Chained};

/// The ALPN name of PostgreSQL's protocol.
pub(super) const ALPN: &str = "postgresql";

/// A certificate authority of this run, and what it makes possible.
pub(super) struct Tls {
    /// The authority's certificate, PEM.
    pub(super) ca_pem: String,
    /// The upstream's.
    pub(super) server: Arc<ServerConfig>,
    /// That of an app without a peer.
    pub(super) client: Arc<ClientConfig>,
}

impl Tls {
    /// Makes an authority, and a server that speaks TLS 1.3 with one cipher suite and one group.
    pub(super) fn new(chain: Chain) -> anyhow::Result<Self> {
        let Chained {
            root,
            root_pem,
            shown,
            key,
        } = chain.make()?;
        let mut server = ServerConfig::builder_with_provider(Arc::new(narrow()))
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_no_client_auth()
            .with_single_cert(shown, key)?;
        server.alpn_protocols = vec![ALPN.into()];
        // PostgreSQL gives no tickets, so no peer can save a handshake.
        server.send_tls13_tickets = 0;

        let mut roots = RootCertStore::empty();
        roots.add(root)?;
        let mut client =
            ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()?
                .with_root_certificates(roots)
                .with_no_client_auth();
        client.alpn_protocols = vec![ALPN.into()];
        Ok(Self {
            ca_pem: root_pem,
            server: Arc::new(server),
            client: Arc::new(client),
        })
    }
}

/// AES-256-GCM and X25519, the first choice of every peer and of Azure.
fn narrow() -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    provider
        .cipher_suites
        .retain(|suite| suite.suite() == CipherSuite::TLS13_AES_256_GCM_SHA384);
    provider
        .kx_groups
        .retain(|group| group.name() == NamedGroup::X25519);
    provider
}

//! Which certificates a route trusts.

use std::sync::Arc;

use azdb_config::route::{Roots, Route, UpstreamTls};
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::{InvalidDnsNameError, ServerName};
use rustls::{ClientConfig, HandshakeKind, SupportedProtocolVersion};

use super::platform::PlatformRoots;
use super::self_signed::Telling;
use super::verifier::{CaFile, Unverified};
use super::{IN_PACKETS, TlsEnd, TlsUse, client_builder, owned, provider};
use crate::ledger::Handshakes;

/// A route's TLS towards its upstream, ready to use.
#[derive(Debug, Clone)]
pub(crate) struct UpstreamTlsConfig {
    client: Arc<ClientConfig>,
    name: Option<ServerName<'static>>,
    verifies: bool,
    /// How such a connection ends.
    end: TlsEnd,
    handshakes: Arc<Handshakes>,
}

/// Why a route's TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsConfigError {
    /// No root certificates, or none that rustls can use.
    #[error("no usable root certificates")]
    Roots(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl UpstreamTlsConfig {
    /// A route's TLS towards its upstream; `None` for a route without.
    ///
    /// # Errors
    ///
    /// [`TlsConfigError::Roots`].
    pub(crate) fn of(
        route: &Route,
        usage: &TlsUse,
        platform: &PlatformRoots,
    ) -> Result<Option<Self>, TlsConfigError> {
        let (versions, alpn) = match usage.in_packets && !route.tls_first {
            true => (IN_PACKETS, &[][..]),
            false => (rustls::ALL_VERSIONS, usage.alpn),
        };
        let (verifier, name, verifies): (Arc<dyn ServerCertVerifier>, _, _) = match &route.tls {
            UpstreamTls::Off => return Ok(None),
            UpstreamTls::Unverified => (Arc::new(Unverified::new(provider())), None, false),
            UpstreamTls::Verified {
                roots: Roots::Platform,
                name,
            } => {
                platform.read_ahead();
                let verifier = Telling(platform.verifier());
                (Arc::new(verifier), name.clone(), true)
            }
            UpstreamTls::Verified {
                roots: Roots::File { certificates, .. },
                name,
            } => {
                let verifier = CaFile::new(certificates, provider())
                    .map_err(|error| TlsConfigError::Roots(error.into()))?;
                (Arc::new(Telling(Arc::new(verifier))), name.clone(), true)
            }
        };
        let mut client = client_with(verifier, versions);
        client.alpn_protocols = owned(alpn);
        Ok(Some(Self {
            client: Arc::new(client),
            name,
            verifies,
            end: usage.upstream_end,
            handshakes: Arc::default(),
        }))
    }

    /// The same for a server that another one has sent us to: it has a name of its own.
    pub(crate) fn without_name(&self) -> Self {
        Self {
            name: None,
            ..self.clone()
        }
    }

    /// The same, which counts its handshakes here.
    pub(crate) fn counted_in(self, handshakes: &Arc<Handshakes>) -> Self {
        let handshakes = Arc::clone(handshakes);
        Self { handshakes, ..self }
    }

    /// Counts a handshake that came to a good end.
    pub(crate) fn count(&self, kind: Option<HandshakeKind>) {
        match kind {
            Some(HandshakeKind::Resumed) => self.handshakes.resumed.add(1),
            Some(HandshakeKind::Full | HandshakeKind::FullWithHelloRetryRequest) | None => {
                self.handshakes.full.add(1);
            }
        }
    }

    pub(crate) fn client(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.client)
    }

    pub(crate) fn verifies(&self) -> bool {
        self.verifies
    }

    pub(crate) fn end(&self) -> TlsEnd {
        self.end
    }

    /// The name to ask for and to verify: `upstream_tls_name`, else the upstream's host.
    pub(crate) fn name_for(&self, host: &str) -> Result<ServerName<'static>, InvalidDnsNameError> {
        match &self.name {
            Some(name) => Ok(name.clone()),
            None => ServerName::try_from(host.to_owned()),
        }
    }
}

/// A client that trusts the platform's roots: for authorities that issue tokens. It reads them when it meets the first certificate.
#[must_use]
pub fn platform_client() -> Arc<ClientConfig> {
    Arc::new(client_with(
        PlatformRoots::default().verifier(),
        rustls::ALL_VERSIONS,
    ))
}

fn client_with(
    verifier: Arc<dyn ServerCertVerifier>,
    versions: &[&'static SupportedProtocolVersion],
) -> ClientConfig {
    client_builder(versions)
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth()
}

//! Who is looked at: ours, and tokio-rustls, which is the oracle.

use std::io;
use std::pin::Pin;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, CommonState, HandshakeKind, ProtocolVersion, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};

use super::wire::Wire;

/// The configuration of one side.
#[derive(Debug, Clone)]
pub(super) enum Config {
    Client(Arc<ClientConfig>),
    Server(Arc<ServerConfig>),
}

/// What a handshake came to.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Facts {
    pub(super) version: Option<ProtocolVersion>,
    pub(super) kind: Option<HandshakeKind>,
    pub(super) alpn: Option<Vec<u8>>,
    pub(super) certificates: usize,
}

impl Facts {
    pub(super) fn of(state: &CommonState) -> Self {
        Self {
            version: state.protocol_version(),
            kind: state.handshake_kind(),
            alpn: state.alpn_protocol().map(<[u8]>::to_vec),
            certificates: state.peer_certificates().map_or(0, <[_]>::len),
        }
    }
}

pub(super) type Shaking<T> = Pin<Box<dyn Future<Output = io::Result<T>>>>;

/// A stream of TLS over a wire.
pub(super) trait Subject: AsyncRead + AsyncWrite + Unpin + Sized + 'static {
    fn shake(config: &Config, wire: Wire) -> Shaking<Self>;
    fn facts(&self) -> Facts;
    /// Bytes of all buffers of its own, as far as it tells.
    fn holds(&self) -> usize;
}

/// The name in the certificate.
pub(super) fn name() -> ServerName<'static> {
    ServerName::try_from("localhost").unwrap()
}

/// Whom the tests are about.
pub(super) type Ours = crate::tls_stream::TlsStream<Wire>;

impl Subject for Ours {
    fn shake(config: &Config, wire: Wire) -> Shaking<Self> {
        match config {
            Config::Client(config) => Box::pin(Self::connect(Arc::clone(config), name(), wire)),
            Config::Server(config) => Box::pin(Self::accept(Arc::clone(config), wire)),
        }
    }

    fn facts(&self) -> Facts {
        Facts::of(self.session())
    }

    fn holds(&self) -> usize {
        self.records.capacity()
    }
}

pub(super) type Oracle = tokio_rustls::TlsStream<Wire>;

impl Subject for Oracle {
    fn shake(config: &Config, wire: Wire) -> Shaking<Self> {
        match config {
            Config::Client(config) => {
                let connector = tokio_rustls::TlsConnector::from(Arc::clone(config));
                Box::pin(async move { Ok(connector.connect(name(), wire).await?.into()) })
            }
            Config::Server(config) => {
                let acceptor = tokio_rustls::TlsAcceptor::from(Arc::clone(config));
                Box::pin(async move { Ok(acceptor.accept(wire).await?.into()) })
            }
        }
    }

    fn facts(&self) -> Facts {
        Facts::of(self.get_ref().1)
    }

    fn holds(&self) -> usize {
        0
    }
}

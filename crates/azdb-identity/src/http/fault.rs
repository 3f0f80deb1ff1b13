//! Why there was no answer.

use std::io;
use std::time::Duration;

use azdb_names::NameError;

use super::{LONGEST, LONGEST_HEAD};
use crate::TokenErrorKind;
use crate::proxy::TunnelFault;

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpFault {
    #[error("cannot resolve `{host}`: {source}")]
    Resolve { host: String, source: NameError },
    #[error("no connection within {} s", .0.as_secs())]
    ConnectTimeout(Duration),
    #[error(transparent)]
    Connect(io::Error),
    #[error("the TLS handshake went wrong: {0}")]
    Tls(io::Error),
    #[error("the TLS handshake through the proxy `{proxy}` went wrong: {error}")]
    TlsThrough { proxy: String, error: io::Error },
    #[error("the proxy `{proxy}` cannot be reached: {fault}")]
    ProxyAway {
        proxy: String,
        fault: Box<HttpFault>,
    },
    #[error("the proxy `{proxy}` {fault}")]
    Tunnel { proxy: String, fault: TunnelFault },
    #[error("the connection broke: {0}")]
    Broken(hyper::Error),
    #[error("no answer within {} s", .0.as_secs())]
    Silent(Duration),
    #[error("the answer is longer than {LONGEST} bytes")]
    TooLong,
    #[error("the head of the answer is longer than {LONGEST_HEAD} bytes")]
    LongHead,
    #[error("the URL has no host or is neither http nor https")]
    BadUrl,
    #[error("a secret of the environment has characters that no HTTP header can carry")]
    BadHeader,
}

impl HttpFault {
    /// What hyper met on an open connection.
    pub(super) fn of(error: hyper::Error) -> Self {
        match error.is_parse_too_large() {
            true => Self::LongHead,
            false => Self::Broken(error),
        }
    }

    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Resolve { .. }
            | Self::ConnectTimeout(_)
            | Self::Connect(_)
            | Self::ProxyAway { .. }
            | Self::Broken(_)
            | Self::Silent(_) => true,
            // A certificate that cannot be trusted stays so; a broken handshake is a broken connection.
            Self::Tls(error) | Self::TlsThrough { error, .. } => {
                error.kind() != io::ErrorKind::InvalidData
            }
            Self::Tunnel { fault, .. } => fault.is_transient(),
            Self::TooLong | Self::LongHead | Self::BadUrl | Self::BadHeader => false,
        }
    }

    /// Whether nobody has been asked yet: trying again soon is no burden to whoever would have answered.
    pub(crate) fn came_to_nobody(&self) -> bool {
        match self {
            Self::Resolve { .. }
            | Self::ConnectTimeout(_)
            | Self::Connect(_)
            | Self::ProxyAway { .. } => true,
            Self::Tunnel { .. }
            | Self::Tls(_)
            | Self::TlsThrough { .. }
            | Self::Broken(_)
            | Self::Silent(_)
            | Self::TooLong
            | Self::LongHead
            | Self::BadUrl
            | Self::BadHeader => false,
        }
    }

    /// Whose fault it is.
    pub(crate) fn kind(&self) -> TokenErrorKind {
        match self {
            Self::Resolve { .. }
            | Self::ConnectTimeout(_)
            | Self::Connect(_)
            | Self::ProxyAway { .. }
            | Self::Tls(_)
            | Self::TlsThrough { .. }
            | Self::Tunnel { .. }
            | Self::Broken(_)
            | Self::Silent(_) => TokenErrorKind::Network,
            Self::TooLong | Self::LongHead => TokenErrorKind::Identity,
            Self::BadUrl | Self::BadHeader => TokenErrorKind::Configuration,
        }
    }
}

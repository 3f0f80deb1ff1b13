//! Why there was no answer: from the name that nobody knows to the body that does not end.
//!
//! Each says its own part of a sentence that begins "IMDS cannot be asked at `http://…`". Three questions are asked of it: will it
//! pass, has anybody been burdened with it, and whose business is it.

use std::io;
use std::time::Duration;

use azdb_names::NameError;
use azdb_quote::Chain;

use super::{LONGEST, LONGEST_HEAD};
use crate::TokenErrorKind;
use crate::proxy::TunnelFault;

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpFault {
    /// The name has no address, or nobody said.
    #[error("cannot resolve `{host}`")]
    Resolve { host: String, source: NameError },
    /// Nobody answered at the address: off Azure, and behind firewalls that drop.
    #[error("no connection within {} s", .0.as_secs())]
    ConnectTimeout(Duration),
    /// The address said no, or there is no way to it.
    #[error(transparent)]
    Connect(io::Error),
    /// A certificate that nobody vouches for, or a handshake that broke.
    #[error("the TLS handshake went wrong: {0}")]
    Tls(io::Error),
    /// The same with a proxy in between, which may be the one who showed the certificate.
    #[error("the TLS handshake through the proxy `{proxy}` went wrong: {error}")]
    TlsThrough { proxy: String, error: io::Error },
    /// No connection to the proxy itself.
    #[error("the proxy `{proxy}` cannot be reached: {}", Chain(&**fault))]
    ProxyAway {
        proxy: String,
        fault: Box<HttpFault>,
    },
    /// The proxy was asked and did not connect us.
    #[error("the proxy `{proxy}` {fault}")]
    Tunnel { proxy: String, fault: TunnelFault },
    /// After it was made, before the answer was whole.
    #[error("the connection broke: {0}")]
    Broken(hyper::Error),
    /// Somebody took the connection, and then the time was over.
    #[error("no answer within {} s", .0.as_secs())]
    Silent(Duration),
    #[error("the answer is longer than {LONGEST} bytes")]
    TooLong,
    #[error("the head of the answer is longer than {LONGEST_HEAD} bytes")]
    LongHead,
    /// A variable of the platform that is no URL we can ask.
    #[error("the URL has no host or is neither http nor https")]
    BadUrl,
    /// A line break in IDENTITY_HEADER or a key, for example.
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

    /// Whether the same question may well be answered a little later.
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

//! Apps that are not there to be told.

use std::borrow::Cow;
use std::error::Error;
use std::io;

use super::{Explained, Kind, Overdue};

/// Why nobody is left who could be told anything.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Left {
    /// The app's connection broke, or closed before it had said who it is.
    #[error("the app left during the login")]
    Gone(#[from] io::Error),

    /// The app did not go on with its login in time.
    #[error(transparent)]
    Silent(#[from] Overdue),

    /// The app's TLS handshake did not succeed: what it heard of us was an alert.
    #[error("no TLS with the app")]
    Tls(#[source] io::Error),

    /// Bytes in the clear lay behind the app's request for TLS (CVE-2021-23214). Whoever put them there is not to be answered.
    #[error("{0} bytes in the clear behind the app's request for TLS")]
    StuffedBytes(usize),

    /// It spoke something in which it could not be answered.
    #[error("the app spoke something else")]
    Stranger(#[source] Box<dyn Error + Send + Sync>),
}

impl Explained for Left {
    fn kind(&self) -> Kind {
        match self {
            Self::Gone(_) | Self::Tls(_) | Self::Stranger(_) => Kind::User,
            Self::Silent(_) => Kind::Limit,
            Self::StuffedBytes(_) => Kind::Network,
        }
    }

    fn remedy(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Gone(_) => "see the app's own log",
            Self::Silent(_) => {
                "see why the app stops in the middle of its login, or raise login_timeout"
            }
            Self::Tls(_) => {
                "let the app trust what `azdb-proxy ca` prints, or take TLS out of its settings (local_tls)"
            }
            Self::StuffedBytes(_) => {
                "somebody between the app and here may be tampering with the connection"
            }
            Self::Stranger(_) => "connect with a client of the route's protocol",
        })
    }
}

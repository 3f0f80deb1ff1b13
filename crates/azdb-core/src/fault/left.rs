//! Apps that are not there to be told.

use std::borrow::Cow;
use std::io;

use rustls::{Error as TlsError, PeerIncompatible};

use super::{Explained, Kind, Late, Overdue};

/// Why nobody is left who could be told anything.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Left {
    /// The app's connection broke, or closed before it had said who it is.
    #[error("the app left during the login")]
    Gone(#[from] io::Error),

    /// The app did not go on with its login in time.
    #[error(transparent)]
    Silent(Overdue),

    /// The proxy came to its end before the app had said who it is.
    #[error("the proxy is shutting down, and the app has not logged in")]
    ShuttingDown,

    /// The app's TLS handshake did not succeed: what it heard of us was an alert.
    #[error("no TLS with the app")]
    Tls(#[source] io::Error),

    /// It speaks TLS 1.0 or 1.1, of which the library that we use has none.
    #[error("the app offers no TLS 1.2 or later")]
    OldTls(#[source] io::Error),

    /// It began with TLS, and with none of our protocols in it.
    #[error("the app's TLS is for another protocol")]
    OtherTls(#[source] io::Error),

    /// Bytes in the clear lay behind the app's request for TLS (CVE-2021-23214). Whoever put them there is not to be answered.
    #[error("{0} bytes in the clear behind the app's request for TLS")]
    StuffedBytes(usize),
}

impl Left {
    /// What a failed handshake with an app means.
    pub(crate) fn of_tls(error: io::Error) -> Self {
        let said = error.get_ref().and_then(|inner| inner.downcast_ref());
        match said {
            Some(TlsError::NoApplicationProtocol) => Self::OtherTls(error),
            // Old clients have not even the extension of TLS 1.2 that is looked at before the version.
            Some(TlsError::PeerIncompatible(
                PeerIncompatible::Tls12NotOffered
                | PeerIncompatible::Tls12NotOfferedOrEnabled
                | PeerIncompatible::SignatureAlgorithmsExtensionRequired,
            )) => Self::OldTls(error),
            _ => Self::Tls(error),
        }
    }
}

impl From<Late> for Left {
    fn from(late: Late) -> Self {
        match late {
            Late::Overdue(overdue) => Self::Silent(overdue),
            Late::ShuttingDown => Self::ShuttingDown,
        }
    }
}

impl Explained for Left {
    fn kind(&self) -> Kind {
        match self {
            Self::Gone(_) | Self::Tls(_) | Self::OldTls(_) | Self::OtherTls(_) => Kind::User,
            Self::Silent(_) | Self::ShuttingDown => Kind::Limit,
            Self::StuffedBytes(_) => Kind::Network,
        }
    }

    fn remedy(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Gone(_) => "see the app's own log",
            Self::Silent(_) => {
                "see why the app stops in the middle of its login, or raise login_timeout"
            }
            Self::ShuttingDown => "none is needed: it will connect again",
            Self::Tls(_) => {
                "let the app trust what `azdb-proxy ca` prints, or take TLS out of its settings (local_tls)"
            }
            Self::StuffedBytes(_) => {
                "somebody between the app and here may be tampering with the connection"
            }
            Self::OldTls(_) => {
                "let the app speak TLS 1.2, nothing older can be had here; or set local_tls = \"off\" for this route, if its apps \
                 come over loopback alone"
            }
            Self::OtherTls(_) => "connect with a client of the route's protocol",
        })
    }
}

//! Apps that are not there to be told.

use std::borrow::Cow;
use std::io;

use rustls::Error as TlsError;

use super::{AppTlsFlaw, Explained, Kind, Late, Overdue, label};

/// Why nobody is left who could be told anything.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Left {
    /// The app's connection broke, or closed before it had said who it is.
    #[error("the app left during the login")]
    Gone(#[source] io::Error),

    /// The app did not go on with its login in time.
    #[error(transparent)]
    Silent(Overdue),

    /// The proxy came to its end before the app had said who it is.
    #[error("the proxy is shutting down, and the app has not logged in")]
    ShuttingDown,

    /// There is no TLS with the app: what it heard of us was an alert.
    #[error("no TLS with the app")]
    Tls(#[source] AppTlsFlaw),

    /// It was asked for a password and had none to say. Interactive clients leave, ask a person, and come again.
    #[error("the app left when it was asked for a password")]
    WithoutPassword(#[source] io::Error),

    /// Bytes in the clear lay behind the app's request for TLS (CVE-2021-23214). Whoever put them there is not to be answered.
    #[error("{0} bytes in the clear behind the app's request for TLS")]
    StuffedBytes(usize),
}

impl Left {
    /// The same of an app that had been shown our certificate, and had said nothing since: it is the certificate that it left for.
    pub(crate) fn at_the_certificate(self) -> Self {
        match self {
            Self::Gone(error) | Self::Tls(AppTlsFlaw::BrokenOff(error)) => {
                Self::Tls(AppTlsFlaw::LeftAtCertificate(error))
            }
            other => other,
        }
    }
}

impl From<AppTlsFlaw> for Left {
    fn from(flaw: AppTlsFlaw) -> Self {
        Self::Tls(flaw)
    }
}

/// An app's alert may come when the handshake is over here: in TLS 1.3 it is so before the app has looked at the certificate.
impl From<io::Error> for Left {
    fn from(error: io::Error) -> Self {
        let inner = error.get_ref();
        if inner.is_some_and(|inner| inner.is::<TlsError>()) {
            Self::Tls(AppTlsFlaw::of(error))
        } else {
            Self::Gone(error)
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
    fn label(&self) -> &'static str {
        label::of_left(self)
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Gone(_) | Self::WithoutPassword(_) | Self::Tls(_) => Kind::User,
            Self::Silent(_) | Self::ShuttingDown => Kind::Limit,
            Self::StuffedBytes(_) => Kind::Network,
        }
    }

    fn remedy(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Gone(_) => "see the app's own log",
            Self::WithoutPassword(_) => {
                "give the app a user and a password of the route's app_password_file"
            }
            Self::Silent(_) => {
                "see why the app stops in the middle of its login, or raise login_timeout"
            }
            Self::ShuttingDown => "none is needed: it will connect again",
            Self::Tls(flaw) => flaw.remedy(),
            Self::StuffedBytes(_) => {
                "somebody between the app and here may be tampering with the connection"
            }
        })
    }
}

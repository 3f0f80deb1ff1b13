//! What can go wrong in any protocol.

use std::io;
use std::time::Duration;

use azdb_config::route::Endpoint;
use azdb_identity::{Audience, TokenError};
use azdb_names::NameError;
use azdb_quote::{Chain, Quoted, Spelled};

use super::windows::says_silence;
use super::{FarEnd, Late, Overdue, TlsFlaw};

/// Why an app was not let in, whatever it speaks.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// `user_map` does not list the app's user.
    #[error("user {} is not in user_map", Quoted(.user))]
    UnknownUser {
        /// As the app gave it.
        user: Vec<u8>,
    },

    /// Nobody may come from there: `allow` or `allow_uids` does not list it.
    #[error("no app may come from {peer}")]
    NotAdmitted {
        /// The app's address, or the user that it runs as.
        peer: String,
    },

    /// A load balancer that is to say who comes has not said it.
    #[error("no header of the PROXY protocol came from {balancer}")]
    NotAnnounced {
        /// Its address.
        balancer: String,
    },

    /// Not a user and password of `app_password_file`. Which of both is wrong is not for the app to know.
    #[error("no app comes in as user {} with what was said for a password", Quoted(.user))]
    WrongPassword {
        /// As the app gave it.
        user: Vec<u8>,
    },

    /// So many wrong passwords have come from there that nobody looks at one more now.
    #[error("too many wrong passwords have come from {origin}")]
    TooManyWrong {
        /// The address, network or user that they came from.
        origin: String,
    },

    /// The app speaks in the clear, and `local_tls` says that none may.
    #[error("the app speaks without TLS, and this route takes no app without")]
    AppWithoutTls,

    /// Every session of the route is taken.
    #[error("all {limit} connections of the route are taken")]
    TooMany {
        /// `max_connections`.
        limit: usize,
    },

    /// The proxy is draining.
    #[error("the proxy is shutting down")]
    ShuttingDown,

    /// The upstream's name leads to another address now, and the route says that sessions follow it.
    #[error("`{name}` has moved to another address")]
    Moved {
        /// The name.
        name: Endpoint,
    },

    /// Nothing has been said in the session for as long as the route allows.
    #[error("nothing has been said for {}", Spelled(*.limit))]
    Idle {
        /// `idle_timeout`.
        limit: Duration,
    },

    /// No random bytes from the system.
    #[error("no random bytes")]
    NoRandomness,

    /// The identity source would not, or could not, give a token.
    #[error("no token for audience `{audience}`")]
    Token {
        /// What the token was to be good for.
        audience: Audience,
        /// What the source said.
        #[source]
        source: TokenError,
    },

    /// The secret is longer than the server reads, or than is sent.
    #[error("cannot send the secret of {bytes} bytes, the most is {most}")]
    SecretTooLong {
        /// Its length.
        bytes: usize,
        /// The longest that is sent.
        most: usize,
    },

    /// The password exchange with a development server went wrong.
    #[error("password exchange with the upstream")]
    Password(#[source] io::Error),

    /// The upstream takes the password as it is, and nobody has verified who that is.
    #[error(
        "the password would go to `{host}` as it is, and nobody has verified who that is: it was not sent"
    )]
    PasswordInClear {
        /// Whom we asked for.
        host: String,
    },

    /// A route has no upstream. The configuration never makes such a one.
    #[error("the route has no upstream")]
    NoUpstream,

    /// The upstream's name did not become an address.
    #[error("cannot resolve `{host}`")]
    Resolve {
        /// The name.
        host: String,
        /// What the resolver said.
        #[source]
        source: NameError,
    },

    /// An address of the upstream's did not take the connection.
    #[error("cannot connect to {far_end}")]
    Connect {
        /// Where to.
        far_end: FarEnd,
        /// What it answered.
        #[source]
        source: io::Error,
    },

    /// Nothing came back from any address of the upstream: packets are dropped.
    #[error("cannot connect to {far_end}: no answer in {}", Spelled(*.waited))]
    NoAnswer {
        /// Where to.
        far_end: FarEnd,
        /// How long it was waited for.
        waited: Duration,
    },

    /// The upstream took the connection, and then said nothing.
    #[error("{far_end} took the connection and has not answered in {}: {awaiting}", Spelled(*.waited))]
    Unheard {
        /// Who.
        far_end: FarEnd,
        /// What for: "waiting for its greeting".
        awaiting: &'static str,
        /// How long it was waited for.
        waited: Duration,
    },

    /// The upstream is one of our own listeners.
    #[error("upstream `{upstream}` is a listener of this proxy")]
    Loop {
        /// Where to.
        upstream: Endpoint,
    },

    /// The upstream does not speak TLS.
    #[error("`{host}` does not speak TLS")]
    NoTls {
        /// Whom we asked.
        host: String,
    },

    /// Bytes in the clear came with the upstream's "yes" to TLS (CVE-2021-23222).
    #[error("{count} bytes in the clear behind `{host}`'s answer to the request for TLS")]
    StuffedBytes {
        /// Whom we asked.
        host: String,
        /// How many.
        count: usize,
    },

    /// The handshake did not succeed, or the certificate did not stand up. Nothing secret was sent.
    #[error("{} `{host}`", if .flaw.is_of_the_certificate() { "cannot trust upstream" } else { "no TLS with upstream" })]
    Tls {
        /// Whom we asked for.
        host: String,
        /// What is wrong with its TLS.
        #[source]
        flaw: TlsFlaw,
    },

    /// A token must not go where nobody has verified the name.
    #[error("the way to `{host}` is not verified, the token was not sent")]
    NotSealed {
        /// Where the way leads.
        host: String,
    },

    /// The upstream broke the rules of the protocol.
    #[error("upstream sent {what}")]
    UpstreamRules {
        /// In words.
        what: &'static str,
    },

    /// The upstream's connection broke during the login.
    #[error("lost {} while {doing}", .far_end.as_deref().map_or_else(|| "the upstream".to_owned(), FarEnd::to_string))]
    UpstreamLost {
        /// Who, where that is not known from elsewhere.
        far_end: Option<Box<FarEnd>>,
        /// What we were doing.
        doing: &'static str,
        /// What the socket reported.
        #[source]
        source: io::Error,
    },

    /// The upstream's machine has vanished from the network.
    #[error("the upstream has answered nothing for {}", Spelled(*.limit))]
    UpstreamSilent {
        /// `upstream_timeout`.
        limit: Duration,
    },

    /// Time ran out.
    #[error(transparent)]
    Overdue(Overdue),
}

impl From<Late> for Cause {
    fn from(late: Late) -> Self {
        match late {
            Late::Overdue(overdue) => Self::Overdue(overdue),
            Late::ShuttingDown => Self::ShuttingDown,
        }
    }
}

impl Cause {
    /// What a broken upstream means for whoever is in a session with it, where a vanished one is one that answered nothing for
    /// `limit`.
    pub(crate) fn in_session(source: io::Error, limit: Duration) -> Self {
        match source.kind() {
            io::ErrorKind::TimedOut
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable => Self::UpstreamSilent { limit },
            _ if says_silence(&source) => Self::UpstreamSilent { limit },
            _ => Self::lost("the session was going on")(source),
        }
    }

    /// What a broken upstream means for whoever was `doing` something with it.
    pub(crate) fn lost(doing: &'static str) -> impl Fn(io::Error) -> Self + Copy {
        move |source| Self::UpstreamLost {
            far_end: None,
            doing,
            source,
        }
    }

    /// The same of something that happened with this far end, where it does not say who that was.
    pub(super) fn with(self, far_end: FarEnd) -> Self {
        match self {
            Self::Overdue(Overdue { doing, waited, .. }) => Self::Unheard {
                far_end,
                awaiting: doing,
                waited,
            },
            Self::UpstreamLost { doing, source, .. } => Self::UpstreamLost {
                far_end: Some(Box::new(far_end)),
                doing,
                source,
            },
            other => other,
        }
    }

    /// What an app is told of what happened, in any protocol.
    pub(crate) fn told(&self) -> String {
        match self {
            Self::Token { source, .. } => format!("no token: {}", source.cause()),
            Self::UnknownUser { .. }
            | Self::NotAdmitted { .. }
            | Self::NotAnnounced { .. }
            | Self::WrongPassword { .. }
            | Self::TooManyWrong { .. }
            | Self::AppWithoutTls
            | Self::TooMany { .. }
            | Self::ShuttingDown
            | Self::Moved { .. }
            | Self::Idle { .. }
            | Self::NoRandomness
            | Self::SecretTooLong { .. }
            | Self::Password(_)
            | Self::PasswordInClear { .. }
            | Self::NoUpstream
            | Self::Resolve { .. }
            | Self::Connect { .. }
            | Self::NoAnswer { .. }
            | Self::Unheard { .. }
            | Self::Loop { .. }
            | Self::NoTls { .. }
            | Self::StuffedBytes { .. }
            | Self::Tls { .. }
            | Self::NotSealed { .. }
            | Self::UpstreamRules { .. }
            | Self::UpstreamLost { .. }
            | Self::UpstreamSilent { .. }
            | Self::Overdue(_) => Chain(self).to_string(),
        }
    }
}

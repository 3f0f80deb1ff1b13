//! What can go wrong in PostgreSQL alone.

use std::borrow::Cow;

use azdb_quote::{Chain, Quoted};
use azdb_wire::postgres::{ErrorFields, FirstError, MessageError, Version};

use super::hint;
use crate::fault::{Explained, Fault, Kind, Meaning, OwnFault, ProvedBy};
use crate::gate::ScramError;

/// A step of PostgreSQL's login went wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PostgresFault {
    /// The app spoke something else, or broke the rules of what it spoke.
    #[error("the app's first packet is not one of PostgreSQL")]
    AppPacket(#[from] FirstError),

    /// The app's proof that it knows its password is none.
    #[error("the app's proof that it knows its password is none")]
    AppProof(#[source] ScramError),

    /// The app speaks another major version of the protocol.
    #[error("protocol version {0}")]
    AppVersion(Version),

    /// The app named no user.
    #[error("the app named no user")]
    NoUser,

    /// The upstream's answer to the request for TLS was none.
    #[error("`{host}` answered the request for TLS with {}", Quoted(.answer))]
    TlsAnswer {
        /// Whom we asked.
        host: String,
        /// What came; nothing vouches for it (CVE-2024-10977).
        answer: Vec<u8>,
    },

    /// The upstream wants a proof that a token can't give: for it the role is one with a password.
    #[error("upstream asked user {} for: {asked}", Quoted(.role.as_bytes()))]
    Challenge {
        /// The role.
        role: String,
        /// In words.
        asked: &'static str,
    },

    /// The upstream sent a message that is none.
    #[error("upstream sent a bad message")]
    UpstreamMessage(#[from] MessageError),

    /// The upstream refused, in its own words.
    #[error("upstream refused: {}", Quoted(.message))]
    Refused {
        /// The text of its error.
        message: Vec<u8>,
        /// Its ErrorResponse without tag and length.
        body: Vec<u8>,
        /// What it means, where that is known.
        meaning: Option<Meaning>,
        /// Of what.
        proved_by: ProvedBy,
        /// The messages that it sent before, as the app is to read them: its notices, and its "Ok" where it had said so.
        before: Vec<u8>,
    },
}

impl Explained for PostgresFault {
    fn label(&self) -> &'static str {
        match self {
            Self::AppPacket(_) | Self::AppProof(_) => "app_protocol",
            Self::AppVersion(_) => "app_version",
            Self::NoUser => "no_user",
            Self::TlsAnswer { .. } | Self::UpstreamMessage(_) => "upstream_protocol",
            Self::Challenge { .. } => "not_entra",
            Self::Refused { .. } => "refused_by_upstream",
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::AppPacket(_) | Self::AppProof(_) | Self::AppVersion(_) | Self::NoUser => {
                Kind::User
            }
            Self::TlsAnswer { .. } | Self::UpstreamMessage(_) => Kind::Upstream,
            Self::Refused { meaning, .. } => meaning.map_or(Kind::Upstream, |known| known.kind),
            Self::Challenge { .. } => Kind::Configuration,
        }
    }

    fn remedy(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::AppPacket(_) => "connect with a PostgreSQL client",
            Self::AppProof(_) => {
                "connect with a driver that speaks SCRAM-SHA-256; nothing between it and here may change TLS for another"
            }
            Self::AppVersion(_) => "connect with a client of PostgreSQL 7.4 or later",
            Self::NoUser => "name any user",
            Self::TlsAnswer { .. } | Self::UpstreamMessage(_) => {
                "check that the upstream is a PostgreSQL server"
            }
            Self::Challenge { .. } => {
                "as Entra administrator, in database postgres: select * from pgaadauth_list_principals(false); \
                 create the role (azdb-proxy grant prints how) or correct upstream_user"
            }
            Self::Refused { meaning, .. } => meaning.map_or(
                "the words are the server's own; see its documentation and its log",
                |known| known.remedy,
            ),
        })
    }
}

impl OwnFault for PostgresFault {
    fn told(&self) -> String {
        match self {
            Self::AppVersion(version) => {
                format!("unsupported frontend protocol {version}: server supports 3.0 to 3.x")
            }
            // Nothing vouches for bytes from before TLS: the log has them, the app does not.
            Self::TlsAnswer { host, .. } => {
                format!("`{host}` did not answer the request for TLS, see the proxy's log")
            }
            Self::Challenge { role, asked } => format!(
                "upstream asked for a password challenge ({asked}): role \"{role}\" is not mapped to a Microsoft Entra principal \
                 on this server (names are case-sensitive)"
            ),
            Self::AppPacket(_)
            | Self::AppProof(_)
            | Self::NoUser
            | Self::UpstreamMessage(_)
            | Self::Refused { .. } => Chain(self).to_string(),
        }
    }

    fn upstreams_words(&mut self) -> Vec<&mut Vec<u8>> {
        match self {
            Self::Refused {
                message,
                body,
                before,
                meaning: _,
                proved_by: _,
            } => vec![message, body, before],
            Self::TlsAnswer { answer, .. } => vec![answer],
            Self::AppPacket(_)
            | Self::AppProof(_)
            | Self::AppVersion(_)
            | Self::NoUser
            | Self::Challenge { .. }
            | Self::UpstreamMessage(_) => Vec::new(),
        }
    }

    fn says_token_expired(&self) -> bool {
        match self {
            Self::Refused { message, .. } => hint::says_token_expired(message),
            Self::AppPacket(_)
            | Self::AppProof(_)
            | Self::AppVersion(_)
            | Self::NoUser
            | Self::TlsAnswer { .. }
            | Self::Challenge { .. }
            | Self::UpstreamMessage(_) => false,
        }
    }

    fn is_away(&self) -> bool {
        match self {
            Self::Refused { body, .. } => {
                let sqlstate = ErrorFields::of(body).get(b'C').unwrap_or_default();
                AWAY.contains(&sqlstate)
            }
            Self::AppPacket(_)
            | Self::AppProof(_)
            | Self::AppVersion(_)
            | Self::NoUser
            | Self::TlsAnswer { .. }
            | Self::Challenge { .. }
            | Self::UpstreamMessage(_) => false,
        }
    }
}

/// SQLSTATEs of a server that is away for a moment: too_many_connections, admin_shutdown, crash_shutdown, cannot_connect_now.
const AWAY: [&[u8]; 4] = [b"53300", b"57P01", b"57P02", b"57P03"];

impl From<MessageError> for Fault<PostgresFault> {
    fn from(error: MessageError) -> Self {
        Self::Own(error.into())
    }
}

impl From<ScramError> for Fault<PostgresFault> {
    fn from(error: ScramError) -> Self {
        Self::Own(PostgresFault::AppProof(error))
    }
}

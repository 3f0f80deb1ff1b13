//! What can go wrong in MySQL alone.

use std::borrow::Cow;

use azdb_quote::{Chain, Quoted};
use azdb_wire::mysql::{ErrorPacket, PacketError};

use super::numbers;
use crate::fault::{Explained, Kind, Meaning, OwnFault, ProvedBy};

/// A step of MySQL's login went wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MysqlFault {
    /// The app sent a packet that is none of a login.
    #[error("the app sent a bad packet")]
    AppPacket(#[source] PacketError),

    /// The app wants TLS, and the greeting offered none.
    #[error("the app wants TLS and is offered none")]
    AppWantsTls,

    /// The app's password can be checked by the password itself alone, and others would hear it.
    #[error(
        "the app speaks without TLS, and its user's password is known by a hash that no proof without TLS can be checked by"
    )]
    AppProofInClear,

    /// The upstream wants a proof that a token can't give: for it the user is one with a password.
    #[error("upstream asked user {} for: {asked}", Quoted(.user.as_bytes()))]
    Challenge {
        /// The principal.
        user: String,
        /// In words.
        asked: &'static str,
    },

    /// The upstream sent a packet that is none of a login.
    #[error("upstream sent a bad packet")]
    UpstreamPacket(#[source] PacketError),

    /// The upstream refused where it should have greeted. Nothing vouches for its words.
    #[error("upstream refused the connection with error {code}: {}", Quoted(.message))]
    RefusedAtOnce {
        /// The number of its error.
        code: u16,
        /// The text of its error.
        message: Vec<u8>,
    },

    /// The upstream refused the user without asking for a token, as it does for users with a password and for unknown ones.
    #[error("upstream refused user {} without asking for a token: {}", Quoted(.user.as_bytes()), Quoted(.message))]
    NotEntra {
        /// The principal.
        user: String,
        /// The text of its error.
        message: Vec<u8>,
        /// The number of its error.
        code: u16,
    },

    /// The upstream refused, in its own words.
    #[error("upstream refused: {}", Quoted(&.0.message))]
    Refused(Refused),
}

/// An upstream's ERR packet.
#[derive(Debug, Clone)]
pub(crate) struct Refused {
    /// The number of its error.
    pub(super) code: u16,
    /// The text of its error.
    pub(super) message: Vec<u8>,
    /// Its payload.
    pub(super) body: Vec<u8>,
    /// Of what.
    pub(super) proved_by: ProvedBy,
}

impl Refused {
    /// What the packet with this payload says.
    pub(super) fn of(error: &ErrorPacket<'_>, payload: &[u8], proved_by: ProvedBy) -> Self {
        Self {
            proved_by,
            code: error.code,
            message: error.message.to_vec(),
            body: payload.to_vec(),
        }
    }

    /// What it means, where that is known.
    pub(super) fn meaning(&self) -> Option<Meaning> {
        numbers::meaning_of(self.code, &self.message, self.proved_by)
    }
}

impl MysqlFault {
    /// The number of the upstream's error, where it has refused a login.
    pub(super) fn refusal(&self) -> Option<u16> {
        match self {
            Self::Refused(Refused { code, .. }) | Self::NotEntra { code, .. } => Some(*code),
            Self::AppPacket(_)
            | Self::AppWantsTls
            | Self::AppProofInClear
            | Self::Challenge { .. }
            | Self::UpstreamPacket(_)
            | Self::RefusedAtOnce { .. } => None,
        }
    }
}

impl Explained for MysqlFault {
    fn label(&self) -> &'static str {
        match self {
            Self::AppPacket(_) => "app_protocol",
            Self::AppProofInClear => "app_without_tls",
            Self::AppWantsTls => "app_wants_tls",
            Self::Challenge { .. } | Self::NotEntra { .. } => "not_entra",
            Self::UpstreamPacket(_) => "upstream_protocol",
            Self::RefusedAtOnce { .. } | Self::Refused(_) => "refused_by_upstream",
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::AppPacket(_) | Self::AppWantsTls | Self::AppProofInClear => Kind::User,
            Self::Challenge { .. } | Self::NotEntra { .. } => Kind::Configuration,
            Self::UpstreamPacket(_) => Kind::Upstream,
            Self::RefusedAtOnce { code, .. } => {
                at_once(*code).map_or(Kind::Upstream, |known| known.kind)
            }
            Self::Refused(refused) => refused.meaning().map_or(Kind::Upstream, |known| known.kind),
        }
    }

    fn remedy(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::AppPacket(_) => "connect with a client of MySQL or MariaDB",
            Self::AppWantsTls => "take TLS out of the app's settings, or set local_tls to \"auto\"",
            Self::AppProofInClear => {
                "turn TLS on in the app (ssl-mode=REQUIRED, --ssl), or give app_password_file the password or its mysql_native_password hash"
            }
            Self::Challenge { user, .. } | Self::NotEntra { user, .. } => {
                return Cow::Owned(format!(
                    "as Entra administrator: CREATE AADUSER '{user}' IDENTIFIED BY '<client id of the identity>' (azdb-proxy grant prints it), or \
                     correct upstream_user"
                ));
            }
            Self::UpstreamPacket(_) => "check that the upstream is a server of MySQL or MariaDB",
            Self::RefusedAtOnce { code, .. } => at_once(*code).map_or(
                "look the number up in the server's error reference, and see its log",
                |known| known.remedy,
            ),
            Self::Refused(refused) => refused.meaning().map_or(
                "the words are the server's own; see its documentation and its log",
                |known| known.remedy,
            ),
        })
    }
}

impl OwnFault for MysqlFault {
    fn told(&self) -> String {
        match self {
            Self::Challenge { user, asked } => format!(
                "upstream asked for {asked}: user '{user}' is not a Microsoft Entra user on this server"
            ),
            Self::NotEntra { user, message, .. } => format!(
                "user '{user}' is not a Microsoft Entra user on this server, which asked for no token and said {}",
                Quoted(message)
            ),
            // Nothing vouches for words from before TLS: the log has them, the app does not. The number says enough.
            Self::RefusedAtOnce { code, .. } => {
                format!("the upstream refused the connection with error {code}")
            }
            Self::AppPacket(_)
            | Self::AppWantsTls
            | Self::AppProofInClear
            | Self::UpstreamPacket(_)
            | Self::Refused(_) => Chain(self).to_string(),
        }
    }

    fn upstreams_words(&mut self) -> Vec<&mut Vec<u8>> {
        match self {
            Self::Refused(refused) => vec![&mut refused.message, &mut refused.body],
            Self::NotEntra { message, .. } | Self::RefusedAtOnce { message, .. } => vec![message],
            Self::AppPacket(_)
            | Self::AppWantsTls
            | Self::AppProofInClear
            | Self::Challenge { .. }
            | Self::UpstreamPacket(_) => Vec::new(),
        }
    }

    fn says_token_expired(&self) -> bool {
        match self {
            Self::Refused(refused) => {
                let text = String::from_utf8_lossy(&refused.message).to_ascii_lowercase();
                text.contains("token") && text.contains("expired")
            }
            Self::AppPacket(_)
            | Self::AppWantsTls
            | Self::AppProofInClear
            | Self::Challenge { .. }
            | Self::UpstreamPacket(_)
            | Self::RefusedAtOnce { .. }
            | Self::NotEntra { .. } => false,
        }
    }

    fn is_away(&self) -> bool {
        match self {
            Self::RefusedAtOnce { code, .. } | Self::Refused(Refused { code, .. }) => {
                numbers::AWAY.contains(code)
            }
            Self::AppPacket(_)
            | Self::AppWantsTls
            | Self::AppProofInClear
            | Self::Challenge { .. }
            | Self::UpstreamPacket(_)
            | Self::NotEntra { .. } => false,
        }
    }
}

/// What the number of an error means before anybody has proved anything.
fn at_once(code: u16) -> Option<Meaning> {
    numbers::meaning_of(code, b"", ProvedBy::Password)
}

//! What an app reads when it is not let in. Decided error by error: a new one says nothing until someone decides what.
//!
//! Source of the codes: PostgreSQL 18, appendix A. Pools take class 08 for a connection that failed, and libpq tries the next
//! host of a list after 57P03.

use azdb_wire::postgres::{ErrorResponse, append_hint};

use super::hint;
use crate::error::LoginError;
use azdb_quote::Chain;

/// An ErrorResponse to be.
pub(super) enum Notice {
    /// Ours: code, what happened, what to do.
    Ours(&'static str, String, String),
    /// The upstream's own, perhaps with a hint that it did not have.
    Upstreams {
        body: Vec<u8>,
        hint: Option<&'static str>,
    },
}

impl Notice {
    pub(super) fn into_bytes(self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Ours(sqlstate, message, hint) => {
                let message = format!("azdb-proxy: {message}");
                ErrorResponse {
                    sqlstate,
                    message: &message,
                    hint: &hint,
                }
                .encode(&mut out);
            }
            Self::Upstreams { body, hint } => append_hint(&body, hint, &mut out),
        }
        out
    }
}

/// What to tell the app; `None` when it is not there to be told, or never spoke PostgreSQL.
pub(super) fn notice(error: &LoginError) -> Option<Notice> {
    let ours = |code, hint: &str| Some(Notice::Ours(code, Chain(error).to_string(), hint.into()));
    match error {
        LoginError::AppLeft(_) | LoginError::AppTls(_) | LoginError::AppStuffedBytes(_) => None,
        LoginError::Tds(_) => None,

        // Of other protocols.
        LoginError::AppMysqlPacket(_)
        | LoginError::AppTooOld
        | LoginError::NoRandomness
        | LoginError::TokenTooLong { .. }
        | LoginError::RefusedAtOnce { .. }
        | LoginError::NotEntra { .. }
        | LoginError::UpstreamMysqlPacket(_) => None,

        LoginError::AppPacket(_) => ours("08P01", "connect with a PostgreSQL client"),
        LoginError::AppVersion(version) => Some(Notice::Ours(
            "0A000",
            format!("unsupported frontend protocol {version}: server supports 3.0 to 3.x"),
            "connect with a client of PostgreSQL 7.4 or later".into(),
        )),
        LoginError::NoUser => ours("28000", "name any user"),
        LoginError::UnknownUser { .. } => ours(
            "28000",
            "add the user to user_map of this route, or connect as one that it lists",
        ),
        LoginError::TooMany { .. } => ours(
            "53300",
            "close idle connections, make the app's pool smaller, or raise max_connections",
        ),
        LoginError::ShuttingDown => ours("57P03", "try again"),

        LoginError::Token { source, .. } => {
            let code = if source.is_transient() {
                "57P03"
            } else {
                "28000"
            };
            Some(Notice::Ours(
                code,
                format!("no token: {}", source.cause()),
                source.remedy(),
            ))
        }
        LoginError::SecretTooLong(_) => ours(
            "28000",
            "PostgreSQL reads no more; tokens grow with group memberships, use an identity with fewer",
        ),
        LoginError::Challenge { user, asked } => Some(challenge(user, asked)),
        LoginError::Password(_) => ours("28000", "check upstream_password_file"),

        LoginError::Resolve { .. } => ours(
            "08001",
            "check the upstream's name and this machine's DNS; a private endpoint needs its private DNS zone, or connect_to",
        ),
        LoginError::Connect { .. } => ours(
            "08001",
            "check that the server runs and that its firewall and this network let this machine through",
        ),
        LoginError::Loop { .. } => ours("08001", "name the database as upstream, not this proxy"),
        LoginError::NoTls { .. } => ours(
            "08001",
            "turn TLS on at the server (ssl = on); without it no secret is sent",
        ),
        // Nothing vouches for bytes from before TLS: the log has them, the app does not (CVE-2024-10977).
        LoginError::TlsAnswer { host, .. } => Some(Notice::Ours(
            "08001",
            format!("`{host}` did not answer the request for TLS, see the proxy's log"),
            "check that the upstream is a PostgreSQL server".into(),
        )),
        LoginError::UpstreamStuffedBytes { .. } => ours(
            "08006",
            "somebody between here and the server may be tampering with the connection",
        ),
        LoginError::Tls { .. } => ours(
            "08006",
            "the upstream must be the name that its certificate carries; set upstream_tls_name when you dial another one, \
             upstream_ca_file when a private authority signed it",
        ),
        LoginError::NotSealed { .. } => ours("08006", "set upstream_tls to \"verify\""),
        LoginError::UpstreamPacket { .. } | LoginError::UpstreamMessage(_) => {
            ours("08P01", "check that the upstream is a PostgreSQL server")
        }
        LoginError::UpstreamLost { .. } => {
            ours("08006", "try again; if it stays, see the server's log")
        }
        LoginError::Deadline { .. } => ours(
            "57P03",
            "check the network to whatever it waited for, or raise login_timeout",
        ),

        LoginError::Refused { message, body } => Some(Notice::Upstreams {
            body: body.clone(),
            hint: hint::for_text(message),
        }),
    }
}

fn challenge(user: &str, asked: &str) -> Notice {
    Notice::Ours(
        "28000",
        format!(
            "upstream asked for a password challenge ({asked}): role \"{user}\" is not mapped to a Microsoft Entra principal \
             on this server (names are case-sensitive)"
        ),
        "as Entra administrator, in database postgres: select * from pgaadauth_list_principals(false); \
         create the role with pgaadauth_create_principal or correct upstream_user"
            .into(),
    )
}

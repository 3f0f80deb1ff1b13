//! What an app reads when it is not let in. Decided error by error: a new one says nothing until someone decides what.
//!
//! Source of the codes: the server error reference of MySQL 9. Pools take class 08 for a connection that failed. Codes from
//! 2000 to 2999 belong to the apps' own libraries; MariaDB's takes a packet with one for a malformed packet.

use azdb_wire::mysql::ErrorPacket;

use crate::error::LoginError;
use azdb_quote::Chain;

/// Bytes of an error's text that MySQL's own library keeps, its final NUL included.
const MAX_TEXT: usize = 511;

/// Code and SQLSTATE.
type Class = (u16, &'static [u8; 5]);

const ACCESS_DENIED: Class = (1045, b"28000");
const TOO_MANY: Class = (1040, b"08004");
const BAD_PACKET: Class = (1043, b"08S01");
const SHUTDOWN: Class = (1053, b"08S01");
const NO_WAY_UPSTREAM: Class = (1105, b"08S01");

/// The payload of the ERR packet that tells an app; `None` when it is not there to be told, or never spoke MySQL.
pub(super) fn notice(error: &LoginError) -> Option<Vec<u8>> {
    let ours = |class, hint: &str| {
        let text = format!("azdb-proxy: {}; {hint}", Chain(error));
        Some(encode(class, &text))
    };
    match error {
        LoginError::AppLeft(_) | LoginError::AppTls(_) | LoginError::AppStuffedBytes(_) => None,

        // Of other protocols.
        LoginError::AppPacket(_)
        | LoginError::AppVersion(_)
        | LoginError::NoUser
        | LoginError::TlsAnswer { .. }
        | LoginError::UpstreamMessage(_)
        | LoginError::Tds(_) => None,

        LoginError::AppMysqlPacket(_) => {
            ours(BAD_PACKET, "connect with a client of MySQL or MariaDB")
        }
        LoginError::AppTooOld => Some(too_old()),
        LoginError::UnknownUser { .. } => ours(
            ACCESS_DENIED,
            "add the user to user_map of this route, or connect as one that it lists",
        ),
        LoginError::TooMany { .. } => ours(
            TOO_MANY,
            "close idle connections, make the app's pool smaller, or raise max_connections",
        ),
        LoginError::ShuttingDown => ours(SHUTDOWN, "try again"),
        LoginError::NoRandomness => {
            ours(NO_WAY_UPSTREAM, "check this machine's random number source")
        }

        LoginError::Token { source, .. } => {
            let class = if source.is_transient() {
                NO_WAY_UPSTREAM
            } else {
                ACCESS_DENIED
            };
            let (cause, remedy) = (source.cause(), source.remedy());
            Some(encode(
                class,
                &format!("azdb-proxy: no token: {cause}; {remedy}"),
            ))
        }
        LoginError::SecretTooLong(_) | LoginError::TokenTooLong { .. } => ours(
            ACCESS_DENIED,
            "tokens grow with group memberships, use an identity with fewer",
        ),
        LoginError::Challenge { user, asked } => Some(challenge(user, asked)),
        LoginError::NotEntra { user, message, .. } => Some(not_entra(user, message)),
        LoginError::Password(_) => ours(
            ACCESS_DENIED,
            "check upstream_password_file and upstream_tls",
        ),

        LoginError::Resolve { .. } => ours(
            NO_WAY_UPSTREAM,
            "check the upstream's name and this machine's DNS; a private endpoint needs its private DNS zone, or connect_to",
        ),
        LoginError::Connect { .. } => ours(
            NO_WAY_UPSTREAM,
            "check that the server runs and that its firewall and this network let this machine through",
        ),
        LoginError::Loop { .. } => ours(
            NO_WAY_UPSTREAM,
            "name the database as upstream, not this proxy",
        ),
        LoginError::NoTls { .. } => ours(
            NO_WAY_UPSTREAM,
            "turn TLS on at the server (ssl_cert, ssl_key); without it no secret is sent",
        ),
        LoginError::UpstreamStuffedBytes { .. } => ours(
            NO_WAY_UPSTREAM,
            "somebody between here and the server may be tampering with the connection",
        ),
        LoginError::Tls { .. } => ours(
            NO_WAY_UPSTREAM,
            "the upstream must be the name that its certificate carries; set upstream_tls_name when you dial another one, \
             upstream_ca_file when a private authority signed it",
        ),
        LoginError::NotSealed { .. } => ours(NO_WAY_UPSTREAM, "set upstream_tls to \"verify\""),
        LoginError::UpstreamPacket { .. } | LoginError::UpstreamMysqlPacket(_) => ours(
            NO_WAY_UPSTREAM,
            "check that the upstream is a server of MySQL or MariaDB",
        ),
        LoginError::UpstreamLost { .. } => ours(
            NO_WAY_UPSTREAM,
            "try again; if it stays, see the server's log",
        ),
        LoginError::Deadline { .. } => ours(
            NO_WAY_UPSTREAM,
            "check the network to whatever it waited for, or raise login_timeout",
        ),
        LoginError::RefusedAtOnce { code, .. } => Some(refused_at_once(*code)),

        LoginError::Refused { body, .. } => Some(body.clone()),
    }
}

/// Whether the upstream refused because the token was too old.
pub(super) fn says_token_expired(error: &LoginError) -> bool {
    match error {
        LoginError::Refused { message, .. } => {
            let text = String::from_utf8_lossy(message).to_ascii_lowercase();
            text.contains("token") && text.contains("expired")
        }
        _ => false,
    }
}

fn encode((code, sqlstate): Class, text: &str) -> Vec<u8> {
    let end = text.floor_char_boundary(MAX_TEXT);
    ErrorPacket {
        code,
        sqlstate: Some(*sqlstate),
        message: text.get(..end).unwrap_or(text).as_bytes(),
    }
    .encode()
}

/// In the server's own words, and without the state that such apps do not know.
fn too_old() -> Vec<u8> {
    ErrorPacket {
        code: 1251,
        sqlstate: None,
        message: b"Client does not support authentication protocol requested by server; consider upgrading MySQL client",
    }
    .encode()
}

fn challenge(user: &str, asked: &str) -> Vec<u8> {
    let text = format!(
        "azdb-proxy: upstream asked for {asked}: user '{user}' is not a Microsoft Entra user on this server; as Entra \
         administrator: CREATE AADUSER '{user}' IDENTIFIED BY '<client id of the identity>', or correct upstream_user"
    );
    encode(ACCESS_DENIED, &text)
}

fn not_entra(user: &str, message: &[u8]) -> Vec<u8> {
    let said = azdb_quote::Quoted(message);
    let text = format!(
        "azdb-proxy: user '{user}' is not a Microsoft Entra user on this server, which asked for no token and said {said}; as \
         Entra administrator: CREATE AADUSER '{user}' IDENTIFIED BY '<client id of the identity>', or correct upstream_user"
    );
    encode(ACCESS_DENIED, &text)
}

/// Nothing vouches for words from before TLS: the log has them, the app does not. The number says enough.
fn refused_at_once(code: u16) -> Vec<u8> {
    let (class, hint) = match code {
        1040 | 1203 => (
            TOO_MANY,
            "the server has no connection left: close some, or raise its max_connections",
        ),
        1129 => (
            NO_WAY_UPSTREAM,
            "the server has shut this machine out after too many broken connections: FLUSH HOSTS",
        ),
        1130 => (
            NO_WAY_UPSTREAM,
            "the server's firewall or its users do not know this machine's address",
        ),
        _ => (NO_WAY_UPSTREAM, "see the proxy's log"),
    };
    let text = format!("azdb-proxy: the upstream refused the connection with error {code}; {hint}");
    encode(class, &text)
}

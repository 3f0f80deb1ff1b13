//! What an app reads when it is not let in. Decided error by error: a new one says nothing until someone decides what.
//!
//! 18456 is "login failed", which nobody tries again; 40613 is "database not available now", which drivers do try again.

use azdb_wire::tds::{LoginAnswer, Manner, Notice};

use super::TdsError;
use crate::error::LoginError;
use azdb_quote::Chain;

/// Login failed.
const FAILED: (u32, u8) = (18456, 14);
/// Not available now.
const UNAVAILABLE: (u32, u8) = (40613, 17);

/// Writes what to tell the app; `false` when it is not there to be told, or never spoke TDS.
pub(super) fn notice(
    error: &LoginError,
    manner: &Manner,
    route: &str,
    payload: &mut Vec<u8>,
) -> bool {
    if let LoginError::Refused { body, .. } = error {
        // The upstream's own words. They have been read once, so they can be read again.
        return match LoginAnswer::parse(body) {
            Ok(answer) => {
                answer.rewrite(manner, payload);
                true
            }
            Err(_) => false,
        };
    }
    let Some(((number, class), cause, remedy)) = ours(error) else {
        return false;
    };
    let message = format!("azdb-proxy: {cause}. What to do: {remedy}");
    Notice {
        number,
        class,
        message: &message,
        server: route,
    }
    .encode(manner.width(), payload);
    true
}

/// Number and class, what happened, what to do.
type Ours = ((u32, u8), String, String);

fn ours(error: &LoginError) -> Option<Ours> {
    let say = |code, remedy: &str| Some((code, Chain(error).to_string(), remedy.to_owned()));
    match error {
        LoginError::AppLeft(_)
        | LoginError::AppTls(_)
        | LoginError::AppStuffedBytes(_)
        | LoginError::Refused { .. } => None,

        // Of other protocols' conversations.
        LoginError::AppPacket(_)
        | LoginError::AppVersion(_)
        | LoginError::NoUser
        | LoginError::TlsAnswer { .. }
        | LoginError::Challenge { .. }
        | LoginError::Password(_)
        | LoginError::SecretTooLong(_)
        | LoginError::AppMysqlPacket(_)
        | LoginError::AppTooOld
        | LoginError::NoRandomness
        | LoginError::TokenTooLong { .. }
        | LoginError::RefusedAtOnce { .. }
        | LoginError::NotEntra { .. }
        | LoginError::UpstreamMysqlPacket(_)
        | LoginError::UpstreamMessage(_) => None,

        LoginError::UnknownUser { .. } => say(
            FAILED,
            "add the user to user_map of this route, or connect as one that it lists",
        ),
        LoginError::TooMany { .. } => say(
            UNAVAILABLE,
            "close idle connections, make the app's pool smaller, or raise max_connections",
        ),
        LoginError::ShuttingDown => say(UNAVAILABLE, "try again"),
        LoginError::Token { source, .. } => Some((
            FAILED,
            format!("no token: {}", source.cause()),
            source.remedy(),
        )),
        LoginError::Resolve { .. } => say(
            UNAVAILABLE,
            "check the upstream's name and this machine's DNS; a private endpoint needs its private DNS zone, or connect_to",
        ),
        LoginError::Connect { .. } => say(
            UNAVAILABLE,
            "check that the server runs and that its firewall and this network let this machine through; Azure SQL sends \
             clients on to ports 11000 to 11999",
        ),
        LoginError::Loop { .. } => say(FAILED, "name the database as upstream, not this proxy"),
        LoginError::NoTls { .. } => say(
            FAILED,
            "turn encryption on at the server; without it no secret is sent",
        ),
        LoginError::UpstreamStuffedBytes { .. } => say(
            FAILED,
            "somebody between here and the server may be tampering with the connection",
        ),
        LoginError::Tls { .. } => say(
            FAILED,
            "the upstream must be the name that its certificate carries; set upstream_tls_name when you dial another one, \
             upstream_ca_file when a private authority signed it",
        ),
        LoginError::NotSealed { .. } => say(FAILED, "set upstream_tls to \"verify\""),
        LoginError::UpstreamPacket { .. } => {
            say(FAILED, "check that the upstream is an SQL Server")
        }
        LoginError::UpstreamLost { .. } => {
            say(UNAVAILABLE, "try again; if it stays, see the server's log")
        }
        LoginError::Deadline { .. } => say(
            UNAVAILABLE,
            "check the network to whatever it waited for, or raise login_timeout",
        ),
        LoginError::Tds(error) => of_tds(error),
    }
}

fn of_tds(error: &TdsError) -> Option<Ours> {
    let remedy = match error {
        TdsError::AppPacket(_) | TdsError::AppLogin(_) => "connect with a client of SQL Server",
        // Nobody listens before the login.
        TdsError::AppPrelogin(_) => return None,
        TdsError::AppVersion(_) => {
            "Azure's tokens need TDS 7.4: use a driver for SQL Server 2012 or later (with jTDS: Microsoft's JDBC driver; with \
             {SQL Server} or SQLOLEDB: ODBC Driver 17 or MSOLEDBSQL), or take the old version out of its settings"
        }
        TdsError::AppWants(_) => {
            "take it out of the connection string: the proxy logs in with an identity of its own"
        }
        TdsError::LoginTooLong(_) => {
            "shorten the name; tokens grow with group memberships, use an identity with fewer"
        }
        TdsError::UpstreamPrelogin(_)
        | TdsError::UpstreamPacket(_)
        | TdsError::UpstreamAnswer(_) => "check that the upstream is an SQL Server",
        TdsError::TokenNotTaken => {
            "check that the upstream is Azure SQL, or an SQL Server with Microsoft Entra authentication set up"
        }
        TdsError::NoMars => "take MultipleActiveResultSets out of the connection string",
        TdsError::PacketSize { .. } => {
            "set a smaller packet size in the connection string, 8000 for example"
        }
        TdsError::Route { .. } => {
            "if the name is your server's, add its domain to routing_suffixes"
        }
        TdsError::Hops(_) => "look for a circle in the server's redirection",
    };
    Some((FAILED, Chain(error).to_string(), remedy.to_owned()))
}

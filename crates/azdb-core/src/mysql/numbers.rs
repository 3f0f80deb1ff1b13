//! What the numbers of servers, and of Azure's gateway before them, mean.

use crate::fault::{Kind, Meaning, ProvedBy};

/// Errors of a server that is away for a moment: too many connections, shutdown in progress, too many connections of this user,
/// offline mode.
pub(super) const AWAY: [u16; 4] = [1040, 1053, 1203, 3032];

/// What a refusal means; that of a token also by its text, for which Azure has no number that is published.
pub(super) fn meaning_of(code: u16, message: &[u8], proved_by: ProvedBy) -> Option<Meaning> {
    let text = String::from_utf8_lossy(message).to_ascii_lowercase();
    let (kind, remedy) = match (code, proved_by) {
        (_, ProvedBy::Token) if text.contains("access token is not valid for user") => (
            Kind::Configuration,
            "the user was created for another id: DROP USER and CREATE AADUSER '<user>' IDENTIFIED BY '<client id of the identity>' anew",
        ),
        (_, ProvedBy::Token) if text.contains("token") && text.contains("expired") => (
            Kind::Identity,
            "check this machine's clock; the proxy has tried once with a new token",
        ),
        // The gateway's word for an address that no firewall rule has, whatever the user may do.
        (9000, _) => (
            Kind::Network,
            "add this machine's address to the server's firewall rules, or go by its private endpoint; no grant changes it",
        ),
        (1130, _) => (
            Kind::Network,
            "let the server's firewall and the host part of its users know this machine's address",
        ),
        (1129, _) => (
            Kind::Network,
            "the server has shut this machine out after too many broken connections: FLUSH HOSTS",
        ),
        (1040 | 1203 | 1226, _) => (
            Kind::Limit,
            "the server has no connection left: close some, or raise its max_connections",
        ),
        (3159 | 9002, _) => (
            Kind::Configuration,
            "the server takes no connection without TLS: set upstream_tls to \"verify\"",
        ),
        (1045, ProvedBy::Token) => (
            Kind::Configuration,
            "check that the user was created for this identity, by its client id (not its object id): CREATE AADUSER '<user>' IDENTIFIED BY \
             '<client id>'; if groups or roles were changed a moment ago, wait for the next token, which a managed identity gets within 24 \
             hours",
        ),
        (1045, ProvedBy::Password) => (
            Kind::Configuration,
            "check upstream_user and upstream_password_file",
        ),
        (1044, _) => (
            Kind::Configuration,
            "the user is let in, and not into this database: GRANT it what the app needs there (azdb-proxy grant), or correct the database's name in \
             the app or in default_database, for one that is not there is refused so, too",
        ),
        (1049, _) => (
            Kind::User,
            "name a database that is there in the app's settings, or set default_database",
        ),
        (1053 | 3032, _) => (
            Kind::Upstream,
            "the server stops or fails over: try again in a moment; logins are held for as long as login_timeout lets",
        ),
        _ => return None,
    };
    Some(Meaning { kind, remedy })
}

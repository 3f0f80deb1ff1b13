//! What the numbers of SQL Server and Azure SQL mean.

use azdb_wire::tds::LoginAnswer;

use crate::fault::{Kind, Meaning, ProvedBy};

/// Errors of a database that is away for a moment: it moves or wakes up (40613, 40197, 40143, 40166, 40540, 42108, 42109, 983), or
/// its server is full or busy (10928, 10929, 40501, 49918, 49919, 49920), starts or is upgraded (18401, 17142). Not 4060, which drivers
/// try again too: it is also what an unknown database gets.
pub(super) const AWAY: [u32; 16] = [
    983, 10928, 10929, 17142, 18401, 40143, 40166, 40197, 40501, 40540, 40613, 42108, 42109, 49918,
    49919, 49920,
];

/// What a refusal means; 18456 by its text, because the state says nothing to a client.
pub(super) fn meaning_of(
    message: &[u8],
    answer: &LoginAnswer<'_>,
    proved_by: ProvedBy,
) -> Option<Meaning> {
    let text = String::from_utf8_lossy(message).to_ascii_lowercase();
    let mut errors = answer.reports().filter(|report| report.is_error);
    errors.find_map(|report| of_number(report.number, &text, proved_by))
}

pub(super) fn of_number(number: u32, text: &str, proved_by: ProvedBy) -> Option<Meaning> {
    let (kind, remedy) = match (number, proved_by) {
        (40615 | 40914, _) => (
            Kind::Network,
            "add this machine's address, or its network, to the server's firewall rules; no login changes it",
        ),
        (47073, _) => (
            Kind::Network,
            "the server takes nobody from the public network: go by its private endpoint",
        ),
        (40531 | 40532, _) => (
            Kind::Configuration,
            "write the server's own full name as upstream; where another name or an address is dialled, that belongs into connect_to",
        ),
        (4060 | 4064, ProvedBy::Token) => (
            Kind::Configuration,
            "name a database that is there, in the app's settings or as default_database, and in it: CREATE USER [name of the \
             identity] FROM EXTERNAL PROVIDER",
        ),
        (4060 | 4064, ProvedBy::Password) => (
            Kind::Configuration,
            "name a database that is there, in the app's settings or as default_database, and let the login into it",
        ),
        (18456, ProvedBy::Token) => return Some(of_a_token(text)),
        (18456, ProvedBy::Password) => (
            Kind::Configuration,
            "check upstream_user and upstream_password_file, and that the server takes SQL logins",
        ),
        (10928 | 10929 | 49918..=49920, _) => (
            Kind::Limit,
            "the database is at its limit of sessions or workers: close some, or give it a larger tier",
        ),
        (40501, _) => (
            Kind::Limit,
            "the service is busy: try again in ten seconds, and let apps that try again wait longer each time",
        ),
        (40613, _) => (
            Kind::Upstream,
            "try again: a serverless database that was paused is waking, which takes about a minute; otherwise it moves, which takes \
             seconds. Logins are held for as long as login_timeout lets, so apps see less of it with a longer one",
        ),
        (40143 | 40166 | 40197 | 40540, _) => (
            Kind::Upstream,
            "try again in some seconds: the service moves the database, or is being upgraded",
        ),
        (42108 | 42109, _) => (
            Kind::Upstream,
            "try again in some minutes: the SQL pool is paused, or is waking; one that is paused must be resumed by somebody",
        ),
        (983 | 17142 | 18401, _) => (
            Kind::Upstream,
            "try again in some seconds: the server starts, stops or fails over",
        ),
        _ => return None,
    };
    Some(Meaning { kind, remedy })
}

/// What 18456 means of a token.
fn of_a_token(text: &str) -> Meaning {
    let (kind, remedy) = if text.contains("token is expired") {
        (
            Kind::Identity,
            "check this machine's clock; the proxy has tried once with a new token",
        )
    } else if text.contains("not currently configured to accept this token") {
        (
            Kind::Upstream,
            "set a Microsoft Entra administrator at the server, of the tenant that the identity is in",
        )
    } else if text.contains("<token-identified principal>") {
        (
            Kind::Configuration,
            "in the database that the app names, or default_database: CREATE USER [name of the identity] FROM EXTERNAL PROVIDER \
             (azdb-proxy grant prints it); without a database the login goes to master. If groups or roles were changed a moment ago, wait for the next token, which a \
             managed identity gets within 24 hours",
        )
    } else {
        (
            Kind::Configuration,
            "check whom the route logs in as (`azdb-proxy check`), and that this principal is let into the database",
        )
    };
    Meaning { kind, remedy }
}

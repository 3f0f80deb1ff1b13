//! A connection: where a database is and as whom an app logs in there, as the variables of one set say it.
//!
//! # Invariants
//!
//! * A problem names variables and never says what is in them.
//! * What can be meant in two ways is a problem and not a guess.

use std::net::IpAddr;

use super::login::{self, Login};
use super::sets::Set;
use super::statements::{Statement, Statements};
use super::words::Part;
use crate::problems::{Spot, Written};
use crate::route::ProtocolName;
use crate::token_host::is_under;
use crate::value::{Entries, Value};

/// A value and the variable that says it.
pub(super) type Told = Written<String>;

/// What an app was told of its database. It has no `Debug` and no copy: it may hold a secret.
pub(super) struct Connection {
    pub(super) protocol: ProtocolName,
    pub(super) host: Told,
    /// `None` is the protocol's usual one.
    pub(super) port: Option<Told>,
    pub(super) database: Option<Told>,
    /// The database's user; SQL Server takes it from the token.
    pub(super) user: Option<Told>,
    pub(super) login: Login,
}

impl Connection {
    /// # Errors
    ///
    /// The variables do not say one thing.
    pub(super) fn of(set: &Set<'_>, protocol: Option<ProtocolName>) -> Result<Self, String> {
        let mut said = Statements::of(set)?;
        let host = host(set, &said)?;
        let protocol = said.protocol.or(protocol).or_else(|| of_host(&host.value));
        let protocol = protocol.ok_or_else(|| {
            format!(
                "{}: write protocol beside it: neither its form nor its host tells",
                set.prefix
            )
        })?;
        let database = said.one(Part::Database)?.map(told);
        said.rewrite(Part::User, |user| {
            without_server(user, &host.value, database.as_ref())
        });
        let user = said.one(Part::User)?.map(told);
        let login = login::of(set, &said, protocol)?;
        let user = match (protocol, &login) {
            (ProtocolName::Tds, Login::Identity(_) | Login::Principal { .. }) => None,
            _ if user.is_none() => return Err(format!("{} names no user", set.prefix)),
            _ => user,
        };
        Ok(Self {
            protocol,
            port: said.one(Part::Port)?.map(told),
            host,
            database,
            user,
            login,
        })
    }

    /// Where it goes, with its port.
    pub(super) fn upstream(&self) -> String {
        let host = &self.host.value;
        let host = match host.contains(':') {
            true => format!("[{host}]"),
            false => host.clone(),
        };
        let port = self.port.as_ref().map(|port| port.value.as_str());
        match port {
            Some(port) => format!("{host}:{port}"),
            None => format!("{host}:{}", self.protocol.default_port()),
        }
    }

    /// The keys of a route that say the same.
    pub(super) fn entries(&self) -> Entries {
        let mut entries = Entries::new();
        let mut put = |key: &str, value: Value, spot: &Spot| {
            let spot = spot.clone();
            entries.insert(key.to_owned(), Written { value, spot });
        };
        let text = |told: &Told| Value::Text(told.value.clone());
        put(
            "protocol",
            Value::Text(self.protocol.to_string()),
            &self.host.spot,
        );
        put("upstream", Value::Text(self.upstream()), &self.host.spot);
        let texts = [
            ("upstream_user", &self.user),
            ("default_database", &self.database),
        ];
        for (key, value) in texts {
            if let Some(told) = value {
                put(key, text(told), &told.spot);
            }
        }
        match &self.login {
            Login::Identity(None) => {}
            Login::Identity(Some((key, id))) => {
                put("identity", table([(*key, text(id), &id.spot)]), &id.spot);
            }
            Login::Principal {
                client_id,
                tenant_id,
                secret,
            } => {
                let given = Value::Secret(secret.value.clone());
                let mut rows = vec![
                    ("client_id", text(client_id), &client_id.spot),
                    ("client_secret_file", given, &secret.spot),
                ];
                rows.extend(
                    tenant_id
                        .as_ref()
                        .map(|id| ("tenant_id", text(id), &id.spot)),
                );
                put("identity", table(rows), &client_id.spot);
            }
            Login::Password(password) => {
                put(
                    "upstream_auth",
                    Value::Text("password".to_owned()),
                    &password.spot,
                );
                let given = Value::Secret(password.value.clone());
                put("upstream_password_file", given, &password.spot);
            }
        }
        entries
    }
}

/// Why a set is nobody's business of ours, whatever else it says: it leads to this machine, to a proxy for one, or it is Spring's,
/// which has other databases, too.
pub(super) fn why_not(set: &Set<'_>) -> Option<String> {
    let host = host(set, &Statements::of(set).ok()?).ok()?.value;
    let name = &set.prefix;
    if is_local(&host) {
        return Some(format!(
            "{name}: leads to this machine, {host}, as it does for an app that has this proxy: left out"
        ));
    }
    (set.is_spring && of_host(&host).is_none()).then(|| {
        format!("{name}: {host} is no name of Azure's: left out; a [[route]] with from_env = \"{name}\" takes it")
    })
}

fn is_local(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(address) => {
            let address = address.to_canonical();
            address.is_loopback() || address.is_unspecified()
        }
        Err(_) => host == "localhost" || is_under(host, "localhost"),
    }
}

fn host(set: &Set<'_>, said: &Statements<'_>) -> Result<Told, String> {
    let host = said.one(Part::Host)?.map(told);
    host.ok_or_else(|| format!("{} names no host", set.prefix))
}

fn table<'s>(rows: impl IntoIterator<Item = (&'static str, Value, &'s Spot)>) -> Value {
    let entry = |(key, value, spot): (&str, _, &Spot)| {
        let spot = spot.clone();
        (key.to_owned(), Written { value, spot })
    };
    Value::Table(rows.into_iter().map(entry).collect())
}

pub(super) fn told(said: &Statement<'_>) -> Told {
    Written {
        value: said.value.to_string(),
        spot: Spot::named(said.variable),
    }
}

/// The protocol whose service hands out such a name.
fn of_host(host: &str) -> Option<ProtocolName> {
    let mut all = ProtocolName::ALL.into_iter();
    all.find(|of| crate::token_host::service_of(*of, host).is_some())
}

/// The user of old connections is `user@server`, and in pages on MySQL `user@database`.
fn without_server(user: &str, host: &str, database: Option<&Told>) -> String {
    let Some((name, behind)) = user.rsplit_once('@') else {
        return user.to_owned();
    };
    let server = host.split('.').next().unwrap_or_default();
    let is_server = [server, host]
        .iter()
        .any(|of| of.eq_ignore_ascii_case(behind))
        || database.is_some_and(|database| database.value == behind);
    match is_server && !name.is_empty() {
        true => name.to_owned(),
        false => user.to_owned(),
    }
}

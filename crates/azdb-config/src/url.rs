//! The quick form: a route as a URL.
//!
//! ```text
//!   postgres://orders-app@orders.postgres.database.azure.com:5432/orders?listen=127.0.0.1:5432
//!   protocol   upstream_user       upstream                default_database   any key of a route or an identity
//! ```
//!
//! Escapes are those of URLs: `%20` is a space and `+` is a plus.
//!
//! # Invariants
//!
//! * A password in a URL is refused, and no message repeats it.

use percent_encoding::percent_decode_str;
use url::Url;

use super::keys::{Row, of_identity, of_route};
use super::problems::{Checked, Findings, Spot, Written};
use super::value::{Entries, Value};
use crate::route::ProtocolName;

/// What a URL should look like, for messages.
pub(super) const EXAMPLE: &str = "postgres://orders-app@orders.postgres.database.azure.com/orders";

/// Reads a URL as the keys of a route.
pub(super) fn parse(written: &Written<String>, report: &Findings) -> Checked<Entries> {
    let refuse = |problem: String| report.problem(&written.spot, "", problem);
    let url = Url::parse(&written.value)
        .map_err(|error| refuse(format!("is not a URL like '{EXAMPLE}': {error}")))?;
    if url.password().is_some() {
        return Err(refuse(
            "has a password in it, which every user of this machine can read: take it out"
                .to_owned(),
        ));
    }
    let mut query = Query::default();
    let collected = collect(&url, &mut query);
    collected.map_err(refuse)?;
    query.entries(&written.spot).map_err(refuse)
}

/// Keys with all their values, in the order in which they were given.
#[derive(Default)]
struct Query(Vec<(String, Vec<String>)>);

impl Query {
    fn push(&mut self, key: &str, value: String) {
        match self.0.iter_mut().find(|(known, _)| known == key) {
            Some((_, values)) => values.push(value),
            None => self.0.push((key.to_owned(), vec![value])),
        }
    }

    /// Keys of an identity move into one of their own.
    fn entries(self, spot: &Spot) -> Result<Entries, String> {
        let (mut route, mut own) = (Entries::new(), Entries::new());
        for (key, values) in self.0 {
            let written = Written {
                value: Value::Words(values),
                spot: spot.clone(),
            };
            let known = of_route::TABLE.rows().chain(of_identity::TABLE.rows());
            if known
                .map(Row::about)
                .any(|about| about.name == key && !about.in_urls)
            {
                return Err(format!(
                    "{key}: a URL cannot hold it: write it into a configuration file"
                ));
            }
            let entries = if of_identity::TABLE.has(&key) {
                &mut own
            } else {
                &mut route
            };
            entries.insert(key, written);
        }
        if let Some(key) = own.keys().next().cloned() {
            let written = Written {
                value: Value::Table(own),
                spot: spot.clone(),
            };
            if route.insert("identity".to_owned(), written).is_some() {
                return Err(format!("{key}: identity is given too: leave one out"));
            }
        }
        Ok(route)
    }
}

/// The schemes of a protocol's URLs.
pub(super) fn schemes(protocol: ProtocolName) -> &'static [&'static str] {
    match protocol {
        ProtocolName::Postgres => &["postgres", "postgresql"],
        ProtocolName::Mysql => &["mysql", "mariadb"],
        ProtocolName::Tds => &["tds", "sqlserver", "mssql"],
    }
}

fn protocol(scheme: &str) -> Result<ProtocolName, String> {
    let mut all = ProtocolName::ALL.into_iter();
    all.find(|of| schemes(*of).contains(&scheme))
        .ok_or_else(|| {
            let known = ProtocolName::ALL.map(|of| schemes(of).join(", "));
            format!("{scheme:?} is not one of {}", known.join(", "))
        })
}

fn collect(url: &Url, query: &mut Query) -> Result<(), String> {
    query.push("protocol", protocol(url.scheme())?.to_string());
    match url.host_str().filter(|host| !host.is_empty()) {
        Some(host) => query.push(
            "upstream",
            match url.port() {
                Some(port) => format!("{host}:{port}"),
                None => host.to_owned(),
            },
        ),
        None => return Err(format!("has no host, unlike '{EXAMPLE}'")),
    }
    if !url.username().is_empty() {
        query.push("upstream_user", decoded(url.username(), "the user")?);
    }
    let database = url.path().strip_prefix('/').unwrap_or(url.path());
    if database.contains('/') {
        return Err("has more than a database's name after the host".to_owned());
    }
    if !database.is_empty() {
        query.push("default_database", decoded(database, "the database")?);
    }
    if url.fragment().is_some() {
        return Err("has a '#' in it: write %23".to_owned());
    }
    for pair in url
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
    {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let key = decoded(key, "a key")?;
        let value = decoded(value, &key)?;
        query.push(&key, value);
    }
    Ok(())
}

fn decoded(text: &str, what: &str) -> Result<String, String> {
    let text = percent_decode_str(text)
        .decode_utf8()
        .map_err(|_| format!("{what}: is not UTF-8"))?;
    Ok(text.into_owned())
}

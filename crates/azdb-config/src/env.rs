//! What the environment says: `AZDB_PROXY_` and a flag in upper snake, and routes as URLs.

use std::path::{Path, PathBuf};

use azdb_identity::{Cloud, Environment};

use super::clouds::CLOUDS;
use super::health_and_admin;
use super::keys::{of_document, of_process as keys};
use super::names::did_you_mean;
use super::problems::{Findings, Spot, Written};
use super::process::{self, Overrides};
use super::section::Section;
use super::value::{Entries, Value, WrittenIn};

const PREFIX: &str = "AZDB_PROXY_";
/// What `[health]` says, so that a container that is configured by variables has probes.
pub(crate) const HEALTH_LISTEN: &str = "AZDB_PROXY_HEALTH_LISTEN";

/// The environment's layer.
pub(super) struct Variables {
    /// Settings of the process and `AZDB_PROXY_CONFIG`; no URLs.
    pub(super) settings: Overrides,
    /// `AZDB_PROXY_ROUTE`, then the numbered ones in the order of their numbers.
    pub(super) urls: Vec<Written<String>>,
}

/// Reads every variable of ours, and warns once of those that nobody knows.
pub(super) fn read(env: &Environment, report: &Findings) -> Variables {
    let (mut entries, mut health) = (Entries::new(), Entries::new());
    let mut config = None;
    let mut urls = Vec::new();
    let mut unknown = Vec::new();
    for (name, value) in env.iter() {
        let Some(key) = name.strip_prefix(PREFIX) else {
            continue;
        };
        if value.is_empty() || value.starts_with("tcp://") {
            continue;
        }
        if let Some(number) = route_number(key) {
            urls.push((
                number,
                Written {
                    value: value.to_owned(),
                    spot: Spot::named(name),
                },
            ));
        } else if key == "CONFIG" {
            config = Some(PathBuf::from(value));
        } else if let Some(known) = keys::TABLE.names().find(|key| keys::variable(key) == name) {
            let (value, spot) = (Value::Words(vec![value.to_owned()]), Spot::named(name));
            entries.insert(known.to_owned(), Written { value, spot });
        } else if name == HEALTH_LISTEN {
            let (value, spot) = (Value::Words(vec![value.to_owned()]), Spot::named(name));
            health.insert("listen".to_owned(), Written { value, spot });
        } else if !is_service_link(key) {
            unknown.push(name);
        }
    }
    warn_of(&unknown, report);
    let source = WrittenIn::of_the_process("");
    let section = |table, value| {
        let spot = Spot::nowhere();
        Section::new(report, &source, table, "", Written { value, spot })
    };
    let health_listen = if health.is_empty() {
        None
    } else {
        health_and_admin::health_of(&mut section(&of_document::HEALTH, health))
    };
    let settings = Overrides {
        config,
        health_listen,
        ..process::read(&mut section(&keys::TABLE, entries))
    };
    urls.sort_by_key(|(number, _)| *number);
    Variables {
        settings,
        urls: urls.into_iter().map(|(_, url)| url).collect(),
    }
}

/// One warning for all names that nobody knows.
fn warn_of(unknown: &[&str], report: &Findings) {
    let hint = match unknown {
        [] => return,
        [only] => {
            let mut known: Vec<String> = keys::TABLE.names().map(keys::variable).collect();
            known.push(HEALTH_LISTEN.to_owned());
            did_you_mean(only, known.iter().map(String::as_str))
        }
        _ => String::new(),
    };
    report.warn(
        &Spot::nowhere(),
        "",
        format!("nobody reads {}{hint}", unknown.join(", ")),
    );
}

/// `ROUTE` comes before `ROUTE_0`, `ROUTE_1`, …
fn route_number(key: &str) -> Option<Option<u32>> {
    match key.strip_prefix("ROUTE")? {
        "" => Some(None),
        numbered => {
            let digits = numbered
                .strip_prefix('_')
                .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
            digits.parse().ok().map(Some)
        }
    }
}

/// What Kubernetes sets in every pod beside a service called `azdb-proxy…`; some of it does not begin `tcp://`.
fn is_service_link(key: &str) -> bool {
    let words: Vec<&str> = key.split('_').collect();
    words.windows(2).any(|pair| {
        matches!(pair, ["SERVICE", "HOST" | "PORT"])
            || matches!(pair, ["PORT", number] if number.parse::<u16>().is_ok())
    })
}

/// What stands between directories of a variable, as in `PATH`.
const BETWEEN: char = if cfg!(windows) { ';' } else { ':' };

/// The first directory that a variable names; systemd joins several with colons. Relative ones do not count.
pub(super) fn directory(env: &Environment, name: &str) -> Option<PathBuf> {
    let first = env.get(name)?.split(BETWEEN).next()?;
    let path = Path::new(first);
    path.is_absolute().then(|| path.to_owned())
}

/// The cloud of `AZURE_AUTHORITY_HOST`.
pub(super) fn authority(env: &Environment) -> Option<Cloud> {
    let host = env.get("AZURE_AUTHORITY_HOST")?.trim_end_matches('/');
    CLOUDS.into_iter().find(|cloud| {
        let own = cloud.authority();
        let without_scheme = own.strip_prefix("https://").unwrap_or(own);
        [own, without_scheme]
            .iter()
            .any(|own| host.eq_ignore_ascii_case(own))
    })
}

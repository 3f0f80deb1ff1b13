//! The variables of a process, sorted into sets: each is what one app was told of one database.
//!
//! ```text
//!   AZURE_POSTGRESQL_HOST, _USER, …          the first PostgreSQL
//!   AZURE_POSTGRESQL_ORDERS_HOST, …          the connection "orders"
//!   spring.datasource.url, …                 Spring's
//! ```

use std::collections::BTreeMap;

use azdb_identity::Environment;

use super::words::{self, PREFIXES, Part};
use crate::names::shown;
use crate::route::ProtocolName;

/// A variable, by its own name. It has no `Debug`: its value may be a secret.
#[derive(Clone)]
pub(super) struct Variable<'e> {
    pub(super) name: &'e str,
    pub(super) value: &'e str,
    /// The last word of its name, in capitals.
    pub(super) end: String,
}

/// What an app was told of a database.
#[derive(Clone)]
pub(super) struct Set<'e> {
    /// `None` where a connection string says it, or nobody does.
    pub(super) protocol: Option<ProtocolName>,
    /// What the names of its variables have in common.
    pub(super) prefix: String,
    /// The connection's own name, in capitals; the first of a kind has none.
    pub(super) connection: Option<String>,
    pub(super) is_spring: bool,
    /// In the order of their names; several may say the same part, for apps in several languages.
    pub(super) variables: BTreeMap<Part, Vec<Variable<'e>>>,
}

impl<'e> Set<'e> {
    fn new(protocol: Option<ProtocolName>, prefix: &str) -> Self {
        Self {
            protocol,
            prefix: prefix.to_owned(),
            connection: None,
            is_spring: false,
            variables: BTreeMap::new(),
        }
    }

    fn add(&mut self, part: Part, variable: Variable<'e>) {
        self.variables.entry(part).or_default().push(variable);
    }

    pub(super) fn has(&self, part: Part) -> bool {
        self.variables.contains_key(&part)
    }

    /// All of them, with what each says.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Part, &Variable<'e>)> {
        let parts = self.variables.iter();
        parts.flat_map(|(part, variables)| variables.iter().map(|variable| (*part, variable)))
    }

    /// Whether it says of some database where it is. An id alone does not.
    fn is_of_a_database(&self) -> bool {
        self.has(Part::Whole) || self.has(Part::Host)
    }
}

/// Every set of Service Connector's, those without a connection's name first.
pub(super) fn of(env: &Environment) -> Vec<Set<'_>> {
    let mut sets: BTreeMap<(usize, Option<String>), Set<'_>> = BTreeMap::new();
    for (name, value) in env.iter() {
        let Some(known) = taken_apart(name) else {
            continue;
        };
        let key = (known.kind, known.connection.clone());
        let set = sets.entry(key).or_insert_with(|| Set {
            connection: known.connection.clone(),
            ..Set::new(Some(known.protocol), &known.prefix)
        });
        let end = known.end;
        set.add(known.part, Variable { name, value, end });
    }
    let mut sets: Vec<_> = sets.into_values().collect();
    sets.extend(spring(env));
    sets.retain(Set::is_of_a_database);
    sets
}

/// The name of a variable of Service Connector.
struct TakenApart {
    kind: usize,
    protocol: ProtocolName,
    prefix: String,
    connection: Option<String>,
    end: String,
    part: Part,
}

fn taken_apart(name: &str) -> Option<TakenApart> {
    let own = words::own(name);
    let (kind, prefix, protocol, rest) =
        PREFIXES
            .iter()
            .enumerate()
            .find_map(|(kind, (prefix, protocol))| {
                let rest = own.strip_prefix(prefix)?.strip_prefix('_')?;
                Some((kind, *prefix, *protocol, rest))
            })?;
    let (connection, end) = match rest.rsplit_once('_') {
        Some((connection, end)) => (Some(connection), end),
        None => (None, rest),
    };
    let part = words::end(end)?;
    // AZURE_SQL_SERVER_NAME and its like are of templates, and of no connection "SERVER".
    let last = connection.map(|connection| connection.rsplit('_').next().unwrap_or_default());
    if last.is_some_and(|last| last.is_empty() || words::end(last).is_some()) {
        return None;
    }
    let prefix = match connection {
        Some(connection) => format!("{prefix}_{connection}"),
        None => prefix.to_owned(),
    };
    Some(TakenApart {
        kind,
        protocol,
        prefix,
        connection: connection.map(str::to_owned),
        end: end.to_owned(),
        part,
    })
}

/// What Spring was told, if it was told of a database of ours.
fn spring(env: &Environment) -> Option<Set<'_>> {
    let mut set = Set::new(None, "");
    set.is_spring = true;
    for (name, value) in env.iter() {
        if let Some(part) = words::spring(name) {
            let end = String::new();
            set.add(part, Variable { name, value, end });
        }
    }
    let url = set.variables.get(&Part::Whole)?.first()?;
    let (name, value) = (url.name, url.value.trim());
    let scheme = value.strip_prefix("jdbc:")?.split("://").next()?;
    set.prefix = name.to_owned();
    set.protocol = Some(words::protocol_of_scheme(scheme)?);
    Some(set)
}

/// The set that somebody's own `name` means: one variable that holds a connection string, with the ids and secrets beside it, or
/// what the names of several variables begin with.
///
/// # Errors
///
/// There is none.
pub(super) fn named<'e>(env: &'e Environment, name: &str) -> Result<Set<'e>, String> {
    let wanted = words::own(name);
    if words::spring(name) == Some(Part::Whole) {
        return spring(env).ok_or_else(|| format!("{name} holds no JDBC URL of a database"));
    }
    let mut named = env.iter().filter(|(name, _)| words::own(name) == wanted);
    let value = named.next().map(|(_, value)| value);
    let is_text =
        value.is_some_and(|value| ["=", "://", "tcp("].iter().any(|of| value.contains(of)));
    let (stem, end) = wanted.rsplit_once('_').unwrap_or((&wanted, ""));
    let (prefix, is_whole) = match (value, words::end(end)) {
        (None, _) => (wanted.trim_end_matches('_'), false),
        (Some(_), Some(Part::Whole)) => (stem, true),
        (Some(_), Some(_)) if !is_text => (stem, false),
        (Some(_), _) => (wanted.as_str(), true),
    };
    let mut set = Set::new(None, prefix);
    for (name, value) in env.iter() {
        let own = words::own(name);
        let end = own
            .strip_prefix(prefix)
            .and_then(|rest| rest.strip_prefix('_'));
        let end = end.unwrap_or_default().to_owned();
        let part = match words::end(&end) {
            _ if is_whole && own == wanted => Part::Whole,
            Some(part) if !is_whole || part.is_of_login() => part,
            _ => continue,
        };
        set.add(part, Variable { name, value, end });
    }
    if set.variables.is_empty() {
        return Err(format!(
            "there is no variable {} here, and none that begins like it and ends in _HOST",
            shown(name)
        ));
    }
    Ok(set)
}

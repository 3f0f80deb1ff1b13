//! What Azure Service Connector told an app of its databases, by variables: a route of each.
//!
//! ```text
//!   environment -- sets --> Set -- statements --> Connection --+--> Entries of a route
//!                   |                 |                        '--> import: proxy.toml, and strings for apps
//!                 words             syntax
//! ```
//!
//! # Invariants
//!
//! * No text of a variable makes this panic, and no message repeats a secret of one.
//! * No connection of which two things are said is served as one of them.
//! * Nothing that leads to this machine is served: it is what an app was told of us.

mod apps;
mod connection;
mod harmless;
mod import;
mod login;
mod sets;
mod statements;
mod syntax;
mod words;

use std::collections::{BTreeMap, HashSet};

use azdb_identity::Environment;

use self::connection::Connection;
pub use self::import::{Imported, import};
use self::login::Login;
use self::sets::Set;
use crate::draft;
use crate::keys::of_route as keys;
use crate::problems::{Checked, Findings, Spot, Written};
use crate::route::ProtocolName;
use crate::section::Section;
use crate::value::{Entries, Value};

/// A connection and what says so.
struct Found<'e> {
    connection: Connection,
    /// Several apps in several languages may have been told the same.
    sets: Vec<Set<'e>>,
    /// Where apps find it, on loopback.
    port: u16,
    name: Option<String>,
}

/// What the environment says.
struct Environs<'e> {
    found: Vec<Found<'e>>,
    /// What is there and is not served, and why.
    left_out: Vec<String>,
    problems: Vec<String>,
    /// What is served and may not be meant.
    doubts: Vec<String>,
}

fn look(env: &Environment) -> Environs<'_> {
    let mut environs = Environs {
        found: Vec::new(),
        left_out: Vec::new(),
        problems: Vec::new(),
        doubts: Vec::new(),
    };
    for set in sets::of(env) {
        if let Some(why) = connection::why_not(&set) {
            environs.left_out.push(why);
            continue;
        }
        let connection = match Connection::of(&set, None) {
            Ok(connection) => connection,
            Err(problem) => {
                environs.problems.push(problem);
                continue;
            }
        };
        if let Some(same) = environs
            .found
            .iter_mut()
            .find(|one| one.connection.is(&connection))
        {
            same.sets.push(set);
        } else {
            environs.found.push(Found {
                connection,
                sets: vec![set],
                port: 0,
                name: None,
            });
        }
    }
    settle(&mut environs.found);
    let found = environs.found.iter();
    environs.doubts = found.filter_map(|one| whose_token(one, env)).collect();
    environs
}

/// A connection that names no identity gets the token of the only one that is named for such databases, as it does for a route that
/// somebody wrote.
fn whose_token(found: &Found<'_>, env: &Environment) -> Option<String> {
    let Login::Identity(None) = found.connection.login else {
        return None;
    };
    let types: &[&str] = match found.connection.protocol {
        ProtocolName::Postgres | ProtocolName::Mysql => &["POSTGRESQL", "MYSQL"],
        ProtocolName::Tds => &["SQL"],
    };
    match env.service_connector_client_ids(types).as_slice() {
        [(variable, _)] => Some(format!(
            "{}: names no identity, and gets the token of the one that {variable} names: set its own CLIENTID if that is another",
            found.sets.first()?.prefix
        )),
        _ => None,
    }
}

/// Gives each its port: the protocol's own to the first, the next ones to the others. And its name.
fn settle(found: &mut [Found<'_>]) {
    let mut next: BTreeMap<&str, u16> = BTreeMap::new();
    let mut taken = HashSet::new();
    for one in found {
        let protocol = one.connection.protocol;
        let next = next
            .entry(protocol.as_str())
            .or_insert(protocol.default_port());
        one.port = *next;
        *next = next.saturating_add(1);
        let connection = one.sets.iter().find_map(|set| set.connection.as_ref());
        let name = connection.map(|name| name.to_ascii_lowercase());
        one.name =
            name.filter(|name| draft::checked_name(name).is_ok() && taken.insert(name.clone()));
    }
}

impl Connection {
    /// Whether both lead to the same in the same way.
    fn is(&self, other: &Self) -> bool {
        let value = |told: &Option<Written<String>>| told.as_ref().map(|told| told.value.clone());
        self.protocol == other.protocol
            && self.upstream() == other.upstream()
            && value(&self.database) == value(&other.database)
            && value(&self.user) == value(&other.user)
            && self.login.is(&other.login)
    }
}

impl Found<'_> {
    /// The keys of its route.
    fn entries(&self) -> Written<Entries> {
        let spot = self.connection.host.spot.clone();
        let mut value = self.connection.entries();
        let mut put = |key: &str, text: String| {
            let spot = spot.clone();
            value.insert(
                key.to_owned(),
                Written {
                    value: Value::Text(text),
                    spot,
                },
            );
        };
        if let Some(name) = &self.name {
            put("name", name.clone());
        }
        put("listen", format!("localhost:{}", self.port));
        Written { value, spot }
    }
}

/// The routes of the whole environment.
pub(super) struct Routes {
    pub(super) tables: Vec<Checked<Written<Entries>>>,
    pub(super) left_out: Vec<String>,
}

/// Reads the routes of a process that nobody has configured.
pub(super) fn routes(env: &Environment, report: &Findings) -> Routes {
    let environs = look(env);
    let problems = environs.problems.into_iter();
    let nowhere = Spot::nowhere();
    let problems = problems.map(|problem| Err(report.problem(&nowhere, "", problem)));
    let mut tables: Vec<_> = problems.collect();
    tables.extend(environs.found.iter().map(|found| Ok(found.entries())));
    for warning in environs.left_out.iter().chain(&environs.doubts) {
        report.warn(&nowhere, "", warning.clone());
    }
    Routes {
        tables,
        left_out: environs.left_out,
    }
}

/// Gives a route that has `from_env` what the variables say and it does not.
pub(super) fn fill(section: &mut Section<'_>, env: &Environment) -> Checked<()> {
    let Some(Written { value: name, spot }) = section.read(&keys::FROM_ENV)? else {
        return Ok(());
    };
    let protocol = section.peek_text(&keys::PROTOCOL);
    let protocol = protocol.and_then(|word| {
        let mut all = ProtocolName::ALL.into_iter();
        all.find(|of| of.as_str() == word)
    });
    let connection = sets::named(env, &name).and_then(|set| Connection::of(&set, protocol));
    match connection {
        Ok(connection) => {
            section.offer(connection.entries());
            Ok(())
        }
        Err(problem) => Err(section.refuse(&spot, "from_env", problem)),
    }
}

//! The configuration: flags, environment and one TOML file, checked into [`Route`]s.
//!
//! ```text
//!   proxy.toml -- document --> Section --+
//!   URL --------- url -------> Section --+--> route, identity, process --> beside --> Config
//!   AZDB_PROXY_ - env -------> Section --+            |
//!                                                  Findings ------------------------> Problems
//! ```
//!
//! Nothing stops at the first problem: readers report and go on, and [`load`] hands back everything at once.
//! The module `keys` declares every key; `docs/configuration.md` is its reference.
//!
//! # Invariants
//!
//! * No key is ignored: what nobody reads is a problem.
//! * No problem or warning repeats a password or the content of a secret file.
//! * No input makes [`load`] panic.

mod address;
mod beside;
mod destination;
mod document;
mod draft;
mod duration;
mod env;
mod files;
mod gather;
mod health_and_admin;
mod identities;
mod keys;
mod listen;
mod names;
mod opened;
mod principals;
mod problems;
mod process;
mod readers;
pub mod route;
mod schema;
mod section;
mod summary;
#[cfg(test)]
mod tests;
mod token_host;
mod upstream_auth;
mod upstream_tls;
mod url;
mod value;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use azdb_identity::Environment;

pub use self::duration::parse_duration;
pub use self::health_and_admin::AdminListen;
pub use self::problems::{Problem, Problems};
pub use self::process::{LogFormat, Overrides, Process};
pub use self::schema::schema;
pub use self::summary::summary;
pub use self::token_host::is_under;

use self::draft::ForAllRoutes;
use self::env::Variables;
use self::identities::Identities;
use self::keys::of_document::{PROCESS, ROUTES};
use self::opened::Opened;
use self::problems::{Checked, Findings, Spot, Written};
use self::section::Section;
use self::value::{Entries, WrittenIn};
use crate::route::{ListenAddr, LocalTls, Route};

/// A configuration without a problem.
#[derive(Debug)]
pub struct Config {
    /// What concerns the process.
    pub process: Process,
    /// Where health and metrics are served.
    pub health: Option<ListenAddr>,
    /// Where status is served, and the end of the process.
    pub admin: AdminListen,
    /// Never empty.
    pub routes: Vec<Arc<Route>>,
    /// For the first log lines: what is allowed but unwise.
    pub warnings: Vec<String>,
    /// Where it came from.
    pub origin: Origin,
}

/// Which file a configuration came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// This one.
    File(PathBuf),
    /// None: command line and environment said everything.
    ZeroConfiguration,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::ZeroConfiguration => f.write_str("command line and environment, no file"),
        }
    }
}

/// Reads flags, environment and file, in this order of precedence.
///
/// The routes come from the first of the three that has any: URLs on a command line are not mixed with those of a file.
///
/// # Errors
///
/// Everything that is wrong.
pub fn load(overrides: &Overrides, env: &Environment) -> Result<Config, Problems> {
    load_from(overrides, env, &places(env))
}

/// Reads only what concerns the process: for commands that need no route.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn load_process(overrides: &Overrides, env: &Environment) -> Result<Process, Problems> {
    let (read, entries) = read_all(overrides, env, &places(env));
    let mut document = read.document(entries.unwrap_or_default());
    let settings = read.settings(&mut document);
    let process = read.process(&document, &settings);
    read.report.finish().map(|_| process)
}

/// As [`load`], but looks for no file: one is read only when it is named.
///
/// # Errors
///
/// Everything that is wrong.
pub fn load_without_search(overrides: &Overrides, env: &Environment) -> Result<Config, Problems> {
    load_from(overrides, env, &[])
}

/// Where a configuration file is looked for when nobody names one.
fn places(env: &Environment) -> Vec<PathBuf> {
    let system = match env.get("ProgramData") {
        Some(data) if cfg!(windows) => Path::new(data).join("azdb-proxy").join("proxy.toml"),
        _ => PathBuf::from("/etc/azdb-proxy/proxy.toml"),
    };
    vec![PathBuf::from("proxy.toml"), system]
}

fn load_from(
    overrides: &Overrides,
    env: &Environment,
    places: &[PathBuf],
) -> Result<Config, Problems> {
    let (read, entries) = read_all(overrides, env, places);
    let readable = entries.is_ok();
    let mut document = read.document(entries.unwrap_or_default());
    let settings = read.settings(&mut document);
    let process = read.process(&document, &settings);
    let health = health_and_admin::health(&mut document);
    let admin = health_and_admin::admin(&mut document);
    let shared = ForAllRoutes {
        identities: Identities::read(&mut document),
        authority: env::authority(env),
    };
    let tables = document.read(&ROUTES).ok().flatten();
    document.finish();

    let arguments = gather::arguments(&overrides.urls);
    let urls = if arguments.is_empty() {
        &read.variables.urls
    } else {
        &arguments
    };
    let left_out = tables.as_ref().filter(|_| !urls.is_empty());
    if let Some(tables) = left_out {
        document.warn(
            &tables.spot,
            "the routes of this file are left out, because URLs name the routes",
        );
    }
    let all_routes_are_known = left_out.is_none();
    let drafts = if urls.is_empty() {
        gather::of_document(&document, tables, &shared)
    } else {
        gather::of_urls(urls, &read.report, &shared)
    };
    if all_routes_are_known {
        shared.identities.warn_of_needless(&read.report);
    }
    if drafts.is_empty() && readable {
        read.report.problem(
            &Spot::nowhere(),
            "",
            gather::nothing_to_do(&read.origin, places),
        );
    }
    let routes = beside::settle(drafts.into_iter().flatten().collect(), &read.report);
    read.state_dir_is_used(&settings, &routes);
    let warnings = read.report.finish()?;
    Ok(Config {
        process,
        health,
        admin,
        routes,
        warnings,
        origin: read.origin,
    })
}

/// What was read of all three, before the file's tables are looked into.
struct Layers<'a> {
    overrides: &'a Overrides,
    env: &'a Environment,
    variables: Variables,
    origin: Origin,
    source: WrittenIn,
    report: Findings,
}

fn read_all<'a>(
    overrides: &'a Overrides,
    env: &'a Environment,
    places: &[PathBuf],
) -> (Layers<'a>, Checked<Entries>) {
    let report = Findings::default();
    let variables = env::read(env, &report);
    let named = overrides
        .config
        .as_ref()
        .or(variables.settings.config.as_ref());
    let Opened {
        origin,
        source,
        entries,
    } = opened::open(named, places, &report);
    (
        Layers {
            overrides,
            env,
            variables,
            origin,
            source,
            report,
        },
        entries,
    )
}

impl Layers<'_> {
    fn document(&self, value: Entries) -> Section<'_> {
        let spot = Spot::nowhere();
        let written = Written { value, spot };
        Section::new(
            &self.report,
            &self.source,
            &keys::of_document::TABLE,
            "",
            written,
        )
    }

    /// What the file says of the process.
    fn settings(&self, document: &mut Section<'_>) -> Overrides {
        match health_and_admin::table(document, &PROCESS, &keys::of_process::TABLE) {
            Ok(Some(mut section)) => {
                let settings = process::read(&mut section);
                section.finish();
                settings
            }
            _ => Overrides::default(),
        }
    }

    /// In the order of precedence.
    fn layers<'s>(&'s self, of_file: &'s Overrides) -> [&'s Overrides; 3] {
        [self.overrides, &self.variables.settings, of_file]
    }

    fn process(&self, document: &Section<'_>, of_file: &Overrides) -> Process {
        let mut nothing = document.empty(&keys::of_process::TABLE);
        let layers = self.layers(of_file);
        process::settle(layers, &mut nothing, self.env, &self.report)
    }

    /// Warns of a directory that is given for a certificate that no route wants.
    fn state_dir_is_used(&self, of_file: &Overrides, routes: &[Arc<Route>]) {
        let is_given = |layer: &Overrides| layer.state_dir.is_some();
        let is_wanted = routes.iter().any(|route| route.local_tls == LocalTls::Auto);
        if self.layers(of_file).into_iter().any(is_given) && !is_wanted {
            let warning =
                "state_dir: nothing is kept there, because no route has local_tls = \"auto\"";
            self.report.warn(&Spot::nowhere(), "", warning);
        }
    }
}

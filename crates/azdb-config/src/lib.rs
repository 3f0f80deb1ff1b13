//! The configuration: flags, environment and one TOML file, checked into [`Route`]s.
//!
//! ```text
//!   proxy.toml -- document --> Section --+
//!   URL --------- url -------> Section --+--> draft, identities, process --> beside --> Config
//!   AZDB_PROXY_ - env -------> Section --+            |
//!   AZURE_ - service_connector > Section +            |
//!                                                  Findings ------------------------> Problems
//! ```
//!
//! Nothing stops at the first problem: readers report and go on, and [`load()`] hands back everything at once.
//! The module `keys` declares every key; `docs/configuration.md` is its reference.
//!
//! # Invariants
//!
//! * No key is ignored: what nobody reads is a problem.
//! * No problem or warning repeats a password or the content of a secret file.
//! * No input makes [`load()`] panic.

mod address;
mod app_passwords;
mod beside;
mod clouds;
mod destination;
mod document;
mod draft;
mod duration;
mod env;
mod files;
mod gather;
mod health_and_admin;
mod identities;
mod keeping;
mod keys;
mod listen;
mod load;
mod local_tls;
mod names;
mod opened;
mod owner;
mod pipe;
mod principals;
mod problems;
mod process;
mod readers;
pub mod route;
mod schema;
mod section;
mod service_connector;
mod size;
mod sql_server;
mod summary;
#[cfg(test)]
mod tests;
mod token_host;
mod upstream_auth;
mod upstream_tls;
mod url;
mod value;
mod watched;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

pub use self::app_passwords::{AppPasswords, AppSecret, ScramVerifier};
pub use self::duration::parse_duration;
pub use self::health_and_admin::{Admin, AdminListen, health_listen};
pub use self::keeping::{Keeping, Reuse};
pub use self::load::{Endpoints, load, load_endpoints, load_without_search};
pub use self::problems::{Problem, Problems};
pub use self::process::{DrainIdle, LogFormat, LogTo, Overrides, Process};
pub use self::schema::schema;
pub use self::service_connector::{Imported, import};
pub use self::summary::summary;
pub use self::token_host::{is_under, private_zone_of};
pub use self::watched::Files;

use crate::route::{ListenAddr, Route};

/// A configuration without a problem.
#[derive(Debug)]
pub struct Config {
    /// What concerns the process.
    pub process: Process,
    /// Where health and metrics are served: nowhere when empty.
    pub health: Vec<ListenAddr>,
    /// Where status is served, and the end of the process.
    pub admin: Admin,
    /// Never empty.
    pub routes: Vec<Arc<Route>>,
    /// For the first log lines: what is allowed but unwise.
    pub warnings: Vec<String>,
    /// Where it came from.
    pub origin: Origin,
    /// What was read for it, its own file and those that it names.
    pub files: Files,
}

/// Which file a configuration came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// This one.
    File(PathBuf),
    /// None: command line and environment said everything.
    ZeroConfiguration,
    /// None: Service Connector's variables said which databases there are.
    ServiceConnector,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::ZeroConfiguration => f.write_str("command line and environment, no file"),
            Self::ServiceConnector => f.write_str("Service Connector's variables, no file"),
        }
    }
}

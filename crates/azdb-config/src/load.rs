//! Flags, environment and file put together: what each says, what wins, and what nobody needs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use azdb_identity::Environment;

use super::draft::{Draft, ForAllRoutes};
use super::env::{self, Variables};
use super::identities::Identities;
use super::keys::of_document::{PROCESS, ROUTES};
use super::opened::{self, Opened};
use super::problems::{Checked, Findings, Problems, Spot, Written};
use super::process::{self, Overrides, Process};
use super::section::Section;
use super::value::{Entries, Value, WrittenIn};
use super::{
    Admin, AdminListen, Config, Origin, beside, gather, health_and_admin, keys, service_connector,
};
use crate::route::{ListenAddr, LocalTls, Route, UpstreamAuth};

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

/// Where a process of this configuration is watched and run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// Where health and metrics are served.
    pub health: Vec<ListenAddr>,
    /// Where status is served, and the end of the process.
    pub admin: Admin,
    /// Where it keeps what outlives it.
    pub state_dir: Option<PathBuf>,
}

/// Reads only where a process of this configuration is asked: for commands that ask one that runs, and need no route.
///
/// # Errors
///
/// Everything that is wrong with that.
pub fn load_endpoints(overrides: &Overrides, env: &Environment) -> Result<Endpoints, Problems> {
    let (read, entries) = read_all(overrides, env, &places(env));
    let mut document = read.document(entries.unwrap_or_default());
    let settings = read.settings(&mut document);
    let process = read.process(&document, &settings);
    let endpoints = read.endpoints(&mut document, &process);
    read.report.finish().map(|_| endpoints)
}

/// As [`load`], but looks for no file: one is read only when it is named.
///
/// # Errors
///
/// Everything that is wrong.
pub fn load_without_search(overrides: &Overrides, env: &Environment) -> Result<Config, Problems> {
    load_from(overrides, env, &[])
}

/// Where a configuration file is looked for when nobody names one: here, then where people and services have theirs.
fn places(env: &Environment) -> Vec<PathBuf> {
    let mut places = vec![PathBuf::from("proxy.toml")];
    match cfg!(windows) {
        true => places.extend(places_of_windows(env)),
        false => places.push(PathBuf::from("/etc/azdb-proxy/proxy.toml")),
    }
    places
}

/// The user's, then the machine's.
fn places_of_windows(env: &Environment) -> Vec<PathBuf> {
    let folders = ["LOCALAPPDATA", "ProgramData"].into_iter();
    let found = folders.filter_map(|folder| env.get(folder).map(Path::new));
    found
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join("azdb-proxy").join("proxy.toml"))
        .collect()
}

pub(super) fn load_from(
    overrides: &Overrides,
    env: &Environment,
    places: &[PathBuf],
) -> Result<Config, Problems> {
    let (read, entries) = read_all(overrides, env, places);
    let readable = entries.is_ok();
    let mut document = read.document(entries.unwrap_or_default());
    let settings = read.settings(&mut document);
    let process = read.process(&document, &settings);
    let Endpoints { health, admin, .. } = read.endpoints(&mut document, &process);
    let shared = ForAllRoutes {
        identities: Identities::read(&mut document),
        authority: env::authority(env),
    };
    let tables = document.read(&ROUTES).ok().flatten();
    document.finish();

    let arguments = gather::arguments(&overrides.urls);
    let urls = read.urls(&arguments);
    let unread = tables.as_ref().filter(|_| !urls.is_empty());
    if let Some(tables) = unread {
        document.warn(
            &tables.spot,
            "the routes of this file are left out, because URLs name the routes",
        );
    }
    let all_routes_are_known = unread.is_none();
    let (drafts, left_out) = read.drafts(urls, &document, tables, &shared);
    let origin = match read.origin {
        Origin::ZeroConfiguration if urls.is_empty() => Origin::ServiceConnector,
        ref origin => origin.clone(),
    };
    if all_routes_are_known {
        shared.identities.warn_of_needless(&read.report);
    }
    if drafts.is_empty() && readable {
        let problem = gather::nothing_to_do(&read.origin, places, &left_out);
        read.report.problem(&Spot::nowhere(), "", problem);
    }
    let routes = beside::settle(drafts.into_iter().flatten().collect(), &read.report);
    read.warn_of_needless(&settings, &process, &admin, &routes);
    let (warnings, files) = read.report.finish()?;
    Ok(Config {
        process,
        health,
        admin,
        routes,
        warnings,
        origin,
        files,
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
    /// The command line's, else the environment's.
    fn urls<'s>(&'s self, arguments: &'s [Written<String>]) -> &'s [Written<String>] {
        let of_env = &self.variables.urls;
        if arguments.is_empty() {
            return of_env;
        }
        if let Some(first) = of_env.first() {
            let warning = "the routes of the environment are left out, because the command line names the routes";
            self.report.warn(&first.spot, "", warning);
        }
        arguments
    }

    /// Every route, of the first that has any; and what else the environment has.
    fn drafts(
        &self,
        urls: &[Written<String>],
        document: &Section<'_>,
        tables: Option<Written<Value>>,
        shared: &ForAllRoutes,
    ) -> (Vec<Checked<Draft>>, Vec<String>) {
        let report = &self.report;
        match &self.origin {
            _ if !urls.is_empty() => (gather::of_urls(urls, report, shared), Vec::new()),
            Origin::File(_) => {
                let drafts = gather::of_document(document, tables, shared, self.env);
                (drafts, Vec::new())
            }
            Origin::ZeroConfiguration | Origin::ServiceConnector => {
                let found = service_connector::routes(self.env, report);
                let drafts = gather::of_variables(found.tables, report, shared);
                (drafts, found.left_out)
            }
        }
    }

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
        match document.table(&PROCESS) {
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

    fn endpoints(&self, document: &mut Section<'_>, process: &Process) -> Endpoints {
        let of_file = health_and_admin::health(document);
        let above = [self.overrides, &self.variables.settings];
        let health = above.into_iter().find_map(|of| of.health_listen.clone());
        let usual = health_and_admin::usual_admin(self.env, process.state_dir.as_deref());
        Endpoints {
            health: health.or(of_file).unwrap_or_default(),
            admin: health_and_admin::admin(document, usual),
            state_dir: process.state_dir.clone(),
        }
    }

    /// Warns of settings of the process that mean nothing to these routes.
    fn warn_of_needless(
        &self,
        of_file: &Overrides,
        process: &Process,
        admin: &Admin,
        routes: &[Arc<Route>],
    ) {
        let warn = |text| self.report.warn(&Spot::nowhere(), "", text);
        let is_given = |layer: &Overrides| layer.state_dir.is_some();
        let has_certificate = routes
            .iter()
            .any(|route| matches!(route.local_tls, LocalTls::Auto | LocalTls::Always));
        let has_socket = match (&admin.listen, &process.state_dir) {
            (AdminListen::Default(ListenAddr::Unix(path)), Some(dir)) => path.starts_with(dir),
            _ => false,
        };
        let is_needless = !has_certificate && !has_socket;
        if self.layers(of_file).into_iter().any(is_given) && is_needless {
            warn(
                "state_dir: nothing is kept there, because no route has local_tls = \"auto\" and the admin endpoint is elsewhere",
            );
        }
        let asks_at_start = |route: &Arc<Route>| {
            matches!(route.auth, UpstreamAuth::Token(_))
                && route.principals.iter().any(|one| !one.identity.lazy)
        };
        if process.require_ready && !routes.iter().any(asks_at_start) {
            warn("require_ready: no route asks for a token before the first app does");
        }
    }
}

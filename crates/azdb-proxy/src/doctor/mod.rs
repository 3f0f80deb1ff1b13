//! `azdb-proxy doctor`: what stands between an app and its database, step by step.
//!
//! ```text
//!   route, principal --> identity, token, claims --+--> a login by the proxy's own way, watched --> query, rights, price
//!                        door (--live) ------------'      name, connection, tls, login
//! ```
//!
//! # Invariants
//!
//! * What a login meets is what an app's login meets: it is one, of a real driver.
//! * The first cross is the cause; what comes after it has no turn.
//! * A token is shown in its claims alone.

mod claims;
mod finding;
mod live;
mod questions;
mod report;
mod token;
mod way;

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use azdb_config::route::{LocalTls, Principal, Principals, ProtocolName, Route};
use azdb_config::{Config, Overrides, Process};
use azdb_identity::Environment;

use crate::args::DoctorArgs;
use crate::exit::Exit;
use crate::output::{say, tell};
use crate::{logging, run};
use finding::Findings;

/// What is asked for besides the routes.
#[derive(Default)]
pub(crate) struct Wishes {
    /// JSON instead of text.
    pub(crate) json: bool,
    /// By the doors of a proxy that runs, which knows its own tokens.
    pub(crate) live: bool,
    /// In place of the route's `default_database`.
    pub(crate) database: Option<String>,
    /// In place of every app user of a `user_map`.
    pub(crate) app_user: Option<String>,
    /// What a door asks apps for.
    pub(crate) app_password: Option<String>,
}

/// Examines the routes of a configuration.
pub(crate) fn doctor(args: DoctorArgs, env: &Environment) -> Exit {
    let (urls, names): (Vec<_>, Vec<_>) =
        (args.routes.into_iter()).partition(|route| route.contains("://"));
    let overrides = Overrides {
        urls,
        config: args.config,
        state_dir: args.state_dir,
        ..Overrides::default()
    };
    let mut config = match azdb_config::load(&overrides, env) {
        Ok(config) => config,
        Err(problems) => {
            tell(&problems.to_string());
            return Exit::BadConfiguration;
        }
    };
    let known: Vec<String> = config
        .routes
        .iter()
        .map(|route| route.name.clone())
        .collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains(name)) {
        let known = known.join(", ");
        tell(&format!(
            "azdb-proxy doctor: no route is called {unknown:?}; there are: {known}"
        ));
        return Exit::Usage;
    }
    if !names.is_empty() {
        config.routes.retain(|route| names.contains(&route.name));
    }
    let app_password = match args
        .app_password_file
        .map(|path| password_in(&path))
        .transpose()
    {
        Ok(read) => read,
        Err(error) => {
            tell(&format!(
                "azdb-proxy doctor: cannot read --app-password-file: {error}"
            ));
            return Exit::Usage;
        }
    };
    let wishes = Wishes {
        json: args.json,
        live: args.live,
        database: args.database,
        app_user: args.app_user,
        app_password,
    };
    examine(config, &wishes, env)
}

/// Examines every route, prints what was found, and ends with the code of the first cross.
pub(crate) fn examine(mut config: Config, wishes: &Wishes, env: &Environment) -> Exit {
    // As this process has a route, nobody comes by its doors, and nobody waits for an upstream that is away.
    for route in config.routes.iter_mut().filter_map(Arc::get_mut) {
        route.local_tls = LocalTls::Off;
        route.hold_logins = false;
    }
    // What the proxy's own parts have to say is said in findings, but for a bug.
    let quiet = Process {
        log_level: "error".to_owned(),
        log_file: None,
        ..config.process.clone()
    };
    let _log = logging::start(&quiet);
    let marks = report::Marks::of_this_place();
    let ways = ways(&config, wishes);
    if ways.is_empty() {
        tell(&no_such_app_user(&config, wishes));
        return Exit::Usage;
    }
    let examined = run::block_on(async {
        let mut all = Vec::new();
        for way in ways {
            let findings = match wishes.live {
                true => live::examine(&way, &config, wishes).await,
                false => way::examine(&way, wishes, env).await,
            };
            if !wishes.json {
                say(&report::text(&findings, &marks));
            }
            all.push(findings);
        }
        Ok(all)
    });
    match examined {
        Ok(all) => {
            if wishes.json {
                say(&report::json(&all));
            }
            let cross = all.iter().find_map(Findings::cross);
            cross.map_or(Exit::Success, |step| Exit::Of(step.code()))
        }
        Err(error) => {
            tell(&format!("azdb-proxy doctor: {error:#}"));
            Exit::Failure
        }
    }
}

/// The first line of a file.
fn password_in(path: &Path) -> io::Result<String> {
    /// Longer than any password that a protocol takes.
    const MOST: u64 = 64 * 1024;
    let mut text = String::new();
    File::open(path)?.take(MOST).read_to_string(&mut text)?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// Nobody comes so: the users that there are.
fn no_such_app_user(config: &Config, wishes: &Wishes) -> String {
    let mut known = Vec::new();
    for route in &config.routes {
        if let Principals::ByAppUser(map) = &route.principals {
            known.extend(map.iter().map(|(app_user, _)| app_user.as_str()));
        }
    }
    let wish = wishes.app_user.as_deref().unwrap_or_default();
    let known = known.join(", ");
    format!("azdb-proxy doctor: --app-user {wish:?} is in no user_map; there are: {known}")
}

/// A way that an app goes: a route, and as whom.
struct Way {
    route: Arc<Route>,
    principal: Arc<Principal>,
    /// What the app calls itself.
    app_user: String,
}

impl Way {
    /// `orders: postgres, orders.postgres.database.azure.com:5432, as orders-app`
    fn title(&self) -> String {
        let Self {
            route, principal, ..
        } = self;
        let upstreams: Vec<String> = route.upstream.iter().map(ToString::to_string).collect();
        let whom = match (&*principal.user, route.protocol) {
            ("", _) => "as the identity".to_owned(),
            (user, _) => format!("as {user}"),
        };
        let (name, protocol, upstreams) = (&route.name, route.protocol, upstreams.join(", "));
        match &route.principals {
            Principals::One(_) => format!("{name}: {protocol}, {upstreams}, {whom}"),
            Principals::ByAppUser(_) => {
                format!(
                    "{name}: {protocol}, {upstreams}, {whom} for {}",
                    self.app_user
                )
            }
        }
    }

    /// The database that is asked for, where one must be named.
    fn database(&self, wishes: &Wishes) -> Option<String> {
        let named = wishes
            .database
            .as_ref()
            .or(self.route.default_database.as_ref());
        match self.route.protocol {
            // Without one a server takes the user's name for it.
            ProtocolName::Postgres => {
                Some(named.map_or_else(|| "postgres".to_owned(), Clone::clone))
            }
            ProtocolName::Mysql | ProtocolName::Tds => named.cloned(),
        }
    }
}

/// The ways of a configuration: each app user of a `user_map` has one of its own.
fn ways(config: &Config, wishes: &Wishes) -> Vec<Way> {
    let mut ways = Vec::new();
    for route in &config.routes {
        let way = |app_user: &str, principal: &Arc<Principal>| Way {
            route: Arc::clone(route),
            principal: Arc::clone(principal),
            app_user: app_user.to_owned(),
        };
        match &route.principals {
            Principals::One(principal) => {
                ways.push(way(
                    wishes.app_user.as_deref().unwrap_or("doctor"),
                    principal,
                ));
            }
            Principals::ByAppUser(map) => {
                let wanted = |app_user: &String| {
                    wishes.app_user.as_ref().is_none_or(|wish| wish == app_user)
                };
                let map = map.iter().filter(|(app_user, _)| wanted(app_user));
                ways.extend(map.map(|(app_user, principal)| way(app_user, principal)));
            }
        }
    }
    ways
}

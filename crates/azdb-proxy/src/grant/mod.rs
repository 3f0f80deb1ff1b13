//! `azdb-proxy grant`: the SQL that makes a principal of the identity that a route holds, and says what it may do.
//!
//! ```text
//!   route --> its principals --> claims of the identity's token --+--> Wanted --> Engine --> Script --> standard output
//!                                flags, where there is no token --'
//! ```
//!
//! # Invariants
//!
//! * Standard output is SQL for the client of the engine, or nothing: remarks are comments, whatever is in them.
//! * A name stands in SQL as it is, whatever is in it, or the command fails.
//! * The token is asked for its claims alone; nothing else of it is printed.
//! * The sign-in of a person is not taken for the app's identity because it happens to be there.

mod engine;
mod grantee;
mod mysql;
mod postgres;
mod script;
mod sql_server;
#[cfg(test)]
mod tests;
mod unfit;
mod whom;

use std::sync::Arc;

use azdb_config::Overrides;
use azdb_config::route::Route;
use azdb_identity::Environment;

use crate::args::GrantArgs;
use crate::exit::Exit;
use crate::output::{say, tell};
pub(crate) use engine::Level;
use engine::{Engine, Wanted};
pub(crate) use grantee::{EntraId, Kind, Known};
use unfit::Unfit;

/// Prints the SQL for a route.
pub(crate) fn grant(args: GrantArgs, env: &Environment) -> Exit {
    let (urls, name) = match &args.route {
        Some(url) if url.contains("://") => (vec![url.clone()], None),
        name => (Vec::new(), name.as_deref()),
    };
    let overrides = Overrides {
        config: args.config.clone(),
        urls,
        ..Overrides::default()
    };
    let config = match azdb_config::load(&overrides, env) {
        Ok(config) => config,
        Err(problems) => {
            tell(&problems.to_string());
            return Exit::BadConfiguration;
        }
    };
    let printed = chosen(&config.routes, name).and_then(|route| texts(route, &args, env));
    match printed {
        Ok(texts) => {
            say(texts.join("\n").trim_end());
            Exit::Success
        }
        Err(unfit) => {
            tell(&format!("azdb-proxy grant: {unfit}"));
            unfit.exit()
        }
    }
}

/// The route of this name, or the only one.
fn chosen<'r>(routes: &'r [Arc<Route>], name: Option<&str>) -> Result<&'r Arc<Route>, Unfit> {
    let names = routes.iter().map(|route| format!("{:?}", route.name));
    let known = || names.collect::<Vec<_>>().join(", ");
    match (name, routes) {
        (None, [only]) => Ok(only),
        (None, _) => Err(Unfit::WhichRoute(known())),
        (Some(name), _) => routes
            .iter()
            .find(|route| route.name == name)
            .ok_or_else(|| Unfit::NoRoute {
                name: name.to_owned(),
                known: known(),
            }),
    }
}

/// The SQL for each principal of a route.
fn texts(route: &Route, args: &GrantArgs, env: &Environment) -> Result<Vec<String>, Unfit> {
    let engine = engine::of(route.protocol);
    let all = whom::wanted(route, engine, args, env)?;
    all.iter()
        .map(|wanted| text(engine, wanted, args.undo))
        .collect()
}

fn text(engine: &dyn Engine, wanted: &Wanted, undo: bool) -> Result<String, Unfit> {
    let back = engine.undo(wanted)?;
    if undo {
        return Ok(back.to_string());
    }
    let route = &wanted.route;
    Ok(format!(
        "{}\n-- How to undo it, as azdb-proxy grant {route} --undo prints it:\n{}",
        engine.grant(wanted)?,
        back.as_remarks()
    ))
}

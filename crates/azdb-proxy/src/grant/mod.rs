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
mod shell;
mod sql_server;
#[cfg(test)]
mod tests;
mod unfit;
mod whom;

use std::sync::Arc;

use azdb_config::route::Route;
use azdb_config::{Config, Overrides, Problems};
use azdb_identity::Environment;

use crate::args::GrantArgs;
use crate::exit::Exit;
use crate::output::{say, tell};
pub(crate) use engine::Level;
use engine::{Engine, Wanted};
pub(crate) use grantee::{EntraId, Kind, Known};
use unfit::Unfit;

/// Prints the SQL for a route.
pub(crate) fn grant(mut args: GrantArgs, env: &Environment) -> Exit {
    args.command = shell::again(std::env::args().skip(1));
    let config = match configuration(&args, env) {
        Ok(config) => config,
        Err(problems) => {
            tell(&problems.to_string());
            return Exit::BadConfiguration;
        }
    };
    match printed(&config, &args, env) {
        Ok(text) => {
            say(text.trim_end());
            Exit::Success
        }
        Err(unfit) => {
            tell(&format!("azdb-proxy grant: {unfit}"));
            unfit.exit()
        }
    }
}

/// The routes that there are. One that is a URL is the only one.
fn configuration(args: &GrantArgs, env: &Environment) -> Result<Config, Problems> {
    let mut overrides = Overrides {
        config: args.config.clone(),
        ..Overrides::default()
    };
    match args.url() {
        Some(url) => {
            overrides.urls = vec![url.to_owned()];
            azdb_config::load_without_search(&overrides, env)
        }
        None => azdb_config::load(&overrides, env),
    }
}

/// The SQL for each principal of a route.
fn printed(config: &Config, args: &GrantArgs, env: &Environment) -> Result<String, Unfit> {
    let name = args.route.as_deref().filter(|_| args.url().is_none());
    let route = chosen(&config.routes, name)?;
    let engine = engine::of(route.protocol);
    let mut texts = Vec::new();
    for wanted in whom::wanted(route, engine, args, env)? {
        texts.push(text(engine, &wanted, args.undo)?);
    }
    Ok(texts.join("\n"))
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

fn text(engine: &dyn Engine, wanted: &Wanted, undo: bool) -> Result<String, Unfit> {
    let back = engine.undo(wanted)?;
    if undo {
        return Ok(back.to_string());
    }
    Ok(format!(
        "{}\n-- How to undo it (--undo prints this):\n{}",
        engine.grant(wanted)?,
        back.as_remarks()
    ))
}

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
//! * `--apply` asks before it runs anything, or has been told `--yes`.
//! * The sign-in of a person is not taken for the app's identity because it happens to be there.

#[cfg(feature = "doctor")]
mod admin;
#[cfg(feature = "doctor")]
mod apply;
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

#[cfg(feature = "doctor")]
use anyhow::Context as _;
use azdb_config::route::Route;
use azdb_config::{Config, Overrides, Problems};
use azdb_identity::Environment;

use crate::args::GrantArgs;
use crate::exit::Exit;
use crate::output::{say, tell};
pub(crate) use engine::Level;
use engine::{Engine, Wanted};
pub(crate) use grantee::{EntraId, Kind, Known};
#[cfg(feature = "doctor")]
use script::Script;
use unfit::Unfit;

/// Prints the SQL for a route.
pub(crate) fn grant(mut args: GrantArgs, env: &Environment) -> Exit {
    args.command = shell::again(
        std::env::args_os()
            .skip(1)
            .map(|word| word.to_string_lossy().into_owned()),
    );
    let config = match configuration(&args, env) {
        Ok(config) => config,
        Err(problems) => {
            tell(&problems.to_string());
            return Exit::BadConfiguration;
        }
    };
    let done = chosen(config.routes, &args).and_then(|route| act(route, &args, env));
    match done {
        Ok(()) => Exit::Success,
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

/// The route of this name, or the only one.
fn chosen(mut routes: Vec<Arc<Route>>, args: &GrantArgs) -> Result<Arc<Route>, Unfit> {
    let names = routes.iter().map(|route| format!("{:?}", route.name));
    let known = names.collect::<Vec<_>>().join(", ");
    let at = match args.route.as_deref().filter(|_| args.url().is_none()) {
        Some(name) => {
            let at = routes.iter().position(|route| route.name == name);
            let name = name.to_owned();
            at.ok_or(Unfit::NoRoute { name, known })?
        }
        None if routes.len() == 1 => 0,
        None => return Err(Unfit::WhichRoute(known)),
    };
    Ok(routes.swap_remove(at))
}

/// Prints the SQL, or applies it.
fn act(route: Arc<Route>, args: &GrantArgs, env: &Environment) -> Result<(), Unfit> {
    #[cfg(feature = "doctor")]
    if args.apply.apply {
        return applied(route, args, env);
    }
    say(printed(&route, args, env)?.trim_end());
    Ok(())
}

/// The SQL for each principal of a route.
fn printed(route: &Route, args: &GrantArgs, env: &Environment) -> Result<String, Unfit> {
    let engine = engine::of(route.protocol);
    let mut texts = Vec::new();
    for wanted in whom::wanted(route, engine, args, env)? {
        texts.push(text(engine, &wanted, args.undo)?);
    }
    Ok(texts.join("\n"))
}

/// Runs the SQL for each principal of a route, as an administrator.
#[cfg(feature = "doctor")]
fn applied(route: Arc<Route>, args: &GrantArgs, env: &Environment) -> Result<(), Unfit> {
    let engine = engine::of(route.protocol);
    let mut scripts = Vec::new();
    for wanted in whom::wanted(&route, engine, args, env)? {
        let script = match args.undo {
            true => engine.undo(&wanted)?,
            false => engine.grant(&wanted)?,
        };
        scripts.push((wanted, script));
    }
    let route = Arc::into_inner(route).context("the route is in use")?;
    crate::run::block_on(async {
        let admin = match admin::signed_in(route, &args.apply, env).await {
            Ok(admin) => admin,
            Err(unfit) => return Ok(Err(unfit)),
        };
        Ok(run_as(&admin, &scripts, args).await)
    })?
}

/// Asks, and runs.
#[cfg(feature = "doctor")]
async fn run_as(
    admin: &admin::Admin,
    scripts: &[(Wanted, Script)],
    args: &GrantArgs,
) -> Result<(), Unfit> {
    for (wanted, script) in scripts {
        let Wanted {
            host,
            port,
            database,
            principal,
            identity,
            level,
            ..
        } = wanted;
        let name = &admin.name;
        say(&format!(
            "-- {host}:{port}, database {database:?}, as {name:?}"
        ));
        let (what, words) = match args.undo {
            true => (
                "End this",
                "loses what was granted, and is no principal any more",
            ),
            false => ("Run this", level.in_words()),
        };
        say(&format!("-- {principal:?}, {identity}: {words}"));
        if !args.apply.yes {
            say(&script.to_string());
            asked(&format!("{what} at {host}:{port} as {name:?}?"))?;
        }
        apply::apply(admin, script, principal, &mut say).await?;
    }
    Ok(())
}

/// Whether a person at the terminal says yes.
#[cfg(feature = "doctor")]
fn asked(question: &str) -> Result<(), Unfit> {
    use std::io::{IsTerminal as _, Write as _, stderr, stdin};
    if !stdin().is_terminal() {
        return Err(Unfit::NobodyToAsk);
    }
    let _ = write!(stderr(), "{question} [y/N] ");
    let mut answer = String::new();
    let read = stdin().read_line(&mut answer);
    match (read, answer.trim()) {
        (Ok(_), "y" | "Y" | "yes" | "Yes") => Ok(()),
        _ => Err(Unfit::NotWanted),
    }
}

fn text(engine: &dyn Engine, wanted: &Wanted, undo: bool) -> Result<String, Unfit> {
    let mut back = engine.undo(wanted)?;
    if undo {
        back.head = engine::head_of_undo(wanted);
        return Ok(back.to_string());
    }
    Ok(format!(
        "{}\n-- How to undo it (--undo prints this):\n{}",
        engine.grant(wanted)?,
        back.as_remarks()
    ))
}

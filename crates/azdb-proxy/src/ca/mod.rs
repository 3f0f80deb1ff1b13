//! `azdb-proxy ca`: the certificate authority that apps of a route should trust.
//!
//! ```text
//!   the proxy that runs -- else what the configuration names --> one authority --> standard output
//!                                                                    |'-- whose it is, and where it is kept --> standard error
//!                                            --install, --uninstall  '--> whoever runs it is asked --> the machine's store, or the user's
//! ```
//!
//! # Invariants
//!
//! * What no proxy has said is called that, in front of everything else.
//! * No authority is made: one that no proxy shows would be trusted in vain.
//! * Standard output is a certificate or nothing.
//! * Nothing is trusted that came from a port, where anybody can answer, and nothing without a yes.

mod install;
mod known;
mod store;
mod words;

use azdb_identity::Environment;

use crate::args::{CaArgs, Change};
use crate::ask::{self, Running};
use crate::exit::Exit;
use crate::output::{say, tell};
use known::{Chosen, Known, asked, chosen, in_files};

/// Prints the authority of a route, or the one that all routes have; or has it trusted here, or no longer.
pub(crate) fn ca(args: CaArgs, env: &Environment) -> Exit {
    let (overrides, is_elsewhere) = (args.ask.overrides(), args.ask.at.is_some());
    let (change, route) = (args.change(), args.route);
    if let Change::RemoveAll(scope) = change {
        return install::remove_all(scope);
    }
    ask::with_running(args.ask, env, async |running| {
        let (known, unasked) = match asked_by(&change, running).await {
            Ok(known) => (known, None),
            Err(why) if is_elsewhere => return failed(&why),
            Err(why) => match in_files(&overrides, env) {
                Ok(known) => (known, Some(why)),
                Err(problem) => return failed(&format!("{why}; {problem}")),
            },
        };
        let (authority, whose) = match chosen(&known, route.as_deref()) {
            Ok(found) => found,
            Err(why) => return failed(&why),
        };
        // In front of everything: whoever redirects standard output reads this alone.
        if let Some(why) = unasked {
            tell(&format!(
                "azdb-proxy ca: warning: no proxy was asked, so this is the certificate in the files here, which the next one to \
                 start with them shows, and not what one shows that runs with others ({why})"
            ));
        }
        tell(&format!("azdb-proxy ca: {whose}"));
        changed(&change, authority)
    })
}

/// What the proxy says, by a way that suits what is done with it.
async fn asked_by(change: &Change, running: Running) -> Result<Vec<Known>, String> {
    match change {
        Change::Nothing => asked(&running).await,
        _ => asked(&running.at_files()?).await,
    }
}

fn changed(change: &Change, authority: Chosen<'_>) -> Exit {
    match change {
        Change::Nothing => {
            say(authority.pem.trim_end());
            Exit::Success
        }
        Change::Install { scope, consent } => install::install(authority, *scope, *consent),
        Change::Remove(scope) => install::remove(authority, *scope),
        Change::RemoveAll(scope) => install::remove_all(*scope),
    }
}

fn failed(why: &str) -> Exit {
    tell(&format!("azdb-proxy ca: {why}"));
    Exit::Failure
}

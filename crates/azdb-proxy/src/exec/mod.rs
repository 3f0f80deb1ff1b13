//! `azdb-proxy exec`: the proxy and a program in one process tree, which lives as long as the program does.
//!
//! ```text
//!   proxy ready (tokens, doors) --> program, told where to connect --> its end --> drain --> its exit code
//!                                        ^
//!   signals -----------------------------'
//! ```
//!
//! # Invariants
//!
//! * The program starts when its first connection can be served, or not at all.
//! * Standard output is the program's own: the proxy's log goes to standard error.
//! * The exit code is the program's; 127 when it is not there, 126 when it cannot be run, 128 and the number of the signal that ended it.

mod first_process;
mod forwarded;
mod variables;

use std::io;
use std::pin::pin;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use azdb_config::route::Route;
use azdb_config::{Config, LogTo, Overrides, Process};
use azdb_core::{Drain, OpenServer};
use azdb_identity::Environment;
use tokio::process::{Child, Command};
use tokio::sync::watch;

use crate::args::ExecArgs;
use crate::exit::Exit;
use crate::output::tell;
use crate::reload::{self, Unread};
use crate::run::{self, Means};
use crate::system;
use forwarded::Forwarded;

/// Runs a program beside the proxy.
pub(crate) fn exec(args: ExecArgs, env: &Environment) -> Exit {
    if first_process::is_ours() {
        return first_process::run_again();
    }
    let ExecArgs {
        routes,
        settings,
        program,
    } = args;
    let (urls, names): (Vec<_>, Vec<_>) =
        routes.into_iter().partition(|route| route.contains("://"));
    let overrides = Overrides {
        urls,
        require_ready: Some(true),
        log_to: Some(LogTo::Stderr),
        ..settings.into()
    };
    let config = match azdb_config::load(&overrides, env) {
        Ok(config) => config,
        Err(problems) => {
            tell(&problems.to_string());
            return Exit::BadConfiguration;
        }
    };
    match only(config, &names) {
        Ok(config) => {
            let process = config.process.clone();
            let again = Again {
                overrides,
                names,
                env: env.clone(),
            };
            run::with_log(&process, |means| {
                start_and_follow(config, again, means, program.as_slice())
            })
        }
        Err(problem) => {
            tell(&problem);
            Exit::BadConfiguration
        }
    }
}

/// How the configuration is read again.
struct Again {
    overrides: Overrides,
    names: Vec<String>,
    env: Environment,
}

impl Again {
    fn load(&self) -> Result<Config, Unread> {
        let config = azdb_config::load(&self.overrides, &self.env)?;
        let files = config.files.clone();
        only(config, &self.names).map_err(|problem| {
            let problems = vec![problem];
            Unread { problems, files }
        })
    }
}

/// Keeps the routes of these names, or all where none is named.
fn only(mut config: Config, names: &[String]) -> Result<Config, String> {
    if names.is_empty() {
        return Ok(config);
    }
    let known = |routes: &[Arc<Route>]| {
        let names: Vec<&str> = routes.iter().map(|route| route.name.as_str()).collect();
        names.join(", ")
    };
    let is_unknown = |name: &&String| config.routes.iter().all(|route| route.name != **name);
    if let Some(unknown) = names.iter().find(is_unknown) {
        let known = known(&config.routes);
        return Err(format!(
            "azdb-proxy exec: no route is called {unknown:?}; there are: {known}; the program stands behind --"
        ));
    }
    config.routes.retain(|route| names.contains(&route.name));
    Ok(config)
}

async fn start_and_follow(
    config: Config,
    again: Again,
    means: Means,
    program: &[std::ffi::OsString],
) -> anyhow::Result<Exit> {
    let mut signals = Forwarded::new().context("cannot listen for signals")?;
    let server = tokio::select! {
        server = run::open(&config, again.env.clone(), means) => server?,
        signal = signals.ending() => {
            tracing::info!(%signal, "coming to an end before the program was started");
            return Ok(Exit::Of(signal.exit_code()));
        }
    };
    let child = match start(program, &server) {
        Ok(child) => child,
        Err((code, error)) => {
            let name = program.first().map(|name| name.to_string_lossy());
            tell(&format!(
                "azdb-proxy exec: cannot run {:?}: {error}",
                name.unwrap_or_default()
            ));
            return Ok(Exit::Of(code));
        }
    };
    // SIGHUP is the program's.
    let (load, nobody) = (move || again.load(), Arc::default());
    let in_force = reload::begin(server.clone(), config, Arc::new(load), nobody);
    follow(child, server, signals, in_force).await
}

/// Starts the program, told where its databases are.
fn start(program: &[std::ffi::OsString], server: &OpenServer) -> Result<Child, (u8, io::Error)> {
    let Some((name, args)) = program.split_first() else {
        return Err((127, io::ErrorKind::NotFound.into()));
    };
    let mut command = Command::new(name);
    command.args(args);
    for unset in variables::NOT_FOR_THE_PROGRAM {
        command.env_remove(unset);
    }
    let is_set = |name: &str| std::env::var_os(name).is_some();
    for (name, value) in variables::of(&server.addresses(), is_set) {
        command.env(name, value);
    }
    system::with_the_file_limit_of_the_start(|| command.spawn()).map_err(|error| {
        let code = match error.kind() {
            io::ErrorKind::NotFound => 127,
            _ => 126,
        };
        (code, error)
    })
}

/// Hands signals on to the program until it ends, then lets its sessions end.
async fn follow(
    mut child: Child,
    server: OpenServer,
    mut signals: Forwarded,
    in_force: watch::Receiver<Process>,
) -> anyhow::Result<Exit> {
    let (word, said) = tokio::sync::oneshot::channel();
    let mut asked = pin!(server.asked_to_end());
    let mut was_asked = false;
    let mut serving = pin!(server.run(async {
        match said.await {
            Ok(drain) => drain,
            Err(_) => std::future::pending().await,
        }
    }));
    let status = loop {
        tokio::select! {
            status = child.wait() => break status.context("cannot wait for the program")?,
            signal = signals.next() => signals.hand_on(signal, child.id()),
            () = &mut asked, if !was_asked => {
                was_asked = true;
                tracing::info!("asked to end over HTTP: the program is sent SIGTERM");
                signals.terminate(child.id());
            }
            _ = &mut serving => return Ok(Exit::Failure),
        }
    };
    tracing::debug!(%status, "the program has ended");
    // Sessions of what it has left behind have as long as those of a proxy that is ended.
    let patience = in_force.borrow().max_sigterm_delay;
    let _ = word.send(Drain {
        delay: Duration::ZERO,
        patience,
        idle: azdb_config::DrainIdle::Now,
    });
    tokio::select! {
        _ = &mut serving => {}
        _ = signals.ending() => {}
    }
    Ok(Exit::Of(code(status)))
}

/// As a shell says it.
fn code(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(signal.saturating_add(128)).unwrap_or(u8::MAX);
    }
    let code = status.code().unwrap_or(1);
    u8::try_from(code & 0xff).unwrap_or(u8::MAX)
}

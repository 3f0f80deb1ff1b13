//! Reading the configuration again while apps are served.
//!
//! ```text
//!   SIGHUP, POST /reload, a file that has changed --> load --> OpenServer::reload --> the new one is in force
//!                                                       '-----------'--- whatever is wrong --> the old one is, and says why
//! ```
//!
//! # Invariants
//!
//! * Flags and environment are those of the start: they cannot change.
//! * What is not in force before a restart is named in a warning.

mod restart;
mod watch;

use std::fmt;
use std::sync::Arc;

use azdb_config::{Config, Files, Problems, Process};
use azdb_core::{Changes, OpenServer, RefusedBy, ReloadOutcome, StartError, local_names};
use azdb_quote::Chain;
use tokio::sync::{Notify, watch as cell};

use crate::logging;
use crate::run::authority_in;
use crate::{signals, supervisor};
use restart::Fixed;
use watch::Watch;

/// Why the configuration is read again.
enum Cause {
    Signal,
    Asked,
    Changed(Vec<String>),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal => f.write_str(signals::RELOAD),
            Self::Asked => f.write_str("asked over HTTP"),
            Self::Changed(files) => write!(f, "{} changed", files.join(", ")),
        }
    }
}

/// Reads the configuration as at the start.
pub(crate) type Load = dyn Fn() -> Result<Config, Unread> + Send + Sync;

/// Why there is none.
pub(crate) struct Unread {
    pub(crate) problems: Vec<String>,
    pub(crate) files: Files,
}

impl From<Problems> for Unread {
    fn from(problems: Problems) -> Self {
        Self {
            files: problems.files().clone(),
            problems: problems.iter().map(ToString::to_string).collect(),
        }
    }
}

/// Reads the configuration of a server again whenever there is reason to, from now on. Returns what is in force of `[process]`.
pub(crate) fn begin(
    server: OpenServer,
    config: Config,
    load: Arc<Load>,
    hangup_came: Arc<Notify>,
) -> cell::Receiver<Process> {
    let (process, in_force) = cell::channel(config.process.clone());
    let reloader = Reloader {
        server,
        load,
        hangup_came,
        process,
    };
    tokio::spawn(reloader.run(config));
    in_force
}

/// Whoever reads the configuration again.
struct Reloader {
    server: OpenServer,
    load: Arc<Load>,
    hangup_came: Arc<Notify>,
    process: cell::Sender<Process>,
}

impl Reloader {
    async fn run(self, config: Config) {
        let fixed = Fixed::of(&config);
        let mut watch = Watch::over(config.files);
        loop {
            let watches = self.process.borrow().reload_on_change;
            let cause = tokio::select! {
                () = self.server.reloads().wanted() => Cause::Asked,
                () = self.hangup_came.notified() => Cause::Signal,
                files = watch.changed(), if watches => Cause::Changed(files),
            };
            let begun = self.server.reloads().begin();
            tracing::info!(%cause, "reading the configuration again");
            supervisor::reloading().await;
            let (outcome, files) = self.reload(&fixed, watch.files()).await;
            supervisor::ready().await;
            log(&outcome);
            watch = Watch::over(files);
            self.server.reloads().done(begun, outcome);
        }
    }

    /// Returns also the files to watch from now on.
    async fn reload(&self, fixed: &Fixed, watched: &Files) -> (ReloadOutcome, Files) {
        if let Some(path) = watched.not_again() {
            let path = path.display();
            let problem = format!(
                "{path}: it is a pipe, which can be read only once: a change needs a restart"
            );
            return (
                refused(RefusedBy::Configuration, vec![problem]),
                watched.clone(),
            );
        }
        let load = Arc::clone(&self.load);
        let loading = tokio::task::spawn_blocking(move || load());
        let config = match loading.await {
            Ok(Ok(config)) => config,
            Ok(Err(Unread { problems, files })) => {
                let outcome = refused(RefusedBy::Configuration, problems);
                return (outcome, files.and(watched.now()));
            }
            Err(broke) => {
                let outcome = refused(RefusedBy::System, vec![Chain(&broke).to_string()]);
                return (outcome, watched.now());
            }
        };
        let authority = authority_in(fixed.state_dir().cloned(), local_names(&config.routes));
        match self.server.reload(&config.routes, authority).await {
            Ok(changes) => {
                let warnings = self.put_in_force(fixed, &config, &changes);
                (ReloadOutcome::Applied { warnings }, config.files)
            }
            Err(error) => {
                let outcome = refused(whose(&error), vec![Chain(&error).to_string()]);
                (outcome, config.files.and(watched.now()))
            }
        }
    }

    /// What follows when the routes are in force. Returns the warnings.
    fn put_in_force(&self, fixed: &Fixed, config: &Config, changes: &Changes) -> Vec<String> {
        for (route, listen) in &changes.opened {
            let upstream: Vec<_> = route.upstream.iter().map(ToString::to_string).collect();
            tracing::info!(route = %route.name, %listen, upstream = upstream.join(","), "listening");
        }
        for (route, listen) in &changes.closed {
            tracing::info!(route = %route.name, %listen, "listening no more");
        }
        for route in &changes.removed {
            tracing::info!(route, "route removed, its sessions go on");
        }
        let mut warnings = config.warnings.clone();
        warnings.extend(fixed.warnings(config));
        if let Err(error) = logging::set_level(&config.process.log_level) {
            warnings.push(format!("log_level: {error}"));
        }
        self.process.send_replace(config.process.clone());
        warnings
    }
}

fn refused(by: RefusedBy, problems: Vec<String>) -> ReloadOutcome {
    ReloadOutcome::Refused { by, problems }
}

/// Whose doing it is that routes cannot be served.
fn whose(error: &StartError) -> RefusedBy {
    match error {
        StartError::Reception { .. } => RefusedBy::Configuration,
        _ => RefusedBy::System,
    }
}

fn log(outcome: &ReloadOutcome) {
    match outcome {
        ReloadOutcome::Applied { warnings } => {
            warnings
                .iter()
                .for_each(|warning| tracing::warn!("{warning}"));
            tracing::info!("the configuration is in force");
        }
        ReloadOutcome::Refused { problems, .. } => {
            problems
                .iter()
                .for_each(|problem| tracing::error!("{problem}"));
            tracing::error!(
                problems = problems.len(),
                "the configuration was refused, the one of before is in force"
            );
        }
    }
}

//! Flags: what a configuration says, and which proxy is asked.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use azdb_config::route::ListenAddr;
use azdb_config::{DrainIdle, LogFormat, LogTo, Overrides, health_listen, parse_duration};
use clap::Args as ClapArgs;

use crate::ask::Place;

#[derive(Debug, Default, ClapArgs)]
pub(crate) struct RunArgs {
    /// Routes as URLs: postgres://PRINCIPAL@UPSTREAM/DATABASE?key=value, keys as in the file
    #[arg(value_name = "URL")]
    urls: Vec<String>,
    #[command(flatten)]
    settings: Settings,
}

impl RunArgs {
    /// A word that stands where a route does, and is no URL.
    pub(super) fn stranger(&self) -> Option<&str> {
        let mut words = self.urls.iter().map(String::as_str);
        words.find(|word| !word.contains("://"))
    }
}

/// What is read, and whether the databases are asked, too.
#[derive(Debug, ClapArgs)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) run: RunArgs,
    /// Log in to every database, too, as doctor does
    #[cfg(feature = "doctor")]
    #[arg(long)]
    pub(crate) connect: bool,
}

/// Flags of a process that serves are read by `check`, and mean nothing to it.
pub(super) fn as_check_shows(flag: clap::Arg) -> clap::Arg {
    const USED: [&str; 4] = ["urls", "config", "connect", "help"];
    let is_used = USED.contains(&flag.get_id().as_str());
    flag.hide(!is_used)
}

/// Which program runs beside the proxy, and on which routes.
#[derive(Debug, ClapArgs)]
pub(crate) struct ExecArgs {
    /// Routes to serve, by name or as URLs; all of the configuration when none is given
    #[arg(value_name = "ROUTE")]
    pub(crate) routes: Vec<String>,
    #[command(flatten)]
    pub(crate) settings: Settings,
    /// The program and its arguments
    #[arg(value_name = "PROGRAM", last = true, required = true)]
    pub(crate) program: Vec<OsString>,
}

/// What the configuration of a process says, as flags.
#[derive(Debug, Default, ClapArgs)]
pub(crate) struct Settings {
    /// Configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Log lines for people (text) or machines (json)
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<LogFormat>,
    /// Least level that is logged: error, warn, info, debug or trace, or levels by module
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// Where lines go: stderr, stdout, or split (errors and warnings to stderr, the rest to stdout)
    #[arg(long, value_name = "STREAM")]
    log_to: Option<LogTo>,
    /// File that lines go to instead; at 10 MiB it becomes NAME.1.log, up to NAME.5.log
    #[arg(long, value_name = "FILE")]
    log_file: Option<PathBuf>,
    /// After the first signal, go on serving new sessions for so long
    #[arg(long, value_name = "TIME", value_parser = duration)]
    min_sigterm_delay: Option<Duration>,
    /// After that, let sessions finish for so long before they are told goodbye
    #[arg(long, value_name = "TIME", value_parser = duration)]
    max_sigterm_delay: Option<Duration>,
    /// Whether idle sessions use that time (wait) or end at once (now)
    #[arg(long, value_name = "WHEN")]
    drain_idle: Option<DrainIdle>,
    /// Exit with 0 even if a signal cut sessions
    #[arg(long)]
    exit_zero_on_sigterm: bool,
    /// End with 0 when the last session has ended and none has begun for so long (5s), once there was one: for jobs
    #[arg(long, value_name = "TIME", value_parser = duration, num_args = 0..=1, require_equals = true, default_missing_value = "5s")]
    exit_when_idle: Option<Duration>,
    /// Let apps connect only when there is a token of every identity that is not lazy
    #[arg(long)]
    require_ready: bool,
    /// Wait for these tokens for so long, then exit with 1
    #[arg(long, value_name = "TIME", value_parser = duration)]
    ready_timeout: Option<Duration>,
    /// Read the configuration again when its files hold something else
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    reload_on_change: Option<bool>,
    /// Directory in which the certificate for apps is kept
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// Where /startup, /readiness, /liveness and /metrics are served: address:port, or several with commas
    #[arg(long, value_name = "ADDRESS", value_parser = health_listen, value_delimiter = ',')]
    health_listen: Option<Vec<ListenAddr>>,
}

/// Which proxy is asked: one of the same configuration, unless an address says which.
#[derive(Debug, Default, ClapArgs)]
pub(crate) struct AskArgs {
    /// Ask there: unix:/path of its admin socket, pipe:NAME of its admin pipe, or host:port of its admin endpoint (wait and healthcheck: of its health endpoint, too)
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) at: Option<Place>,
    /// Its configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Its --state-dir
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// Its --health-listen
    #[arg(long, value_name = "ADDRESS", value_parser = health_listen, value_delimiter = ',')]
    health_listen: Option<Vec<ListenAddr>>,
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}

impl From<RunArgs> for Overrides {
    fn from(args: RunArgs) -> Self {
        Self {
            urls: args.urls,
            ..args.settings.into()
        }
    }
}

impl From<Settings> for Overrides {
    fn from(args: Settings) -> Self {
        Self {
            config: args.config,
            urls: Vec::new(),
            log_format: args.log_format,
            log_level: args.log_level,
            log_to: args.log_to,
            log_file: args.log_file,
            min_sigterm_delay: args.min_sigterm_delay,
            max_sigterm_delay: args.max_sigterm_delay,
            drain_idle: args.drain_idle,
            exit_zero_on_sigterm: args.exit_zero_on_sigterm.then_some(true),
            exit_when_idle: args.exit_when_idle,
            require_ready: args.require_ready.then_some(true),
            ready_timeout: args.ready_timeout,
            reload_on_change: args.reload_on_change,
            state_dir: args.state_dir,
            health_listen: args.health_listen,
        }
    }
}

impl AskArgs {
    /// What decides where the proxy is asked.
    pub(crate) fn overrides(&self) -> Overrides {
        Overrides {
            config: self.config.clone(),
            state_dir: self.state_dir.clone(),
            health_listen: self.health_listen.clone(),
            ..Overrides::default()
        }
    }
}

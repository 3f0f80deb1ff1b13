//! `[process]`: what concerns the process and not one route.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use azdb_identity::Environment;

use super::env;
use super::keys::{Key, ValueKind, Word, of_process as keys};
use super::problems::{Checked, Findings, Spot, Written};
use super::section::Section;
use crate::route::ListenAddr;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

impl LogFormat {
    pub(crate) const WORDS: Word<Self> = Word(&[Self::Text, Self::Json], |format| match format {
        Self::Text => "text",
        Self::Json => "json",
    });
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::WORDS.meant(text)
    }
}

/// Where log lines go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogTo {
    /// Standard error.
    #[default]
    Stderr,
    /// Standard output.
    Stdout,
    /// Errors and warnings to standard error, everything else to standard output.
    Split,
}

impl LogTo {
    pub(crate) const WORDS: Word<Self> =
        Word(&[Self::Stderr, Self::Stdout, Self::Split], |to| match to {
            Self::Stderr => "stderr",
            Self::Stdout => "stdout",
            Self::Split => "split",
        });
}

impl FromStr for LogTo {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::WORDS.meant(text)
    }
}

/// What becomes of sessions that nobody uses when the process comes to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DrainIdle {
    /// They have as much time as those at work.
    #[default]
    Wait,
    /// They end at once, and those at work as soon as they are idle.
    Now,
}

impl DrainIdle {
    pub(crate) const WORDS: Word<Self> = Word(&[Self::Wait, Self::Now], |idle| match idle {
        Self::Wait => "wait",
        Self::Now => "now",
    });
}

impl FromStr for DrainIdle {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::WORDS.meant(text)
    }
}

/// `[process]`, checked, with defaults in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// How log lines look.
    pub log_format: LogFormat,
    /// A level, or levels by module as `tracing` filters have them: `info,azdb_core=debug`.
    pub log_level: String,
    /// Where log lines go.
    pub log_to: LogTo,
    /// The file that they go to instead.
    pub log_file: Option<PathBuf>,
    /// After SIGTERM new apps are still served for so long.
    pub min_sigterm_delay: Duration,
    /// After that, sessions have so long to end by themselves.
    pub max_sigterm_delay: Duration,
    /// Whether idle sessions use that time.
    pub drain_idle: DrainIdle,
    /// Exit code 0 even if a signal cut sessions.
    pub exit_zero_on_sigterm: bool,
    /// The process ends when no session has been there for so long, once there was one.
    pub exit_when_idle: Option<Duration>,
    /// Start only when there is a token for every route.
    pub require_ready: bool,
    /// How long to wait for these tokens.
    pub ready_timeout: Duration,
    /// The configuration is read again when its files hold something else.
    pub reload_on_change: bool,
    /// Where the local certificate is kept; `None` keeps it in memory.
    pub state_dir: Option<PathBuf>,
}

/// What a command line says; everything in it wins over the environment and the file.
#[derive(Clone, Default)]
pub struct Overrides {
    /// `--config`.
    pub config: Option<PathBuf>,
    /// Routes as URLs, in their order.
    pub urls: Vec<String>,
    /// `--log-format`.
    pub log_format: Option<LogFormat>,
    /// `--log-level`.
    pub log_level: Option<String>,
    /// `--log-to`.
    pub log_to: Option<LogTo>,
    /// `--log-file`.
    pub log_file: Option<PathBuf>,
    /// `--min-sigterm-delay`.
    pub min_sigterm_delay: Option<Duration>,
    /// `--max-sigterm-delay`.
    pub max_sigterm_delay: Option<Duration>,
    /// `--drain-idle`.
    pub drain_idle: Option<DrainIdle>,
    /// `--exit-zero-on-sigterm`.
    pub exit_zero_on_sigterm: Option<bool>,
    /// `--exit-when-idle`.
    pub exit_when_idle: Option<Duration>,
    /// `--require-ready`.
    pub require_ready: Option<bool>,
    /// `--ready-timeout`.
    pub ready_timeout: Option<Duration>,
    /// `--reload-on-change`.
    pub reload_on_change: Option<bool>,
    /// `--state-dir`.
    pub state_dir: Option<PathBuf>,
    /// `--health-listen`: what `[health]` says.
    pub health_listen: Option<Vec<ListenAddr>>,
}

/// Reads the keys of `[process]` from a file's table or from the environment. A wrong value has been reported; from then on
/// it is as good as absent.
pub(super) fn read(section: &mut Section<'_>) -> Overrides {
    Overrides {
        log_format: plain(section.read(&keys::LOG_FORMAT)),
        log_level: plain(section.read(&keys::LOG_LEVEL)),
        log_to: plain(section.read(&keys::LOG_TO)),
        log_file: plain(section.read(&keys::LOG_FILE)),
        min_sigterm_delay: plain(section.read(&keys::MIN_SIGTERM_DELAY)),
        max_sigterm_delay: plain(section.read(&keys::MAX_SIGTERM_DELAY)),
        drain_idle: plain(section.read(&keys::DRAIN_IDLE)),
        exit_zero_on_sigterm: plain(section.read(&keys::EXIT_ZERO_ON_SIGTERM)),
        exit_when_idle: plain(section.read(&keys::EXIT_WHEN_IDLE)),
        require_ready: plain(section.read(&keys::REQUIRE_READY)),
        ready_timeout: plain(section.read(&keys::READY_TIMEOUT)),
        reload_on_change: plain(section.read(&keys::RELOAD_ON_CHANGE)),
        state_dir: plain(section.read(&keys::STATE_DIR)),
        ..Overrides::default()
    }
}

fn plain<T>(read: Checked<Option<Written<T>>>) -> Option<T> {
    read.ok().flatten().map(|written| written.value)
}

/// Accepts a level, or levels by module.
pub(super) fn log_level(text: &str) -> Result<String, String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let is_module = |name: &str| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_:-".contains(&byte))
    };
    let fits = text
        .split(',')
        .all(|directive| match directive.split_once('=') {
            Some((module, level)) => is_module(module) && LEVELS.contains(&level),
            None => LEVELS.contains(&directive),
        });
    if fits {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "{text:?} is not one of {}, nor like \"info,azdb_core=debug\"",
            LEVELS.join(", ")
        ))
    }
}

/// The first of `layers` that says something wins, key by key; then come the defaults, which `nothing` says.
pub(super) fn settle(
    layers: [&Overrides; 3],
    nothing: &mut Section<'_>,
    env: &Environment,
    report: &Findings,
) -> Process {
    let [flags, _, _] = layers;
    if let Some(level) = &flags.log_level
        && let Err(problem) = log_level(level)
    {
        report.problem(&Spot::named("--log-level"), "", problem);
    }
    for (flag, delay) in [
        ("--min-sigterm-delay", flags.min_sigterm_delay),
        ("--max-sigterm-delay", flags.max_sigterm_delay),
        ("--exit-when-idle", flags.exit_when_idle),
        ("--ready-timeout", flags.ready_timeout),
    ] {
        if delay.is_some_and(|delay| delay > keys::LONGEST_DELAY) {
            report.problem(&Spot::named(flag), "", "is longer than 24h");
        }
    }
    if flags.ready_timeout.is_some_and(|wait| wait < keys::WAIT.0) {
        report.problem(&Spot::named("--ready-timeout"), "", "is shorter than 1s");
    }
    let mut settled = Settled { layers, nothing };
    Process {
        log_format: settled.key(&keys::LOG_FORMAT, |of| of.log_format),
        log_level: settled.key(&keys::LOG_LEVEL, |of| of.log_level.clone()),
        log_to: settled.key(&keys::LOG_TO, |of| of.log_to),
        log_file: first(layers, |of| of.log_file.clone()).or_else(|| log_file(env)),
        min_sigterm_delay: settled.key(&keys::MIN_SIGTERM_DELAY, |of| of.min_sigterm_delay),
        max_sigterm_delay: settled.key(&keys::MAX_SIGTERM_DELAY, |of| of.max_sigterm_delay),
        drain_idle: settled.key(&keys::DRAIN_IDLE, |of| of.drain_idle),
        exit_zero_on_sigterm: settled
            .key(&keys::EXIT_ZERO_ON_SIGTERM, |of| of.exit_zero_on_sigterm),
        exit_when_idle: first(layers, |of| of.exit_when_idle),
        require_ready: settled.key(&keys::REQUIRE_READY, |of| of.require_ready),
        ready_timeout: settled.key(&keys::READY_TIMEOUT, |of| of.ready_timeout),
        reload_on_change: settled.key(&keys::RELOAD_ON_CHANGE, |of| of.reload_on_change),
        state_dir: first(layers, |of| of.state_dir.clone()).or_else(|| state_dir(env)),
    }
}

struct Settled<'a, 's, 'r> {
    layers: [&'a Overrides; 3],
    nothing: &'s mut Section<'r>,
}

impl Settled<'_, '_, '_> {
    /// What a layer says of `key`, else its default, which can always be read: a test shows it of all of them.
    fn key<K: ValueKind<Value: Default>>(
        &mut self,
        key: &Key<K>,
        said: impl Fn(&Overrides) -> Option<K::Value>,
    ) -> K::Value {
        first(self.layers, said)
            .or_else(|| self.nothing.value(key).ok())
            .unwrap_or_default()
    }
}

fn first<T>(layers: [&Overrides; 3], key: impl Fn(&Overrides) -> Option<T>) -> Option<T> {
    layers.into_iter().find_map(key)
}

/// The log file of a service of Windows, whose directory the entry of the service says as systemd would. A service of systemd's
/// has its journal.
fn log_file(env: &Environment) -> Option<PathBuf> {
    let directory = env::directory(env, "LOGS_DIRECTORY").filter(|_| cfg!(windows))?;
    Some(directory.join("azdb-proxy.log"))
}

/// The platform's directory for state: that of whoever runs us as a service, else the user's. Relative ones do not count.
fn state_dir(env: &Environment) -> Option<PathBuf> {
    let absolute = |name| {
        env.get(name)
            .map(Path::new)
            .filter(|path| path.is_absolute())
    };
    env::directory(env, "STATE_DIRECTORY")
        .or_else(|| absolute("XDG_STATE_HOME").map(|home| home.join("azdb-proxy")))
        .or_else(|| absolute("LOCALAPPDATA").map(|home| home.join("azdb-proxy")))
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state/azdb-proxy")))
}

//! `[process]`. Each key is a flag of `run` and a variable, too.

use std::time::Duration;

use super::kinds::{Parsed, Path, Switch, Time, Word};
use super::{Literal, Table, key, keys};
use crate::process::{DrainIdle, LogFormat, LogTo, log_level};

/// `[process]`.
pub(crate) static TABLE: Table = Table {
    name: "process",
    title: "[process]",
    parts: &[KEYS],
};

/// No delay may be longer.
pub(crate) const LONGEST_DELAY: Duration = Duration::from_secs(24 * 3600);
const DELAY: Time = Time(Duration::ZERO, LONGEST_DELAY);
/// How long somebody may wait for something.
pub(crate) const WAIT: (Duration, Duration) = (Duration::from_secs(1), LONGEST_DELAY);
const PATIENCE: Time = Time(WAIT.0, WAIT.1);

keys! { KEYS {
    LOG_FORMAT: Word<LogFormat> = LogFormat::WORDS,
        key("log_format", "log lines for people, or for machines: one JSON object per line").or(Literal::Text("text"));
    LOG_LEVEL: Parsed<String> = Parsed("`\"off\"`, `\"error\"`, `\"warn\"`, `\"info\"`, `\"debug\"`, `\"trace\"`, `\"info,azdb_core=debug\"`", log_level),
        key("log_level", "the least level that is logged, or levels by module").or(Literal::Text("info"));
    LOG_TO: Word<LogTo> = LogTo::WORDS,
        key("log_to", "where lines go; `\"split\"` sends errors and warnings to standard error, and everything else to standard output").or(Literal::Text("stderr"));
    LOG_FILE: Path = Path,
        key("log_file", "file that lines go to, instead of `log_to`. At 10 MiB it becomes `NAME.1.log`, and what was before it `NAME.2.log`, up to `NAME.5.log`").or_else("none; the Windows service has `%ProgramData%\\azdb-proxy\\logs\\azdb-proxy.log`");
    MIN_SIGTERM_DELAY: Time = DELAY,
        key("min_sigterm_delay", "after SIGTERM new apps are still served for so long").or(Literal::Text("0s"));
    // Platforms kill a process 10 s after they asked; ours must have said goodbye by then, and whoever is slow to hear it has 2 s.
    MAX_SIGTERM_DELAY: Time = DELAY,
        key("max_sigterm_delay", "after that, sessions have so long to end by themselves").or(Literal::Text("5s"));
    DRAIN_IDLE: Word<DrainIdle> = DrainIdle::WORDS,
        key("drain_idle", "`\"now\"`: sessions between two requests, and in no transaction, end as soon as no new ones are taken, and others when they come to that. With `\"wait\"` they have `max_sigterm_delay`, too. That a session of SQL Server is in a transaction cannot be seen")
            .or(Literal::Text("wait"));
    EXIT_ZERO_ON_SIGTERM: Switch = Switch,
        key("exit_zero_on_sigterm", "exit code 0 even if a signal cut sessions").or(Literal::Bool(false));
    EXIT_WHEN_IDLE: Time = DELAY,
        key("exit_when_idle", "for jobs: the process ends, with exit code 0, when its last session has ended and none has begun for so long, once there has been one. The flag alone means `5s`").or_else("never");
    REQUIRE_READY: Switch = Switch,
        key("require_ready", "apps can connect only when there is a token of every identity that is not `lazy`; until then their connections are refused, and `/startup` says what is missing").or(Literal::Bool(false));
    READY_TIMEOUT: Time = PATIENCE,
        key("ready_timeout", "how long `require_ready`, and `azdb-proxy exec`, wait for these tokens before the process ends with exit code 1. A permanent \"no\" ends it at once").or(Literal::Text("1m"));
    RELOAD_ON_CHANGE: Switch = Switch,
        key("reload_on_change", "the configuration is read again when this file, or one with a certificate or a secret that it names, holds something else; see [Reload](#reload)").or(Literal::Bool(true));
    STATE_DIR: Path = Path,
        key("state_dir", "directory in which the certificate of `local_tls = \"auto\"` is kept, and the admin endpoint's socket file where there is no runtime directory").or_else("see below");
}}

/// The variable of a key.
pub(crate) fn variable(name: &str) -> String {
    format!("AZDB_PROXY_{}", name.to_ascii_uppercase())
}

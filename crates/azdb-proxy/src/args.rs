//! The command line. Its help is the manual.

use std::path::PathBuf;
use std::time::Duration;

use azdb_config::{DrainIdle, LogFormat, Overrides, parse_duration};
use clap::{Args as ClapArgs, Parser, Subcommand};

const ABOUT: &str = "Lets apps that know nothing of Microsoft Entra use Azure's PostgreSQL, MySQL and SQL databases with a managed identity";

const MANUAL: &str = "\
The app connects to this proxy on localhost with any user and any password. The proxy dials the database over verified TLS, logs \
in there with a token of the managed identity, and then moves bytes.";

/// What `version` says behind the name. What signs tokens is for trying, so a program that can do it says so.
pub(crate) const VERSION: &str = if cfg!(all(feature = "demo", feature = "fips")) {
    concat!(env!("CARGO_PKG_VERSION"), " with demo, fips")
} else if cfg!(feature = "demo") {
    concat!(env!("CARGO_PKG_VERSION"), " with demo")
} else if cfg!(feature = "fips") {
    concat!(env!("CARGO_PKG_VERSION"), " with fips")
} else {
    env!("CARGO_PKG_VERSION")
};

const AFTER: &str = "\
Examples:
  azdb-proxy run 'postgres://orders-app@orders.postgres.database.azure.com/orders'
  azdb-proxy run --config proxy.toml
  azdb-proxy check

Configuration:
  Flags win over environment variables, and these over the file, which is
  --config, else ./proxy.toml, else /etc/azdb-proxy/proxy.toml. Every flag is a
  variable, too: AZDB_PROXY_ and its name in capitals, for example
  AZDB_PROXY_LOG_LEVEL. AZDB_PROXY_ROUTE, AZDB_PROXY_ROUTE_1 ... hold routes
  as URLs.

Signals:
  SIGTERM, SIGINT and SIGQUIT end the proxy: no new sessions, time for those
  that run (--max-sigterm-delay), a goodbye to the rest, or with
  --drain-idle=now to idle ones at the beginning. A second signal ends it at
  once. SIGHUP ends one whose terminal has gone; a service goes on.

Exit codes:
  0    ended as asked, no session was cut
  1    failed while running
  64   wrong arguments
  78   bad configuration
  130  SIGINT cut sessions, 143 SIGTERM, 131 SIGQUIT, 129 SIGHUP";

#[derive(Debug, Parser)]
#[command(
    name = "azdb-proxy",
    version = VERSION,
    about = ABOUT,
    long_about = format!("{ABOUT}\n\n{MANUAL}"),
    after_long_help = AFTER,
    args_conflicts_with_subcommands = true,
    max_term_width = 110
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the configured routes (the default command)
    #[command(after_long_help = AFTER)]
    Run(RunArgs),
    /// Read the configuration, print every problem in it, or what it means
    Check(RunArgs),
    /// Print the certificate authority that apps may trust for TLS with this proxy
    Ca(RunArgs),
    /// Try it: an emulated Azure and the proxy before it
    ///
    /// Behind that Azure stand PostgreSQL and MariaDB where this machine has them installed: servers of the demo's own, with a
    /// small shop in them, which end with it. Where one is missing, and for SQL Server, a sample in this process answers.
    #[cfg(feature = "demo")]
    Demo {
        /// Use the sample for all, whatever is installed
        #[arg(long)]
        sample: bool,
    },
    /// Print the JSON Schema of the configuration file, with which editors complete and check it
    Schema,
    /// Print name and version, and whether the demo or the FIPS module is in
    Version,
    /// Print a completion script for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page of the program, or of one of its commands: azdb-proxy man | man -l -
    Man {
        /// Which command
        command: Option<String>,
    },
}

#[derive(Debug, Default, ClapArgs)]
pub(crate) struct RunArgs {
    /// Routes as URLs: postgres://PRINCIPAL@UPSTREAM/DATABASE?key=value, keys as in the file
    #[arg(value_name = "URL")]
    urls: Vec<String>,
    /// Configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Log lines for people (text) or machines (json)
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<LogFormat>,
    /// Least level that is logged: error, warn, info, debug or trace, or levels by module
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
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
    /// Start only when there is a token of every identity that is not lazy
    #[arg(long)]
    require_ready: bool,
    /// Directory in which the certificate for apps is kept
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}

impl From<RunArgs> for Overrides {
    fn from(args: RunArgs) -> Self {
        Self {
            config: args.config,
            urls: args.urls,
            log_format: args.log_format,
            log_level: args.log_level,
            min_sigterm_delay: args.min_sigterm_delay,
            max_sigterm_delay: args.max_sigterm_delay,
            drain_idle: args.drain_idle,
            exit_zero_on_sigterm: args.exit_zero_on_sigterm.then_some(true),
            require_ready: args.require_ready.then_some(true),
            state_dir: args.state_dir,
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory as _;

    use super::*;

    fn parsed(words: &[&str]) -> Args {
        Args::try_parse_from(["azdb-proxy"].iter().chain(words)).unwrap()
    }

    fn overrides(words: &[&str]) -> Overrides {
        match parsed(words) {
            Args {
                command: Some(Command::Run(run)),
                ..
            } => run.into(),
            args => args.run.into(),
        }
    }

    #[test]
    fn the_definition_holds_together() {
        Args::command().debug_assert();
    }

    #[test]
    fn run_is_the_command_that_need_not_be_written() {
        let url = "postgres://u@orders.postgres.database.azure.com";
        assert_eq!(overrides(&[url]).urls, [url]);
        assert_eq!(overrides(&["run", url]).urls, [url]);
        assert!(parsed(&[]).command.is_none());
        assert!(matches!(
            parsed(&["check", url]).command,
            Some(Command::Check(_))
        ));
    }

    #[test]
    fn every_flag_reaches_the_configuration() {
        let flags = overrides(&[
            "--config=a.toml",
            "--log-format=json",
            "--log-level=debug",
            "--min-sigterm-delay=1s",
            "--max-sigterm-delay=2m",
            "--drain-idle=now",
            "--exit-zero-on-sigterm",
            "--require-ready",
            "--state-dir=/state",
        ]);
        assert_eq!(flags.config, Some("a.toml".into()));
        assert_eq!(flags.log_format, Some(LogFormat::Json));
        assert_eq!(flags.log_level.as_deref(), Some("debug"));
        assert_eq!(flags.min_sigterm_delay, Some(Duration::from_secs(1)));
        assert_eq!(flags.max_sigterm_delay, Some(Duration::from_secs(120)));
        assert_eq!(flags.drain_idle, Some(DrainIdle::Now));
        assert_eq!(flags.exit_zero_on_sigterm, Some(true));
        assert_eq!(flags.require_ready, Some(true));
        assert_eq!(flags.state_dir, Some("/state".into()));
        let silent = overrides(&[]);
        assert_eq!(
            (silent.exit_zero_on_sigterm, silent.require_ready),
            (None, None)
        );
    }

    /// The reference's table of flags is that of the keys of `[process]`.
    #[test]
    fn every_key_of_the_process_is_a_flag() {
        let reference = include_str!("../../../docs/configuration.md");
        let rows = reference
            .lines()
            .filter_map(|line| line.split_once("| `--"));
        let mut documented: BTreeSet<&str> =
            rows.filter_map(|(_, row)| row.split('`').next()).collect();
        documented.insert("config");
        let command = Args::command();
        let known: BTreeSet<&str> = command
            .get_arguments()
            .filter_map(clap::Arg::get_long)
            .collect();
        assert_eq!(known, documented);
    }
}

//! The command line. Its help is the manual.

use std::path::PathBuf;
use std::time::Duration;

use azdb_config::{LogFormat, Overrides, parse_duration};
use clap::{Args as ClapArgs, Parser, Subcommand};

const ABOUT: &str = "Lets apps that know nothing of Microsoft Entra use Azure Database for PostgreSQL with a managed identity";

const MANUAL: &str = "\
The app connects to this proxy on localhost with any user and any password. The proxy dials the database over verified TLS, logs \
in there with a token of the managed identity, and then moves bytes.";

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
  SIGTERM and SIGINT end the proxy: no new sessions, time for those that run
  (--max-sigterm-delay), a goodbye to the rest. A second signal ends it at once.

Exit codes:
  0    ended as asked, no session was cut
  1    failed while running
  64   wrong arguments
  78   bad configuration
  130  SIGINT cut sessions
  143  SIGTERM cut sessions";

#[derive(Debug, Parser)]
#[command(
    name = "azdb-proxy",
    version,
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
    /// Try it: an emulated Azure and the proxy before it, in this one process
    #[cfg(feature = "demo")]
    Demo,
    /// Print a completion script for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
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
    /// Exit with 0 even if a signal cut sessions
    #[arg(long)]
    exit_zero_on_sigterm: bool,
    /// Start only when there is a token for every route
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
            exit_zero_on_sigterm: args.exit_zero_on_sigterm.then_some(true),
            require_ready: args.require_ready.then_some(true),
            state_dir: args.state_dir,
        }
    }
}

//! The command line. Its help is the manual.

mod ca;
#[cfg(feature = "doctor")]
mod doctor;
mod grant;
#[cfg(windows)]
mod service;
mod settings;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
#[cfg(feature = "demo")]
use std::path::PathBuf;
use std::time::Duration;

use azdb_quote::OneLine;
use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser, Subcommand};

pub(crate) use ca::{CaArgs, Change, Consent, Scope};
#[cfg(feature = "doctor")]
pub(crate) use doctor::DoctorArgs;
#[cfg(feature = "doctor")]
pub(crate) use grant::ApplyArgs;
pub(crate) use grant::GrantArgs;
#[cfg(windows)]
pub(crate) use service::ServiceCommand;
pub(crate) use settings::{AskArgs, CheckArgs, ExecArgs, RunArgs};

use settings::duration;

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
  azdb-proxy run \"postgres://orders-app@orders.postgres.database.azure.com/orders\"
  azdb-proxy run --config proxy.toml
  azdb-proxy check
  azdb-proxy doctor
  azdb-proxy grant orders | psql 'host=orders.postgres.database.azure.com ...'
  azdb-proxy wait --max 30s
  azdb-proxy exec orders -- ./migrate.sh

Configuration:
  Flags win over environment variables, and these over the file, which is
  --config, else ./proxy.toml, else /etc/azdb-proxy/proxy.toml (on Windows
  azdb-proxy\\proxy.toml in %LOCALAPPDATA%, else in %ProgramData%). Without any
  route in these, the variables of Azure Service Connector say them:
  AZURE_POSTGRESQL_*, AZURE_MYSQL_*, AZURE_SQL_* (see import-env). Every flag is a
  variable, too: AZDB_PROXY_ and its name in capitals, for example
  AZDB_PROXY_LOG_LEVEL. AZDB_PROXY_ROUTE, AZDB_PROXY_ROUTE_1 ... hold routes
  as URLs.";

/// What stands below the help of the program, and of `run`.
fn after() -> String {
    format!("{AFTER}\n\n{}", crate::signals::HELP)
}

const IMPORT_ENV_AFTER: &str = "\
Examples:
  azdb-proxy import-env > proxy.toml && azdb-proxy check --config proxy.toml

Exit codes:
  0    printed
  64   wrong arguments
  78   there is no variable of a database to make a route of";

#[derive(Debug, Parser)]
#[command(
    name = "azdb-proxy",
    version = VERSION,
    about = ABOUT,
    long_about = format!("{ABOUT}\n\n{MANUAL}"),
    after_long_help = after(),
    args_conflicts_with_subcommands = true,
    max_term_width = 110
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

impl Args {
    /// Reads the command line.
    ///
    /// # Errors
    ///
    /// What clap says, and that a word is no command: without one the words are routes, which are URLs.
    pub(crate) fn read<W: Into<OsString> + Clone>(
        words: impl IntoIterator<Item = W>,
    ) -> Result<Self, clap::Error> {
        let args = Self::try_parse_from(words)?;
        match args.run.stranger() {
            Some(word) if args.command.is_none() => Err(no_command(word)),
            _ => Ok(args),
        }
    }
}

/// Names the commands that there are.
fn no_command(word: &str) -> clap::Error {
    let command = Args::command();
    let names = command.get_subcommands().map(clap::Command::get_name);
    let names: Vec<&str> = names.collect();
    let near = names.iter().find(|name| is_near(name, word));
    let near = near.map_or_else(String::new, |name| format!(" Did you mean `{name}`?"));
    let text = format!(
        "`{}` is no command.{near} There are: {}. Without one, what is written are routes as URLs, such as \
         'postgres://orders-app@orders.postgres.database.azure.com/orders'.\n",
        OneLine(word),
        names.join(", ")
    );
    clap::Error::raw(ErrorKind::InvalidSubcommand, text)
}

/// One letter too many, too few, another, or two in each other's place.
fn is_near(name: &str, word: &str) -> bool {
    strsim::osa_distance(name, word) <= 1 + name.len() / 6
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the configured routes (the default command)
    #[command(after_long_help = after())]
    Run(RunArgs),
    /// Read the configuration, print every problem in it, or what it means
    ///
    /// Says which file it has read, and for each route where it listens and leads, as whom and with whose tokens, and who may come. It
    /// takes every flag of run, so that what they say wrong is a problem, too.
    #[command(mut_args(settings::as_check_shows))]
    Check(CheckArgs),
    /// Find out what stands between an app and its database, step by step
    ///
    /// Fetches the identity's token and says whose it is, then logs in as an app does, by the proxy's own way: name, connection, TLS,
    /// login, a query, who one is there and what one may do, and what each step takes. At the first cross it says the cause and the
    /// remedy. Works in an image without a shell, and beside a proxy that runs: it opens no door.
    #[cfg(feature = "doctor")]
    #[command(after_long_help = doctor::AFTER)]
    Doctor(DoctorArgs),
    /// Run a program beside the proxy: azdb-proxy exec orders -- psql
    ///
    /// Waits until the proxy is ready (ready_timeout), runs the program with PGHOST, PGPORT, MYSQL_HOST, MYSQL_TCP_PORT, TDSHOST,
    /// TDSPORT and, for each route, AZDB_NAME_HOST and AZDB_NAME_PORT in its environment, hands signals on to it, and ends when it
    /// does, with its exit code: 127 when it is not there, 126 when it cannot be run, 128 and the number of the signal that ended it.
    Exec(ExecArgs),
    /// Print the certificate authority that apps of a route should trust for TLS with this proxy, or have this machine trust it
    ///
    /// Asks the proxy that runs; without one, says what its files hold, behind a warning: enough to set apps up before the first
    /// start. Standard error says of which routes it is, and from which file. None is ever made: exits with 1 when there is none.
    ///
    /// With --install it goes where programs of this machine look for authorities, after it has been shown with what that means. What
    /// is asked then is a socket file or the files of the configuration, never a port: anybody could answer there.
    #[command(after_long_help = ca::AFTER)]
    Ca(CaArgs),
    /// Print a configuration file made of Azure Service Connector's variables, with what apps must be told from now on
    ///
    /// Reads AZURE_POSTGRESQL_*, AZURE_MYSQL_*, AZURE_SQL_*, FABRIC_SQL_CONNECTIONSTRING and spring.datasource.* of this environment, in
    /// all the forms that Service Connector writes. The file goes to standard output; below each route stands, as a comment, the new
    /// connection string in the app's own format. A secret is not printed: the route names the variables that hold it. Warnings go
    /// to standard error. Nothing is dialled, and no token is fetched.
    #[command(after_long_help = IMPORT_ENV_AFTER)]
    ImportEnv,
    /// Print the SQL that makes a database principal of a route's identity, and lets it in
    ///
    /// Fetches the identity's token, reads in it who it is (object id for PostgreSQL, client id for MySQL, name for SQL Server), and
    /// prints what an administrator of the server runs once: the principal, what it may do with tables that are there and to come, a
    /// query that shows it, and how to undo it.
    #[command(after_long_help = grant::AFTER)]
    Grant(GrantArgs),
    /// Wait until a proxy has started: apps can connect, and with require_ready its tokens are there
    ///
    /// Exits with 0 when it has, with 1 and what is missing when the time is over.
    Wait {
        /// How long to wait
        #[arg(long, value_name = "TIME", value_parser = duration, default_value = "30s")]
        max: Duration,
        #[command(flatten)]
        ask: AskArgs,
    },
    /// Say whether a proxy should get apps, for Docker's HEALTHCHECK
    ///
    /// Exits with 0 when it should, with 1 and one line why not. It dials no database.
    Healthcheck(AskArgs),
    /// Print what a proxy is about, as JSON: routes, sessions, tokens, what went wrong last
    ///
    /// The same page is for browsers at its admin endpoint, `/status`.
    Status(AskArgs),
    /// End a proxy as SIGTERM does
    Shutdown(AskArgs),
    /// Have a proxy read its configuration again, as SIGHUP does, and say what came of it
    ///
    /// Sessions go on under the settings that they have begun with, new ones have the new. Exits with 0 when the configuration is in force,
    /// with 78 and every problem when it is not right, with 1 when this machine would not (an address is taken, no proxy answers). Then the
    /// one of before is in force.
    Reload(AskArgs),
    /// Install, remove, start, stop or ask the Windows service, in an elevated prompt
    ///
    /// It runs as its own account, NT SERVICE\azdb-proxy, starts with the machine, and again when it has failed. What it has to say stands
    /// in %ProgramData%\azdb-proxy\logs\azdb-proxy.log; warnings and errors in the Event Log, too (Application, source azdb-proxy).
    #[cfg(windows)]
    Service {
        #[command(subcommand)]
        command: ServiceCommand,
    },
    /// Try it: an emulated Azure and the proxy before it
    ///
    /// Behind that Azure stand PostgreSQL and MariaDB where this machine has them installed: servers of the demo's own, with a
    /// small shop in them, which end with it. Where one is missing, and for SQL Server, a sample in this process answers.
    #[cfg(feature = "demo")]
    Demo {
        /// Use the sample for all, whatever is installed
        #[arg(long)]
        sample: bool,
        /// Let a proxy of your own use its Azure: doors at 127.0.0.1:25432, 23306 and 21433, authority and tokens in files of this directory
        #[arg(long, value_name = "DIR")]
        share: Option<PathBuf>,
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

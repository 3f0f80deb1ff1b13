//! `azdb-emulator`: an emulated Azure as a process, for docker-compose and for CI.

use std::error::Error;
use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};
use std::iter::successors;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use azdb_emulator::{
    Behind, BehindProtocol, Emulator, EmulatorOptions, ManagedIdentity, Principal,
};
use clap::Parser;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

/// Azure on a laptop: tokens, and database servers that accept nothing else
///
/// The identity endpoint answers as App Service does (`/msi/token`) and as the instance metadata
/// service does (`/metadata/identity/oauth2/token`). The PostgreSQL, MySQL and TDS servers (TDS is
/// SQL Server's protocol) take only TLS, and only tokens of this process. Their data is a small sample that ends with the process, or that of real servers (`--behind`).
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Where PostgreSQL listens
    #[arg(long, env = "AZDB_EMULATOR_POSTGRES", value_name = "IP:PORT")]
    #[arg(default_value = "127.0.0.1:5432")]
    postgres: SocketAddr,

    /// Where MySQL listens; port 0 is a free one
    #[arg(long, env = "AZDB_EMULATOR_MYSQL", value_name = "IP:PORT")]
    #[arg(default_value = "127.0.0.1:0")]
    mysql: SocketAddr,

    /// Where TDS listens: Azure SQL
    #[arg(long, env = "AZDB_EMULATOR_TDS", value_name = "IP:PORT")]
    #[arg(default_value = "127.0.0.1:1433")]
    tds: SocketAddr,

    /// Where the identity endpoint listens
    #[arg(long, env = "AZDB_EMULATOR_IDENTITY", value_name = "IP:PORT")]
    #[arg(default_value = "127.0.0.1:8080")]
    identity: SocketAddr,

    /// What `IDENTITY_HEADER` must be; random when absent
    #[arg(long, env = "AZDB_EMULATOR_IDENTITY_HEADER", hide_env_values = true)]
    #[arg(value_name = "SECRET")]
    identity_header: Option<String>,

    /// A host name under which all are reached, besides localhost and 127.0.0.1; may be repeated
    #[arg(long = "name", env = "AZDB_EMULATOR_NAME", value_name = "HOST")]
    #[arg(value_delimiter = ',')]
    names: Vec<String>,

    /// A managed identity and its principal of this name on every server, besides `orders-app`; may be repeated
    ///
    /// DATABASE_ROLE is whom it becomes at the server behind, if not the user of `--behind`.
    #[arg(long = "role", env = "AZDB_EMULATOR_ROLE", value_delimiter = ',')]
    #[arg(value_name = "NAME[=DATABASE_ROLE]")]
    roles: Vec<String>,

    /// A real server, which sessions are relayed to once their token is accepted; may be repeated
    ///
    /// `postgres://user:password@host:port`, `mysql://…` or `sqlserver://…`: the scheme says whose sessions. A database in
    /// it (`…/shop`) is the one that they all work in, whatever they ask for. Without it the sessions see a small sample.
    /// `sqlserver` has not been tried against SQL Server.
    #[arg(long, env = "AZDB_EMULATOR_BEHIND", hide_env_values = true)]
    #[arg(value_name = "URL", value_delimiter = ',')]
    behind: Vec<Behind>,

    /// Where to write the certificate authority, PEM
    #[arg(long, env = "AZDB_EMULATOR_CA_FILE", value_name = "PATH")]
    ca_file: Option<PathBuf>,
}

fn main() -> ExitCode {
    let levels = std::env::var("RUST_LOG").ok();
    let levels = levels.and_then(|levels| levels.parse().ok());
    let info = || Targets::new().with_default(LevelFilter::INFO);
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let lines = lines.with_ansi(io::stderr().is_terminal());
    tracing_subscriber::registry()
        .with(levels.unwrap_or_else(info))
        .with(lines)
        .init();
    let ended = tokio::runtime::Runtime::new()
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(run(Arguments::parse())));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let causes = successors(Some(&*error), |error| (*error).source());
            let texts: Vec<String> = causes.map(ToString::to_string).collect();
            tracing::error!("{}", texts.join(": "));
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let mut options = EmulatorOptions {
        identity: arguments.identity,
        identity_secret: arguments.identity_header,
        ..EmulatorOptions::default()
    };
    options.postgres.bind = arguments.postgres;
    options.tds.bind = arguments.tds;
    options.mysql.bind = arguments.mysql;
    options.names.extend(arguments.names.iter().cloned());
    map_roles(&mut options, &arguments.roles);
    for behind in arguments.behind {
        let place = match behind.protocol() {
            BehindProtocol::Postgres => &mut options.postgres.behind,
            BehindProtocol::Mysql => &mut options.mysql.behind,
            BehindProtocol::Tds => &mut options.tds.behind,
        };
        if let Some(first) = place.replace(behind) {
            return Err(format!("--behind: another server than {first} for the same door").into());
        }
    }

    let emulator = Emulator::start(options).await?;
    if let Some(file) = &arguments.ca_file {
        emulator.write_ca(file)?;
    }
    let host = arguments.names.first().map(String::as_str);
    let text = settings(&emulator, host, arguments.ca_file.as_deref());
    io::stdout().write_all(text.as_bytes())?;
    stopped().await?;
    emulator.shutdown().await;
    Ok(())
}

/// Gives each role an identity, if it has none, and a principal on every server.
fn map_roles(options: &mut EmulatorOptions, roles: &[String]) {
    let mut principals: Vec<Principal> = options.identities.iter().map(Principal::of).collect();
    for role in roles {
        let (name, database_role) = match role.split_once('=') {
            Some((name, database_role)) => (name, Some(database_role.to_owned())),
            None => (role.as_str(), None),
        };
        if !principals.iter().any(|one| one.name == name) {
            let identity = ManagedIdentity::user_assigned(name);
            principals.push(Principal::of(&identity));
            options.identities.push(identity);
        }
        for principal in principals.iter_mut().filter(|one| one.name == name) {
            principal.database_role.clone_from(&database_role);
        }
    }
    options.principals = principals;
}

/// What to set, in the form of a shell's or docker's environment file.
fn settings(emulator: &Emulator, host: Option<&str>, ca_file: Option<&std::path::Path>) -> String {
    let (identity, postgres) = (emulator.identity(), emulator.postgres());
    let host = host.unwrap_or("localhost");
    let mut text = format!(
        "IDENTITY_ENDPOINT=http://{host}:{}/msi/token\n\
         IDENTITY_HEADER={}\n\
         PGHOST={host}\n\
         PGPORT={}\n\
         MYSQL_HOST={host}\n\
         MYSQL_TCP_PORT={}\n\
         TDSSERVER={host},{}\n",
        identity.address().port(),
        identity.secret(),
        postgres.address().port(),
        emulator.mysql().address().port(),
        emulator.tds().address().port(),
    );
    if let Some(file) = ca_file {
        let _ = writeln!(text, "PGSSLROOTCERT={}", file.display());
    }
    for principal in emulator.principals() {
        let database_role = principal.database_role.as_deref();
        let behind = database_role.map(|role| format!(", behind `{role}`"));
        let _ = writeln!(
            text,
            "# role `{}`: client id {}, object id {}{}",
            principal.name,
            principal.client_id,
            principal.object_id,
            behind.unwrap_or_default()
        );
    }
    text
}

/// Waits for Ctrl-C or, where there is one, SIGTERM.
async fn stopped() -> io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

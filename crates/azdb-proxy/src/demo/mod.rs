//! `azdb-proxy demo`: an emulated Azure and the proxy before it in one process, and real databases behind where this
//! machine has them.

mod databases;
mod share;
mod welcome;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use azdb_config::{AdminListen, Config, Overrides};
use azdb_core::{LocalAuthority, OpenServer, Workers};
use azdb_emulator::{DEFAULT_ROLE, Emulator, EmulatorOptions};
use azdb_identity::Environment;

use crate::exit::Exit;
use crate::output::say;
use crate::run::{self, Means};
use crate::signals::Signals;
use crate::{logging, output};

use databases::Databases;
use share::Shared;
use welcome::{Way, Welcome};

/// Ports that the demo tries before it takes any, for a protocol.
const POSTGRES_PORTS: [u16; 3] = [5432, 15432, 0];
const MYSQL_PORTS: [u16; 3] = [3306, 13306, 0];
const TDS_PORTS: [u16; 3] = [1433, 11433, 0];

/// How long the demo waits for sessions: nobody depends on it.
const PATIENCE: Duration = Duration::from_millis(200);

/// Serves until Ctrl-C, with `sample_only` without any server of this machine.
/// With `share` others may use its Azure, too.
pub(crate) fn demo(sample_only: bool, share: Option<&Path>) -> Exit {
    let workers = Workers::of_this_machine();
    let outcome = run::block_on(start_and_serve(sample_only, share, workers.clone()));
    workers.end(run::LETTING_GO);
    outcome.unwrap_or_else(|error| {
        output::tell(&format!("azdb-proxy demo: {error:#}"));
        Exit::Failure
    })
}

async fn start_and_serve(
    sample_only: bool,
    share: Option<&Path>,
    workers: Workers,
) -> anyhow::Result<Exit> {
    let mut signals = Signals::new().context("cannot listen for signals")?;
    let databases = if sample_only {
        Databases::default()
    } else {
        say("Starting the databases that are installed here ...\n");
        tokio::select! {
            databases = Databases::start() => databases,
            _ = signals.next() => return Ok(Exit::Success),
        }
    };
    let exit = serve(&databases, signals, share, workers).await;
    databases.shutdown().await;
    say("\nThe demo has ended.");
    exit
}

async fn serve(
    databases: &Databases,
    signals: Signals,
    share: Option<&Path>,
    workers: Workers,
) -> anyhow::Result<Exit> {
    let mut options = EmulatorOptions::default();
    options.postgres.behind = databases.postgres.behind();
    options.mysql.behind = databases.mysql.behind();
    if share.is_some() {
        share::doors(&mut options);
    }
    let identity = options.identities.first().cloned();
    let azure = Emulator::start(options).await?;
    let _shared = match (share, identity) {
        (Some(directory), Some(identity)) => Some(Shared::write(&azure, &identity, directory)?),
        _ => None,
    };
    let directory = tempfile::Builder::new().prefix("azdb-demo-").tempdir();
    let directory = directory.context("cannot make a directory")?;
    let demo = Demo {
        env: Environment::from_iter([
            ("IDENTITY_ENDPOINT".to_owned(), azure.identity().url()),
            (
                "IDENTITY_HEADER".to_owned(),
                azure.identity().secret().to_owned(),
            ),
        ]),
        azure,
        directory: directory.path(),
    };
    let config = demo.configuration(free_port)?;
    let _log = logging::start(&config.process)?;
    let means = || Means {
        workers: workers.clone(),
        ..Means::default()
    };
    let server = match run::open(&config, demo.env.clone(), means()).await {
        Ok(server) => server,
        // Somebody took a port since we looked; the kernel knows one that nobody has.
        Err(_) => run::open(&demo.configuration(|_| 0)?, demo.env.clone(), means()).await?,
    };
    say(&demo.welcome(&server, databases)?);
    let (_, in_force) = tokio::sync::watch::channel(config.process.clone());
    let exit = run::serve(server, in_force, signals).await;
    demo.azure.shutdown().await;
    exit.map(|_| Exit::Success)
}

/// The first of `ports` that nobody listens on.
fn free_port(ports: [u16; 3]) -> u16 {
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    ports.into_iter().find(is_free).unwrap_or(0)
}

/// The emulated Azure, and what the proxy before it needs.
struct Demo<'a> {
    azure: Emulator,
    env: Environment,
    directory: &'a Path,
}

impl Demo<'_> {
    fn configuration(&self, port: fn([u16; 3]) -> u16) -> anyhow::Result<Config> {
        let azure = &self.azure;
        let ca_file = self.directory.join("azure.pem");
        azure.write_ca(&ca_file)?;
        let url = |protocol: &str, user: &str, ports, upstream: SocketAddr| {
            format!(
                "{protocol}://{user}localhost:{}/orders?name={protocol}&listen=127.0.0.1:{}&connect_to={upstream}&upstream_ca_file={}",
                upstream.port(),
                port(ports),
                ca_file.display(),
            )
        };
        let role = format!("{DEFAULT_ROLE}@");
        let (postgres, mysql) = (azure.postgres().address(), azure.mysql().address());
        let overrides = Overrides {
            urls: vec![
                url("postgres", &role, POSTGRES_PORTS, postgres),
                url("mysql", &role, MYSQL_PORTS, mysql),
                url("tds", "", TDS_PORTS, azure.tds().address()),
            ],
            log_level: Some("warn".to_owned()),
            ..Overrides::default()
        };
        let mut config = azdb_config::load_without_search(&overrides, &self.env)
            .map_err(|problems| anyhow!("{problems}"))?;
        config.process.state_dir = Some(self.directory.to_owned());
        config.admin.listen = AdminListen::Off;
        config.process.max_sigterm_delay = PATIENCE;
        Ok(config)
    }

    /// What to print, once the proxy listens.
    fn welcome(&self, server: &OpenServer, databases: &Databases) -> anyhow::Result<String> {
        // The proxy has made it, and kept it there.
        let authority = LocalAuthority::load_or_make(Some(self.directory))?;
        let ca_file = self.directory.join("ca.pem");
        std::fs::write(&ca_file, authority.ca_pem()).context("cannot write the authority")?;
        let addresses = server.addresses();
        let addresses = addresses
            .iter()
            .map(|(_, listen)| listen.to_string().parse());
        let addresses: Vec<SocketAddr> = addresses.collect::<Result<_, _>>()?;
        let &[postgres, mysql, tds] = &addresses[..] else {
            return Err(anyhow!("{} addresses, not three", addresses.len()));
        };
        let way = |proxy, azure| Way { proxy, azure };
        let azure = &self.azure;
        let welcome = Welcome {
            identity: azure.identity().address(),
            postgres: way(postgres, azure.postgres().address()),
            mysql: way(mysql, azure.mysql().address()),
            tds: way(tds, azure.tds().address()),
            databases,
            ca_file: &ca_file,
            has: is_on_path,
        };
        Ok(welcome.to_string())
    }
}

fn is_on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

//! `azdb-proxy demo`: an emulated Azure, and the proxy before it, in one process.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;

use anyhow::{Context as _, anyhow};
use azdb_config::{AdminListen, Config, Overrides};
use azdb_emulator::{DEFAULT_ROLE, Emulator, EmulatorOptions};
use azdb_identity::Environment;

use crate::exit::Exit;
use crate::output::say;
use crate::run::{self, DEMO_PATIENCE};
use crate::signals::Signals;
use crate::{logging, output};

/// Ports that the demo tries before it takes any, for a protocol.
const POSTGRES_PORTS: [u16; 3] = [5432, 15432, 0];
const MYSQL_PORTS: [u16; 3] = [3306, 13306, 0];
const TDS_PORTS: [u16; 3] = [1433, 11433, 0];

/// Serves sample data until Ctrl-C.
pub(crate) fn demo() -> Exit {
    let outcome = run::block_on(serve());
    outcome.unwrap_or_else(|error| {
        output::tell(&format!("azdb-proxy demo: {error:#}"));
        Exit::Failure
    })
}

async fn serve() -> anyhow::Result<Exit> {
    let signals = Signals::new().context("cannot listen for signals")?;
    let azure = Emulator::start(EmulatorOptions::default()).await?;
    let directory = tempfile::tempdir().context("cannot make a directory")?;
    let ca_file = directory.path().join("azure-ca.pem");
    azure.write_ca(&ca_file)?;

    let env = Environment::from_iter([
        ("IDENTITY_ENDPOINT".to_owned(), azure.identity().url()),
        (
            "IDENTITY_HEADER".to_owned(),
            azure.identity().secret().to_owned(),
        ),
    ]);
    let config = configuration(&azure, &ca_file, &env, free_port)?;
    logging::start(&config.process)?;
    let server = match run::bind(&config, env.clone()).await {
        Ok(server) => server,
        // Somebody took a port since we looked; the kernel knows one that nobody has.
        Err(_) => {
            let config = configuration(&azure, &ca_file, &env, |_| 0)?;
            run::bind(&config, env).await?
        }
    };
    let listen: Vec<String> = server
        .addresses()
        .iter()
        .map(|(_, listen)| listen.to_string())
        .collect();
    let [postgres, mysql, tds] = &listen[..] else {
        return Err(anyhow!("{} addresses, not three", listen.len()));
    };
    say(&welcome(&azure, postgres, mysql, tds));
    let exit = run::serve(server, &config.process, signals).await;
    azure.shutdown().await;
    say("\nThe demo has ended.");
    exit.map(|_| Exit::Success)
}

/// The first of `ports` that nobody listens on.
fn free_port(ports: [u16; 3]) -> u16 {
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    ports.into_iter().find(is_free).unwrap_or(0)
}

fn configuration(
    azure: &Emulator,
    ca_file: &Path,
    env: &Environment,
    port: fn([u16; 3]) -> u16,
) -> anyhow::Result<Config> {
    let url = |protocol: &str, user: &str, ports, upstream: SocketAddr| {
        format!(
            "{protocol}://{user}localhost:{}/orders?name={protocol}&listen=127.0.0.1:{}&connect_to={upstream}&upstream_ca_file={}",
            upstream.port(),
            port(ports),
            ca_file.display(),
        )
    };
    let role = format!("{DEFAULT_ROLE}@");
    let overrides = Overrides {
        urls: vec![
            url(
                "postgres",
                &role,
                POSTGRES_PORTS,
                azure.postgres().address(),
            ),
            url("mysql", &role, MYSQL_PORTS, azure.mysql().address()),
            url("tds", "", TDS_PORTS, azure.tds().address()),
        ],
        log_level: Some("warn".to_owned()),
        ..Overrides::default()
    };
    let mut config = azdb_config::load_without_search(&overrides, env)
        .map_err(|problems| anyhow!("{problems}"))?;
    config.process.state_dir = None;
    config.admin = AdminListen::Off;
    config.process.max_sigterm_delay = DEMO_PATIENCE;
    Ok(config)
}

fn welcome(azure: &Emulator, for_postgres: &str, for_mysql: &str, for_tds: &str) -> String {
    let option = |listen: &str, usual: &str, option: &str| match listen.rsplit(':').next() {
        Some(port) if port != usual => format!(" {option} {port}"),
        _ => String::new(),
    };
    format!(
        "An emulated Azure and azdb-proxy before it, in this one process. Ctrl-C ends it.

  identity endpoint  {identity}
  PostgreSQL         {postgres}, TLS only, lets in role {DEFAULT_ROLE} with a token of that endpoint
  MySQL              {mysql}, TLS only, lets in user {DEFAULT_ROLE} with such a token
  SQL Server         {tds}, TLS only, lets in whoever has such a token
  azdb-proxy         {for_postgres}, {for_mysql} and {for_tds}, lets in anyone, with any password or none

Type this in another terminal:

  psql -h 127.0.0.1{psql} -U anyone anydb -c 'select * from products'
  psql -h 127.0.0.1{psql} -U anyone anydb -c '\\d'
  mysql -h 127.0.0.1{client} -u anyone anydb -e 'select * from products'
  sqlcmd -S {sqlcmd} -U anyone -P anything -No -Q 'select * from products'
",
        identity = azure.identity().url(),
        postgres = azure.postgres().address(),
        mysql = azure.mysql().address(),
        tds = azure.tds().address(),
        psql = option(for_postgres, "5432", "-p"),
        client = option(for_mysql, "3306", "-P"),
        sqlcmd = for_tds.replace(':', ","),
    )
}

//! What all ways lead to, and those that lead through a process.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use azdb_emulator::local::LocalServer;
use azdb_emulator::{DEFAULT_ROLE, Emulator, EmulatorOptions, OSSRDBMS_AUDIENCE, SQL_AUDIENCE};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::process::Command;

use super::Spoken;
use super::client::Client;
use super::served::Served;
use crate::linux::app::{Dialect, Login, Way};
use crate::linux::chain::Chain;
use crate::linux::distance::Distance;
use crate::linux::peer::{self, pgbouncer};

/// The database that the emulated servers have.
const LOGIN: Login = Login {
    user: DEFAULT_ROLE,
    database: "orders",
};

pub(super) struct Bed {
    azure: Emulator,
    /// Behind the emulated PostgreSQL, where it is installed.
    database: Option<LocalServer>,
    dir: TempDir,
    tls: Arc<ClientConfig>,
    /// In the order of [`Spoken`].
    distances: [Distance; 3],
}

impl Bed {
    pub(super) async fn make(chain: Chain, away: Duration) -> anyhow::Result<Self> {
        let database = LocalServer::postgres().await.ok();
        let mut options = EmulatorOptions {
            certificate: Some(chain.make()?.emulated()),
            ..EmulatorOptions::default()
        };
        options.postgres.behind = database.as_ref().map(|server| server.behind().clone());
        let azure = Emulator::start(options).await?;
        let dir = TempDir::with_prefix("azdb-bench-")?;
        // PgBouncer, started by root, becomes somebody else and reads its files as such.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755))?;
        azure.write_ca(&dir.path().join("ca.pem"))?;
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(azure.ca_pem().as_bytes())?)?;
        let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let distances = [
            Distance::to(azure.postgres().address(), away).await?,
            Distance::to(azure.mysql().address(), away).await?,
            Distance::to(azure.tds().address(), away).await?,
        ];
        Ok(Self {
            azure,
            database,
            dir,
            tls: Arc::new(tls),
            distances,
        })
    }

    /// What the upstream is.
    pub(super) fn server(&self, spoken: Spoken) -> &str {
        match (&self.database, spoken) {
            (Some(database), Spoken::Postgres) => database.product(),
            _ => "emulated",
        }
    }

    fn upstream(&self, spoken: Spoken) -> SocketAddr {
        let [postgres, mysql, tds] = &self.distances;
        match spoken {
            Spoken::Postgres => postgres.address,
            Spoken::Mysql => mysql.address,
            Spoken::Tds => tds.address,
        }
    }

    fn token(&self, spoken: Spoken) -> anyhow::Result<String> {
        let audience = match spoken {
            Spoken::Postgres | Spoken::Mysql => OSSRDBMS_AUDIENCE,
            Spoken::Tds => SQL_AUDIENCE,
        };
        let identities = self.azure.identity().identities();
        let identity = identities.first().context("no identity")?;
        Ok(self.azure.issuer().issue(identity, audience)?.access_token)
    }

    /// An app with its own TLS and token.
    pub(super) fn direct(&self, spoken: Spoken) -> anyhow::Result<Client> {
        let ca = self.dir.path().join("ca.pem");
        let own_tls = Some((self.token(spoken)?, ca, self.tls.clone()));
        Ok(client(spoken, self.upstream(spoken), own_tls))
    }

    /// The proxy, serving on a route with these keys.
    pub(super) async fn through(
        &self,
        proxy: &Path,
        spoken: Spoken,
        keys: &str,
    ) -> anyhow::Result<Served> {
        let (listen, health) = (free()?, free()?);
        let upstream = self.upstream(spoken);
        let dir = self.dir_of(listen)?;
        let user = match spoken {
            Spoken::Postgres | Spoken::Mysql => format!("upstream_user = \"{DEFAULT_ROLE}\"\n"),
            // The token says who it is.
            Spoken::Tds => String::new(),
        };
        let text = format!(
            "[process]\nstate_dir = {state:?}\n[health]\nlisten = \"{health}\"\n[identity]\nsource = \"app-service\"\n\
             [[route]]\nname = \"bench\"\nprotocol = \"{protocol}\"\nlisten = \"{listen}\"\nupstream = \"localhost:{port}\"\n\
             connect_to = \"{upstream}\"\n{user}upstream_ca_file = {ca:?}\n{keys}",
            state = dir.join("state"),
            protocol = spoken.word(),
            port = upstream.port(),
            ca = self.dir.path().join("ca.pem"),
        );
        let file = dir.join("proxy.toml");
        let mut command = Command::new(proxy);
        command.env_clear().current_dir("/");
        peer::proxy::configure(&mut command, &file, &text, self.azure.identity())?;
        let client = client(spoken, listen, None);
        Served::start(command, &dir, client, Some(health)).await
    }

    /// PgBouncer, with a token for a password.
    pub(super) async fn through_pgbouncer(&self, program: &Path) -> anyhow::Result<Served> {
        let listen = free()?;
        let dir = self.dir_of(listen)?;
        let mut command = Command::new(program);
        command.env_clear().current_dir("/");
        let account = pgbouncer::Account {
            login: LOGIN,
            password: &self.token(Spoken::Postgres)?,
        };
        let ca = self.dir.path().join("ca.pem");
        let upstream = self.upstream(Spoken::Postgres);
        pgbouncer::write(&mut command, &dir, &account, (listen, upstream), &ca, 100)?;
        let client = client(Spoken::Postgres, listen, None);
        Served::start(command, &dir, client, None).await
    }

    /// Ends the servers, and waits until they have gone.
    pub(super) async fn end(self) {
        self.azure.shutdown().await;
        if let Some(database) = self.database {
            database.shutdown().await;
        }
    }

    fn dir_of(&self, listen: SocketAddr) -> std::io::Result<PathBuf> {
        let dir = self.dir.path().join(listen.port().to_string());
        fs::create_dir(&dir).map(|()| dir)
    }
}

fn free() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// With a token, and an authority in two forms, for its own TLS.
fn client(
    spoken: Spoken,
    address: SocketAddr,
    own_tls: Option<(String, PathBuf, Arc<ClientConfig>)>,
) -> Client {
    let dialect = match spoken {
        Spoken::Postgres => Dialect::Postgres,
        Spoken::Mysql => Dialect::Mysql,
        Spoken::Tds => {
            let own_tls = own_tls.map(|(token, ca, _)| (token, ca));
            return Client::Tds { address, own_tls };
        }
    };
    let (password, tls) =
        own_tls.map_or((String::new(), None), |(token, _, tls)| (token, Some(tls)));
    let way = Way {
        dialect,
        address,
        tls,
        login: LOGIN,
    };
    Client::Own { way, password }
}

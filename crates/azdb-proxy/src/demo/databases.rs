//! What stands behind the emulated Azure: real servers of this machine, or the emulator's sample.

use azdb_emulator::Behind;
#[cfg(unix)]
use azdb_emulator::local::{LocalError, LocalServer};

/// What is behind one door. The default is the sample.
#[derive(Default)]
pub(super) struct Database {
    /// A server of this machine's packages, which runs for the demo alone.
    #[cfg(unix)]
    server: Option<LocalServer>,
    /// Why there is none, where one was looked for.
    pub(super) why: Option<String>,
}

#[cfg(unix)]
impl Database {
    /// What it is, in a word or two.
    pub(super) fn name(&self) -> &str {
        let server = self.server.as_ref();
        server.map_or(SAMPLE, LocalServer::product)
    }

    /// What the emulator is to relay sessions to; nothing means its sample.
    pub(super) fn behind(&self) -> Option<Behind> {
        self.server.as_ref().map(|server| server.behind().clone())
    }

    async fn shutdown(self) {
        if let Some(server) = self.server {
            server.shutdown().await;
        }
    }
}

#[cfg(unix)]
impl From<Result<LocalServer, LocalError>> for Database {
    fn from(started: Result<LocalServer, LocalError>) -> Self {
        let (server, why) = match started {
            Ok(server) => (Some(server), None),
            Err(error) => (None, Some(azdb_quote::Chain(&error).to_string())),
        };
        Self { server, why }
    }
}

/// Servers are started on Unix alone.
#[cfg(not(unix))]
impl Database {
    pub(super) fn name(&self) -> &str {
        SAMPLE
    }

    pub(super) fn behind(&self) -> Option<Behind> {
        None
    }

    async fn shutdown(self) {}
}

const SAMPLE: &str = "a small sample";

/// What is behind all doors. There is no SQL Server that could be started.
#[derive(Default)]
pub(super) struct Databases {
    pub(super) postgres: Database,
    pub(super) mysql: Database,
    pub(super) tds: Database,
}

impl Databases {
    /// The best that this machine has.
    pub(super) async fn start() -> Self {
        #[cfg(unix)]
        {
            let (postgres, mysql) = tokio::join!(LocalServer::postgres(), LocalServer::mariadb());
            Self {
                postgres: postgres.into(),
                mysql: mysql.into(),
                tds: Database::default(),
            }
        }
        #[cfg(not(unix))]
        Self::default()
    }

    /// Ends the servers, and waits until they have gone.
    pub(super) async fn shutdown(self) {
        tokio::join!(self.postgres.shutdown(), self.mysql.shutdown());
    }
}

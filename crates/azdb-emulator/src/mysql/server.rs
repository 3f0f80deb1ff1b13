//! The listener, and what all connections share.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::login::Gate;
use super::record::{MysqlLogin, MysqlRefusal};
use crate::behind::Behind;
use crate::door::{ANYWHERE, Door, Logins, Serve};
use crate::emulator::{Azure, EmulatorError};

/// What a server does with COM_CHANGE_USER.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangesOfUser {
    /// It is a login like any other.
    Accepted,
    /// Error 1045, as Azure has been seen to answer for Entra users.
    Refused,
}

/// How a server is set up.
#[derive(Debug, Clone)]
pub struct MysqlOptions {
    /// Where to listen; port 0 is a free one.
    pub bind: SocketAddr,
    /// The server that sessions are relayed to; `None` for the sample.
    pub behind: Option<Behind>,
    /// What it does with COM_CHANGE_USER.
    pub changes_of_user: ChangesOfUser,
}

impl Default for MysqlOptions {
    fn default() -> Self {
        Self {
            bind: ANYWHERE,
            behind: None,
            changes_of_user: ChangesOfUser::Accepted,
        }
    }
}

/// A running server. Dropping it ends its sessions.
pub type MysqlServer = Door<Mysql>;

/// What its connections share.
pub struct Mysql {
    pub(super) acceptor: TlsAcceptor,
    pub(super) gate: Gate,
    pub(super) behind: Option<Behind>,
    pub(super) changes_of_user: ChangesOfUser,
    /// Numbers sessions that no server behind has numbered.
    ids: AtomicU32,
    /// Held once more by each session.
    pub(super) sessions: Arc<()>,
}

impl Door<Mysql> {
    pub(crate) async fn start(
        options: MysqlOptions,
        azure: &Arc<Azure>,
    ) -> Result<Self, EmulatorError> {
        let config = azure.authority.server_config(&azure.names, &[])?;
        let server = Mysql {
            acceptor: TlsAcceptor::from(config),
            gate: Gate {
                azure: Arc::clone(azure),
                logins: Logins::default(),
            },
            behind: options.behind,
            changes_of_user: options.changes_of_user,
            ids: AtomicU32::new(1),
            sessions: Arc::default(),
        };
        Self::open(options.bind, server).await
    }

    /// Refuses the next `count` logins like this, without asking for a token.
    pub fn refuse(&self, count: usize, refusal: &MysqlRefusal) {
        self.server.gate.logins.script(count, refusal);
    }

    /// All logins and changes of user so far, in the order in which they were decided.
    #[must_use]
    pub fn logins(&self) -> Vec<MysqlLogin> {
        self.server.gate.logins.records()
    }

    /// How many sessions are logged in.
    #[must_use]
    pub fn sessions(&self) -> usize {
        Arc::strong_count(&self.server.sessions) - 1
    }
}

impl Serve for Mysql {
    const NAME: &'static str = "MySQL";

    async fn serve(&self, app: TcpStream, _peer: SocketAddr) -> io::Result<()> {
        self.converse(app, self.ids.fetch_add(1, Ordering::Relaxed))
            .await
    }
}

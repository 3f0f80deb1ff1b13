//! The listener, and what all connections share.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio_rustls::TlsAcceptor;

use super::login::Gate;
use super::record::{Logins, MysqlLogin, MysqlRefusal};
use crate::behind::Behind;
use crate::certificates::Authority;
use crate::emulator::EmulatorError;
use crate::issuer::Issuer;
use crate::principal::Principal;
use crate::sample::Sample;
use crate::tasks::{Tasks, bind};

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
    /// Names and IP addresses in its certificate.
    pub names: Vec<String>,
    /// Principals that may log in with a token, as users of their names.
    pub principals: Vec<Principal>,
    /// The server that sessions are relayed to; `None` for the sample.
    pub behind: Option<Behind>,
    /// What it does with COM_CHANGE_USER.
    pub changes_of_user: ChangesOfUser,
}

impl Default for MysqlOptions {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            names: vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
            principals: Vec::new(),
            behind: None,
            changes_of_user: ChangesOfUser::Accepted,
        }
    }
}

/// A running server. Dropping it ends its sessions.
pub struct MysqlServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    tasks: Tasks,
}

pub(super) struct Shared {
    pub(super) acceptor: TlsAcceptor,
    pub(super) gate: Gate,
    pub(super) behind: Option<Behind>,
    pub(super) changes_of_user: ChangesOfUser,
    ids: AtomicU32,
    /// Held once more by each session.
    sessions: Arc<()>,
    pub(super) sample: Arc<Sample>,
}

impl MysqlServer {
    /// Listens, with a certificate of `authority`, for clients with tokens of `issuer`.
    pub async fn start(
        options: MysqlOptions,
        authority: &Authority,
        issuer: Issuer,
        sample: Arc<Sample>,
    ) -> Result<Self, EmulatorError> {
        let config = authority.server_config(&options.names, &[])?;
        let (listener, address) = bind(options.bind, "MySQL").await?;
        let shared = Arc::new(Shared {
            acceptor: TlsAcceptor::from(config),
            gate: Gate {
                issuer,
                principals: options.principals,
                logins: Logins::default(),
            },
            behind: options.behind,
            changes_of_user: options.changes_of_user,
            ids: AtomicU32::new(1),
            sessions: Arc::default(),
            sample,
        });
        let tasks = Tasks::new();
        let accepted = Arc::clone(&shared);
        tasks.listen(listener, move |stream, peer| {
            let shared = Arc::clone(&accepted);
            async move {
                if let Err(error) = shared.serve(stream).await {
                    tracing::debug!(%peer, %error, "MySQL connection ended");
                }
            }
        });
        tracing::info!(%address, "MySQL server listens");
        Ok(Self {
            address,
            shared,
            tasks,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Refuses the next `count` logins like this, without asking for a token.
    pub fn refuse(&self, count: usize, refusal: &MysqlRefusal) {
        self.shared.gate.logins.script(count, refusal);
    }

    /// All logins and changes of user so far, in the order in which they were decided.
    #[must_use]
    pub fn logins(&self) -> Vec<MysqlLogin> {
        self.shared.gate.logins.records()
    }

    /// How many sessions are logged in.
    #[must_use]
    pub fn sessions(&self) -> usize {
        Arc::strong_count(&self.shared.sessions) - 1
    }

    /// Stops listening, closes all connections and waits until every task has ended.
    pub async fn shutdown(self) {
        self.tasks.shutdown().await;
    }
}

impl Shared {
    /// The id of a session that no server behind has numbered.
    pub(super) fn next_id(&self) -> u32 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }

    /// Counts a session for as long as what is returned lives.
    pub(super) fn enter(&self) -> Arc<()> {
        Arc::clone(&self.sessions)
    }
}

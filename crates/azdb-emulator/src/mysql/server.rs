//! The listener, and one connection from its first byte to its last.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::login::{Gate, Response, greeting, no_tls, wants_tls};
use super::packet::{read, write};
use super::record::{Logins, MysqlLogin, MysqlRefusal};
use super::relay::{self, LoggedIn};
use super::session::Session;
use crate::behind::Behind;
use crate::certificates::{Authority, CertificateError};
use crate::issuer::{Issuer, OSSRDBMS_AUDIENCE};
use crate::principal::Principal;
use crate::sqlite::{Database, Interrupt};
use crate::tasks::Tasks;

/// How long a client may take until it is logged in: MySQL's `connect_timeout`.
const LOGIN_LIMIT: Duration = Duration::from_secs(10);

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
    /// Audience that a token must have.
    pub audience: String,
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
            audience: OSSRDBMS_AUDIENCE.to_owned(),
            changes_of_user: ChangesOfUser::Accepted,
        }
    }
}

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum MysqlError {
    /// The address can't be listened on.
    #[error("cannot listen on `{address}` for MySQL")]
    Listen {
        /// The wished address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },

    /// No certificate for its names.
    #[error("no certificate for the MySQL server")]
    Certificate(#[from] CertificateError),
}

/// A running server. Dropping it ends its sessions.
pub struct MysqlServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    tasks: Tasks,
}

pub(super) struct Shared {
    acceptor: TlsAcceptor,
    pub(super) gate: Gate,
    pub(super) changes_of_user: ChangesOfUser,
    ids: AtomicU32,
    sessions: Mutex<HashMap<u32, Arc<Interrupt>>>,
    database: Arc<Database>,
}

impl MysqlServer {
    /// Listens, with a certificate of `authority`, for clients with tokens of `issuer`.
    pub async fn start(
        options: MysqlOptions,
        authority: &Authority,
        issuer: Issuer,
        database: Arc<Database>,
    ) -> Result<Self, MysqlError> {
        let bind = options.bind;
        let failed = |source| MysqlError::Listen {
            address: bind,
            source,
        };
        let config = authority.server_config(&options.names, &[])?;
        let listener = TcpListener::bind(bind).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let shared = Arc::new(Shared {
            acceptor: TlsAcceptor::from(config),
            gate: Gate {
                issuer,
                audience: options.audience,
                principals: options.principals,
                logins: Logins::default(),
            },
            changes_of_user: options.changes_of_user,
            ids: AtomicU32::new(1),
            sessions: Mutex::default(),
            database,
        });
        let tasks = Tasks::new();
        let accepted = Arc::clone(&shared);
        tasks.listen(listener, move |stream, peer| {
            let shared = Arc::clone(&accepted);
            async move {
                if let Err(error) = shared.serve(stream, peer).await {
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

    /// The principals that may log in.
    #[must_use]
    pub fn principals(&self) -> &[Principal] {
        &self.shared.gate.principals
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
        self.shared.sessions().len()
    }

    /// Stops listening, closes all connections and waits until every task has ended.
    pub async fn shutdown(self) {
        self.tasks.shutdown().await;
    }
}

impl Shared {
    async fn serve(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let id = self.ids.fetch_add(1, Ordering::Relaxed);
        let logged_in = tokio::time::timeout(LOGIN_LIMIT, self.log_in(stream, peer, id)).await;
        let Some(logged_in) = logged_in.map_err(io::Error::from)?? else {
            return Ok(());
        };
        let session = Session::open(&self.database, Arc::clone(self), id, &logged_in.login)
            .map_err(io::Error::other)?;
        let _entry = self.enter(id, session.interrupt());
        relay::run(self, logged_in, session).await
    }

    async fn log_in(
        &self,
        mut stream: TcpStream,
        peer: SocketAddr,
        id: u32,
    ) -> io::Result<Option<LoggedIn<TlsStream<TcpStream>>>> {
        write(&mut stream, 0, &greeting(id)).await?;
        let request = read(&mut stream).await?;
        if !wants_tls(&request.payload) {
            let next = request.number.wrapping_add(1);
            write(&mut stream, next, &no_tls().payload()).await?;
            return Ok(None);
        }
        let mut stream = self.acceptor.accept(stream).await?;
        let packet = read(&mut stream).await?;
        let response = Response::parse(&packet.payload)?;
        let attempt = &response.attempt;
        let mut login = MysqlLogin::of(attempt, response.capabilities, false);
        let next = packet.number.wrapping_add(1);
        let admitting = self.gate.admit(&mut stream, attempt, next, &mut login);
        let (next, verdict) = admitting.await?;
        login.refusal = verdict.clone().err();
        self.gate.logins.record(login.clone());
        if let Err(refusal) = verdict {
            tracing::info!(%peer, user = login.user, reason = refusal.message, "MySQL login refused");
            write(&mut stream, next, &refusal.payload()).await?;
            return Ok(None);
        }
        tracing::info!(%peer, user = login.user, "MySQL login");
        Ok(Some(LoggedIn {
            stream,
            next,
            charset: response.charset,
            login,
        }))
    }

    fn enter(self: &Arc<Self>, id: u32, interrupt: Arc<Interrupt>) -> Entry {
        self.sessions().insert(id, interrupt);
        Entry {
            shared: Arc::clone(self),
            id,
        }
    }

    /// Interrupts what session `id` is running; `false` when there is no such session.
    pub(super) fn kill_query(&self, id: u32) -> bool {
        let sessions = self.sessions();
        let found = sessions.get(&id);
        found
            .map(|interrupt| interrupt.fire(crate::sqlite::Reason::Request))
            .is_some()
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<u32, Arc<Interrupt>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One in the list of sessions for as long as it lives.
struct Entry {
    shared: Arc<Shared>,
    id: u32,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let interrupt = self.shared.sessions().remove(&self.id);
        if let Some(interrupt) = interrupt {
            interrupt.close();
        }
    }
}

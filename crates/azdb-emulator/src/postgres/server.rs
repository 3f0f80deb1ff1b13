//! The listener, and one connection from its first byte to its last.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::response::{ReadyForQuery, TransactionStatus};
use pgwire::messages::startup::{Authentication, BackendKeyData, ParameterStatus, SecretKey};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::behind::{self, NotLoggedIn, ServerBehind};
use super::login::Gate;
use super::opening::{ALPN, CancelKey, Opening, Startup, open};
use super::record::{LoginRecord, Logins, Refusal};
use super::session;
use super::sessions::{Entry, Sessions};
use super::wire::{write, write_fatal};
use crate::behind::Behind;
use crate::certificates::{Authority, CertificateError};
use crate::issuer::{Issuer, OSSRDBMS_AUDIENCE};
use crate::principal::Principal;
use crate::sample::{Dialect, Sample};
use crate::tasks::Tasks;

/// How long a client may take until it is logged in: PostgreSQL's `authentication_timeout`.
const LOGIN_LIMIT: Duration = Duration::from_secs(60);

/// SQLSTATE of a server that takes no connections at present.
const CANNOT_CONNECT_NOW: &str = "57P03";

/// How a server is set up.
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    /// Where to listen; port 0 is a free one.
    pub bind: SocketAddr,
    /// Names and IP addresses in its certificate.
    pub names: Vec<String>,
    /// Principals that may log in with a token, as roles of their names.
    pub principals: Vec<Principal>,
    /// The server that sessions are relayed to; `None` for the sample.
    pub behind: Option<Behind>,
    /// Audience that a token must have.
    pub audience: String,
    /// Newest minor version of protocol 3 that it speaks: 0 as PostgreSQL 16 does, or 2 as 18 does
    /// (with cancel keys of 32 bytes).
    pub newest_minor: u16,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            names: vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
            principals: Vec::new(),
            behind: None,
            audience: OSSRDBMS_AUDIENCE.to_owned(),
            newest_minor: 0,
        }
    }
}

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// The address can't be listened on.
    #[error("cannot listen on `{address}` for PostgreSQL")]
    Listen {
        /// The wished address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },

    /// No certificate for its names.
    #[error("no certificate for the PostgreSQL server")]
    Certificate(#[from] CertificateError),
}

/// A running server. Dropping it ends its sessions.
pub struct PostgresServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    tasks: Tasks,
}

struct Shared {
    acceptor: TlsAcceptor,
    gate: Gate,
    logins: Logins,
    sessions: Arc<Sessions>,
    behind: Option<Behind>,
    sample: Arc<Sample>,
}

impl PostgresServer {
    /// Listens, with a certificate of `authority`, for clients with tokens of `issuer`.
    pub async fn start(
        options: PostgresOptions,
        authority: &Authority,
        issuer: Issuer,
        sample: Arc<Sample>,
    ) -> Result<Self, PostgresError> {
        let bind = options.bind;
        let failed = |source| PostgresError::Listen {
            address: bind,
            source,
        };
        let config = authority.server_config(&options.names, &[ALPN])?;
        let listener = TcpListener::bind(bind).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let shared = Arc::new(Shared {
            acceptor: TlsAcceptor::from(config),
            gate: Gate {
                issuer,
                audience: options.audience,
                principals: options.principals,
                newest_minor: options.newest_minor,
            },
            logins: Logins::default(),
            sessions: Sessions::new(),
            behind: options.behind,
            sample,
        });
        let tasks = Tasks::new();
        let accepted = Arc::clone(&shared);
        tasks.listen(listener, move |stream, peer| {
            let shared = Arc::clone(&accepted);
            async move {
                if let Err(error) = shared.serve(stream, peer).await {
                    tracing::debug!(%peer, %error, "PostgreSQL connection ended");
                }
            }
        });
        tracing::info!(%address, "PostgreSQL server listens");
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

    /// Refuses the next `count` logins like this, after the client has sent its StartupMessage.
    pub fn refuse(&self, count: usize, refusal: &Refusal) {
        self.shared.logins.script(count, refusal);
    }

    /// All logins so far, in the order in which they were decided.
    #[must_use]
    pub fn logins(&self) -> Vec<LoginRecord> {
        self.shared.logins.records()
    }

    /// How many sessions are logged in.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.shared.sessions.count()
    }

    /// Stops listening, closes all connections and waits until every task has ended.
    pub async fn shutdown(self) {
        self.tasks.shutdown().await;
    }
}

impl Shared {
    async fn serve(&self, stream: TcpStream, peer: SocketAddr) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let logged_in = tokio::time::timeout(LOGIN_LIMIT, self.log_in(stream, peer)).await;
        match logged_in.map_err(io::Error::from)?? {
            None => Ok(()),
            Some(LoggedIn::Sample(stream, session, _entry)) => {
                session::run(*stream, peer, session).await
            }
            Some(LoggedIn::Behind(mut stream, mut behind, _entry)) => {
                tokio::io::copy_bidirectional(&mut stream, &mut behind.stream).await?;
                Ok(())
            }
        }
    }

    async fn log_in(&self, stream: TcpStream, peer: SocketAddr) -> io::Result<Option<LoggedIn>> {
        let (mut stream, startup) = match open(stream, peer, &self.acceptor).await? {
            Opening::Login(stream, startup) => (stream, startup),
            Opening::Cancel(key, stream) => {
                self.cancel(&key).await;
                if let Some(mut stream) = stream {
                    stream.shutdown().await?;
                }
                return Ok(None);
            }
            Opening::Over => return Ok(None),
        };
        let mut record = LoginRecord::new(&startup, stream.get_ref().1.server_name());
        let verdict = match self.logins.next_refusal() {
            Some(refusal) => Err(refusal),
            None => self.gate.admit(&mut stream, &startup, &mut record).await?,
        };
        let user = startup.parameter("user").unwrap_or_default();
        record.refusal = verdict.as_ref().err().cloned();
        self.logins.record(record);
        let principal = match verdict {
            Ok(principal) => principal,
            Err(refusal) => {
                tracing::info!(%peer, user, reason = refusal.message, "PostgreSQL login refused");
                write_fatal(&mut stream, &refusal.sqlstate, &refusal.message).await?;
                return Ok(None);
            }
        };
        tracing::info!(%peer, user, "PostgreSQL login");
        let minor = startup.minor.min(self.gate.newest_minor);
        let Some(behind) = &self.behind else {
            let (session, entry) = self.welcome(&mut stream, &startup, minor).await?;
            return Ok(Some(LoggedIn::Sample(stream, session, entry)));
        };
        match behind::log_in(behind, principal, &startup, minor).await {
            Ok(behind) => {
                // Before the answer: who has read it finds the session counted.
                let entry = self.sessions.enter_behind();
                stream.write_all(&behind.greeting).await?;
                stream.flush().await?;
                Ok(Some(LoggedIn::Behind(stream, behind, entry)))
            }
            Err(NotLoggedIn::Its(error)) => {
                stream.write_all(&error).await?;
                stream.shutdown().await?;
                Ok(None)
            }
            Err(NotLoggedIn::Ours(error)) => {
                tracing::warn!(%peer, user, %error, "no server behind");
                write_fatal(&mut stream, CANNOT_CONNECT_NOW, &error.to_string()).await?;
                Ok(None)
            }
        }
    }

    async fn cancel(&self, key: &CancelKey) {
        match &self.behind {
            None => self.sessions.cancel(key),
            // The one who asks reads no answer in any case.
            Some(behind) => {
                if let Err(error) = behind::cancel(behind, key).await {
                    tracing::warn!(%error, "a cancel request was lost");
                }
            }
        }
    }

    /// Opens a session of the sample and greets it.
    async fn welcome(
        &self,
        stream: &mut TlsStream<TcpStream>,
        startup: &Startup,
        minor: u16,
    ) -> io::Result<(session::Session, Entry)> {
        let sample = self.sample.session(Dialect::Postgres);
        let sample = sample.map_err(io::Error::other)?;
        let secret_bytes = if minor >= 2 { 32 } else { 4 };
        let (entry, key) = self.sessions.enter(secret_bytes, sample.interrupt());
        let session = session::Session::new(sample, startup, key.process);

        let mut messages = vec![PgWireBackendMessage::Authentication(Authentication::Ok)];
        for (name, value) in session.reported() {
            let status = ParameterStatus::new((*name).to_owned(), value.clone());
            messages.push(PgWireBackendMessage::ParameterStatus(status));
        }
        let secret = SecretKey::Bytes(key.secret.into());
        messages.push(PgWireBackendMessage::BackendKeyData(BackendKeyData::new(
            key.process,
            secret,
        )));
        let ready = ReadyForQuery::new(TransactionStatus::Idle);
        messages.push(PgWireBackendMessage::ReadyForQuery(ready));
        write(stream, messages).await?;
        Ok((session, entry))
    }
}

/// A connection whose token was found good.
enum LoggedIn {
    Sample(Box<TlsStream<TcpStream>>, session::Session, Entry),
    Behind(Box<TlsStream<TcpStream>>, ServerBehind, Entry),
}

//! The listener, and one connection from its first byte to its last.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::response::{ReadyForQuery, TransactionStatus};
use pgwire::messages::startup::{Authentication, BackendKeyData, ParameterStatus, SecretKey};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::behind::{self, NotLoggedIn, ServerBehind};
use super::login::Gate;
use super::opening::{ALPN, CancelKey, Opening, Startup, open};
use super::record::{LoginRecord, Refusal};
use super::session;
use super::sessions::Sessions;
use super::wire::{write, write_fatal};
use crate::behind::Behind;
use crate::door::{ANYWHERE, Door, Logins, Serve};
use crate::emulator::{Azure, EmulatorError};
use crate::sample::Dialect;

/// How long a client may take until it is logged in: PostgreSQL's `authentication_timeout`.
const LOGIN_LIMIT: Duration = Duration::from_secs(60);

/// SQLSTATE of a server that takes no connections at present.
const CANNOT_CONNECT_NOW: &str = "57P03";

/// How a server is set up.
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    /// Where to listen; port 0 is a free one.
    pub bind: SocketAddr,
    /// The server that sessions are relayed to; `None` for the sample.
    pub behind: Option<Behind>,
    /// Newest minor version of protocol 3 that it speaks: 0 as PostgreSQL 16 does, or 2 as 18 does
    /// (with cancel keys of 32 bytes).
    pub newest_minor: u16,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            bind: ANYWHERE,
            behind: None,
            newest_minor: 0,
        }
    }
}

/// A running server. Dropping it ends its sessions.
pub type PostgresServer = Door<Postgres>;

/// What its connections share.
pub struct Postgres {
    acceptor: TlsAcceptor,
    gate: Gate,
    logins: Logins<LoginRecord, Refusal>,
    sessions: Sessions,
    behind: Option<Behind>,
}

impl Door<Postgres> {
    pub(crate) async fn start(
        options: PostgresOptions,
        azure: &Arc<Azure>,
    ) -> Result<Self, EmulatorError> {
        let config = azure.authority.server_config(&azure.names, &[ALPN])?;
        let server = Postgres {
            acceptor: TlsAcceptor::from(config),
            gate: Gate {
                azure: Arc::clone(azure),
                newest_minor: options.newest_minor,
            },
            logins: Logins::default(),
            sessions: Sessions::default(),
            behind: options.behind,
        };
        Self::open(options.bind, server).await
    }

    /// Refuses the next `count` logins like this, after the client has sent its StartupMessage.
    pub fn refuse(&self, count: usize, refusal: &Refusal) {
        self.server.logins.script(count, refusal);
    }

    /// All logins so far, in the order in which they were decided.
    #[must_use]
    pub fn logins(&self) -> Vec<LoginRecord> {
        self.server.logins.records()
    }
}

impl Serve for Postgres {
    const NAME: &'static str = "PostgreSQL";

    async fn serve(&self, stream: TcpStream, peer: SocketAddr) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let logged_in = tokio::time::timeout(LOGIN_LIMIT, self.log_in(stream, peer)).await;
        match logged_in.map_err(io::Error::from)?? {
            None => Ok(()),
            Some(LoggedIn::Sample(stream, session)) => session::run(*stream, peer, session).await,
            Some(LoggedIn::Behind(mut stream, mut behind)) => {
                tokio::io::copy_bidirectional(&mut stream, &mut behind.stream).await?;
                Ok(())
            }
        }
    }
}

impl Postgres {
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
        let verdict = match self.logins.next() {
            Some(refusal) => Err(refusal),
            None => self.gate.admit(&mut stream, &startup).await?,
        };
        let user = startup.parameter("user").unwrap_or_default();
        self.logins.record(LoginRecord {
            user: user.to_owned(),
            server_name: stream.get_ref().1.server_name().map(str::to_owned),
            refusal: verdict.as_ref().err().cloned(),
        });
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
            let session = self.welcome(&mut stream, &startup, minor).await?;
            return Ok(Some(LoggedIn::Sample(stream, session)));
        };
        match behind::log_in(behind, principal, &startup, minor).await {
            Ok(behind) => {
                stream.write_all(&behind.greeting).await?;
                stream.flush().await?;
                Ok(Some(LoggedIn::Behind(stream, behind)))
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
    ) -> io::Result<session::Session> {
        let sample = self.gate.azure.sample.session(Dialect::Postgres);
        let sample = sample.map_err(io::Error::other)?;
        let secret_bytes = if minor >= 2 { 32 } else { 4 };
        let key = self.sessions.enter(secret_bytes, sample.interrupt());
        let CancelKey { process, secret } = key;
        let session = session::Session::new(sample, startup, process);

        let mut messages = vec![PgWireBackendMessage::Authentication(Authentication::Ok)];
        for (name, value) in session.reported() {
            let status = ParameterStatus::new(name.to_owned(), value);
            messages.push(PgWireBackendMessage::ParameterStatus(status));
        }
        let key = BackendKeyData::new(process, SecretKey::Bytes(secret.into()));
        messages.push(PgWireBackendMessage::BackendKeyData(key));
        let ready = ReadyForQuery::new(TransactionStatus::Idle);
        messages.push(PgWireBackendMessage::ReadyForQuery(ready));
        write(stream, messages).await?;
        Ok(session)
    }
}

/// A connection whose token was found good.
enum LoggedIn {
    Sample(Box<TlsStream<TcpStream>>, session::Session),
    Behind(Box<TlsStream<TcpStream>>, ServerBehind),
}

//! A session with a route's database, by the drivers that apps use: what an app would read is what is read here.
//!
//! ```text
//!   Database::open --> tokio-postgres | mysql_async | tiberius --> Stream --> Reception::connect --> the route's login, its upstream
//!                                                                       \--> a listener of a proxy that runs
//! ```
//!
//! The driver is an app like any other: it names a user and a database, and has no secret of the upstream's. What it needs to be let in
//! upstream, the route has.
//!
//! # Invariants
//!
//! * Nobody but this process comes in by what is opened here.
//! * A driver speaks no TLS of its own, and knows no password but an app's.

mod mysql;
mod postgres;
mod private_socket;
mod refusal;
mod rows;
mod tds;
#[cfg(all(test, feature = "demo"))]
#[expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]
mod tests;

use async_trait::async_trait;
use azdb_config::route::ProtocolName;
use azdb_core::{Reception, Watched};
use tokio::io::{AsyncRead, AsyncWrite};

pub(crate) use refusal::Refusal;
pub(crate) use rows::Rows;

/// How a session calls itself where databases show it.
const PROGRAM: &str = "azdb-proxy";

/// What a driver speaks on.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Stream for S {}

/// Whom an app says that it is, and which database it names.
#[derive(Clone, Default)]
pub(crate) struct As {
    /// Decides where the route has a `user_map`.
    pub(crate) user: String,
    /// `None` leaves it to the route's `default_database`.
    pub(crate) database: Option<String>,
    /// What a listener may ask apps for; nobody asks within this process.
    pub(crate) password: Option<String>,
}

/// A session that is open. Dropped, it ends as an app's that was killed.
pub(crate) struct Database(Box<dyn Driver>);

/// What a driver does for us.
#[async_trait]
trait Driver: Send {
    /// Runs SQL of one statement or of several. The rows are those of the last statement that has any.
    async fn run(&mut self, sql: &str) -> Result<Rows, Refusal>;

    /// Says goodbye.
    async fn close(self: Box<Self>);
}

impl Database {
    /// Logs in by a route of this process, as an app of it.
    ///
    /// # Errors
    ///
    /// What the driver reads when it is refused, and the remedy that the route has for it.
    pub(crate) async fn open(reception: &Reception, who: &As) -> Result<Self, Refusal> {
        Self::open_watched(reception, who).await.0
    }

    /// The same, and what the login has met.
    pub(crate) async fn open_watched(
        reception: &Reception,
        who: &As,
    ) -> (Result<Self, Refusal>, Watched) {
        let (stream, watched) = reception.connect_watched();
        let opened = Self::over(reception.route().protocol, Box::new(stream), who).await;
        let opened = match opened {
            Ok(database) => Ok(database),
            Err(refusal) => Err(refusal.explained_by(reception).await),
        };
        (opened, watched)
    }

    /// The same over a connection to whoever speaks `protocol`.
    ///
    /// # Errors
    ///
    /// What the driver reads when it is refused.
    pub(crate) async fn over(
        protocol: ProtocolName,
        stream: Box<dyn Stream>,
        who: &As,
    ) -> Result<Self, Refusal> {
        Ok(Self(match protocol {
            ProtocolName::Postgres => Box::new(postgres::Session::open(stream, who).await?),
            ProtocolName::Mysql => Box::new(mysql::Session::open(stream, who).await?),
            ProtocolName::Tds => Box::new(tds::Session::open(stream, who).await?),
        }))
    }

    /// Runs a statement, or a script of several: the rows are those of the last one that has any. PostgreSQL undoes a script of which a
    /// statement fails, MySQL and SQL Server stop at it.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub(crate) async fn run(&mut self, sql: &str) -> Result<Rows, Refusal> {
        self.0.run(sql).await
    }

    /// Ends the session as a client does that leaves.
    pub(crate) async fn close(self) {
        self.0.close().await;
    }
}

//! The app: the one client that all peers carry, in the protocol of the run.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ClientConfig;

use super::app_of_mysql::MysqlApp;
use super::app_of_postgres::PostgresApp;

/// The user that apps call themselves, and the database they ask for.
pub(super) const USER: &str = "app";
pub(super) const DATABASE: &str = "bench";

/// What a run speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Postgres,
    Mysql,
}

impl Dialect {
    /// The word of a route's `protocol`.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
        }
    }
}

/// Where an app connects, and with what.
#[derive(Debug, Clone)]
pub(super) struct Way {
    pub(super) dialect: Dialect,
    pub(super) address: SocketAddr,
    /// `None` for plaintext, which is what peers are there for.
    pub(super) tls: Option<Arc<ClientConfig>>,
    pub(super) login: Login,
}

/// As whom, and to what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Login {
    pub(super) user: &'static str,
    pub(super) database: &'static str,
}

impl Login {
    /// To the upstream of the bench.
    pub(super) const BENCH: Self = Self {
        user: USER,
        database: DATABASE,
    };
}

/// A session, from the app's side.
pub(super) enum App {
    Postgres(PostgresApp),
    Mysql(MysqlApp),
}

macro_rules! with_either {
    ($self:ident, $app:ident => $call:expr) => {
        match $self {
            App::Postgres($app) => $call,
            App::Mysql($app) => $call,
        }
    };
}

impl App {
    /// Connects and logs in.
    pub(super) async fn connect(way: &Way, password: &str) -> io::Result<Self> {
        Ok(match way.dialect {
            Dialect::Postgres => Self::Postgres(PostgresApp::connect(way, password).await?),
            Dialect::Mysql => Self::Mysql(MysqlApp::connect(way, password).await?),
        })
    }

    /// Has so many blocks sent, and makes sure that all of them came.
    pub(super) async fn copy_out(&mut self, blocks: u64) -> io::Result<()> {
        with_either!(self, app => app.copy_out(blocks).await)
    }

    /// Sends so many blocks, and makes sure that all of them arrived.
    pub(super) async fn copy_in(&mut self, blocks: u64, block: &[u8]) -> io::Result<()> {
        with_either!(self, app => app.copy_in(blocks, block).await)
    }

    /// Moves a block each way.
    pub(super) async fn move_some(&mut self, block: &[u8]) -> io::Result<()> {
        self.copy_out(1).await?;
        self.copy_in(1, block).await
    }

    /// Asks for one row, in one round trip.
    pub(super) async fn first_row(&mut self) -> io::Result<()> {
        with_either!(self, app => app.first_row().await)
    }

    /// Prepares what [`App::select`] executes.
    pub(super) async fn prepare(&mut self) -> io::Result<()> {
        with_either!(self, app => app.prepare().await)
    }

    /// One transaction.
    pub(super) async fn select(&mut self) -> io::Result<()> {
        with_either!(self, app => app.select().await)
    }

    /// Says goodbye.
    pub(super) async fn leave(self) -> io::Result<()> {
        with_either!(self, app => app.leave().await)
    }
}

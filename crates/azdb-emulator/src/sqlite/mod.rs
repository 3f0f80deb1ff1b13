//! The SQL engine under every emulated server: one SQLite database, one connection per session.
//!
//! The database is a file in a temporary directory, in WAL mode, not SQLite's shared in-memory
//! database: a session that has read something and sits in its transaction (as psycopg does by
//! default) must not keep another one from writing, and shared-cache locks do exactly that. The
//! directory goes away with the last [`Database`].

mod interrupt;
pub(crate) mod sample;

use std::path::PathBuf;
use std::time::Duration;

use rusqlite::Connection;
use tempfile::TempDir;

pub(crate) use interrupt::{Interrupt, Reason, Slept};

/// How long a writer waits for another one, if its session does not say.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Why there is no database.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// No temporary directory.
    #[error("cannot make a temporary directory")]
    Directory(#[from] std::io::Error),

    /// SQLite would not open it or fill it with the sample.
    #[error("cannot set up the database")]
    Setup(#[from] rusqlite::Error),
}

/// A database with the sample tables, gone when this is dropped.
pub struct Database {
    file: PathBuf,
    /// Deletes the directory when dropped.
    _directory: TempDir,
}

impl Database {
    /// Makes a database and fills it with the sample.
    pub fn new() -> Result<Self, DatabaseError> {
        let directory = TempDir::with_prefix("azdb-emulator-")?;
        let database = Self {
            file: directory.path().join("data.sqlite"),
            _directory: directory,
        };
        let connection = database.connect()?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.execute_batch(sample::SAMPLE)?;
        Ok(database)
    }

    /// Opens a connection for a session.
    pub(crate) fn connect(&self) -> Result<Connection, rusqlite::Error> {
        let connection = Connection::open(&self.file)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        // Nothing here must survive a power cut.
        connection.pragma_update(None, "synchronous", "OFF")?;
        connection.pragma_update(None, "foreign_keys", "ON")?;
        Ok(connection)
    }
}

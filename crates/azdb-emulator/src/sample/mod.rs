//! The sample: a few tables, and the statements that everyone tries first.
//!
//! ```text
//!   text -- split, parse (sqlparser) --> tree -- an allow-list --> SQLite's text and values --> rows
//! ```
//!
//! It is no database. What its list has is answered as PostgreSQL, MySQL or SQL Server would answer
//! it; everything else is refused with one text, which says how to put a real database behind.
//!
//! | what | of it |
//! |---|---|
//! | `select` | of one table or none: columns, `*`, literals, parameters, `+` and `-` of integers, joined texts, `count`, `min`, `max`; `where`, `order by`, `limit`, `top` |
//! | `insert` | rows of values |
//! | `update`, `delete` | of one table, with `where` |
//! | `create table`, `drop table` | columns, keys of one column, defaults |
//! | transactions | `begin`, `commit`, `rollback` |
//!
//! # Invariants
//!
//! * A clause that is not on the list is refused, not left out.
//! * A value is exact or refused: nothing is rounded, cut or guessed.
//! * Letters that SQLite can't compare as MySQL and SQL Server do are refused where it would matter.

mod catalog;
mod change;
mod data;
mod ddl;
mod expression;
mod fault;
mod parse;
mod query;
mod session;
mod statement;
#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]
mod tests;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests_of_sql_server;
mod types;

use std::path::PathBuf;
use std::time::Duration;

use rusqlite::Connection;
use tempfile::TempDir;

pub(crate) use catalog::{Table, TableColumn};
pub(crate) use data::SAMPLE;
pub(crate) use expression::Declared;
pub(crate) use fault::{Fault, unknown};
pub(crate) use parse::{Dialect, items, offset, parse, places, split};
pub(crate) use query::Column;
pub(crate) use session::{Interrupt, Session, Transaction};
pub(crate) use statement::{Kind, Outcome, Prepared};
pub(crate) use types::{MAX_PRECISION, Type, Value};

/// Why there is no sample.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// No temporary directory.
    #[error("cannot make a temporary directory")]
    Directory(#[from] std::io::Error),

    /// SQLite would not open it.
    #[error("cannot set up the sample")]
    Setup(#[from] rusqlite::Error),

    /// Its tables could not be made.
    #[error("cannot fill the sample: {0}")]
    Data(String),
}

/// The sample's data, gone when this is dropped.
pub struct Sample {
    file: PathBuf,
    /// Deletes the directory when dropped.
    _directory: TempDir,
}

impl Sample {
    /// Makes the sample.
    pub async fn new() -> Result<Self, SampleError> {
        let directory = TempDir::with_prefix("azdb-emulator-")?;
        let sample = Self {
            file: directory.path().join("data.sqlite"),
            _directory: directory,
        };
        let connection = sample.connect()?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        let session = sample.session(Dialect::Postgres)?;
        let failed = |fault| SampleError::Data(format!("{fault:?}"));
        for statement in parse(SAMPLE, Dialect::Postgres).map_err(failed)? {
            let prepared = session.prepare(&statement, &[]).map_err(failed)?;
            session.run(&prepared, &[]).await.map_err(failed)?;
        }
        Ok(sample)
    }

    /// Opens a session.
    pub(crate) fn session(&self, dialect: Dialect) -> Result<Session, rusqlite::Error> {
        Session::new(self.connect()?, dialect)
    }

    fn connect(&self) -> Result<Connection, rusqlite::Error> {
        let connection = Connection::open(&self.file)?;
        // Whoever opens the file, or closes it, keeps all others out for a moment.
        connection.busy_timeout(Duration::from_secs(5))?;
        // Nothing here must survive a power cut.
        connection.pragma_update(None, "synchronous", "OFF")?;
        connection.pragma_update(None, "foreign_keys", "ON")?;
        // From here on nobody waits on a thread that serves others.
        connection.busy_timeout(Duration::ZERO)?;
        Ok(connection)
    }
}

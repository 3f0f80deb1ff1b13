//! A session: what its protocol asks of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::Connection;

use super::catalog::{self, Table};
use super::expression::Declared;
use super::fault::Fault;
use super::interrupt::Interrupt;
use super::parse::{Dialect, Statement};
use super::select::Column;
use super::types::{Type, Value};
use super::worker::Worker;

/// What kind of statement it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Select,
    Insert,
    Update,
    Delete,
    CreateTable,
    DropTable,
    Begin,
    Commit,
    Rollback,
}

/// Where a session's transaction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transaction {
    None,
    Open,
    /// PostgreSQL's: nothing but its end is accepted.
    Failed,
}

/// A statement, and what it takes and gives.
#[derive(Debug, Clone)]
pub(crate) struct Prepared {
    pub(crate) kind: Kind,
    /// Types of its parameters.
    pub(crate) parameters: Vec<Type>,
    /// Columns of its result; none if it has no result.
    pub(crate) columns: Vec<Column>,
    pub(super) statement: Statement,
    pub(super) declared: Vec<Declared>,
}

/// What a statement has done.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outcome {
    /// A `COMMIT` of a failed transaction is a `Rollback`.
    pub(crate) kind: Kind,
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Vec<Value>>,
    /// Rows that were given, inserted, changed or deleted.
    pub(crate) affected: u64,
    /// The number that the last inserted row was given.
    pub(crate) last_id: Option<i64>,
}

/// A session of the sample. Dropping it ends its transaction and what still runs.
pub(crate) struct Session {
    worker: Arc<Mutex<Worker>>,
    interrupt: Arc<Interrupt>,
}

impl Session {
    pub(super) fn new(connection: Connection, dialect: Dialect) -> Self {
        let interrupt = Arc::new(Interrupt::new(&connection));
        let worker = Worker::new(connection, dialect, Arc::clone(&interrupt));
        Self {
            worker: Arc::new(Mutex::new(worker)),
            interrupt,
        }
    }

    /// Looks at a statement without running it.
    pub(crate) fn prepare(
        &self,
        statement: &Statement,
        declared: &[Declared],
    ) -> Result<Prepared, Fault> {
        let worker = self.worker();
        let written = worker.write(&statement.tree, declared)?;
        Ok(Prepared {
            kind: written.kind,
            parameters: written.parameters,
            columns: written.columns,
            statement: statement.clone(),
            declared: declared.to_vec(),
        })
    }

    /// Runs a statement, on a thread that may wait.
    pub(crate) async fn run(
        &self,
        prepared: &Prepared,
        values: &[Value],
    ) -> Result<Outcome, Fault> {
        self.interrupt.arm();
        let (worker, prepared, values) =
            (Arc::clone(&self.worker), prepared.clone(), values.to_vec());
        let work = tokio::task::spawn_blocking(move || {
            let mut worker = worker.lock().unwrap_or_else(PoisonError::into_inner);
            worker.run(&prepared, &values)
        });
        work.await
            .unwrap_or_else(|error| Err(Fault::Broken(error.to_string())))
    }

    /// Sleeps, until somebody interrupts it.
    pub(crate) async fn sleep(&self, time: Duration) -> Result<(), Fault> {
        self.interrupt.arm();
        let interrupt = Arc::clone(&self.interrupt);
        let slept = tokio::task::spawn_blocking(move || interrupt.wait(time));
        slept
            .await
            .unwrap_or_else(|error| Err(Fault::Broken(error.to_string())))
    }

    /// Where its transaction stands.
    pub(crate) fn transaction(&self) -> Transaction {
        let worker = self.worker();
        match (worker.depth, worker.failed) {
            (0, _) => Transaction::None,
            (_, true) => Transaction::Failed,
            (_, false) => Transaction::Open,
        }
    }

    /// How many `begin transaction` of T-SQL are open.
    pub(crate) fn depth(&self) -> u32 {
        self.worker().depth
    }

    /// Begins, commits or rolls back without a statement.
    pub(crate) fn turn(&self, kind: Kind) -> Result<Kind, Fault> {
        self.worker().turn(kind)
    }

    /// Whether each statement is a transaction of its own, unless one was begun.
    pub(crate) fn set_autocommit(&self, on: bool) -> Result<(), Fault> {
        let mut worker = self.worker();
        worker.autocommit = on;
        if on && worker.depth > 0 {
            worker.turn(Kind::Commit)?;
        }
        Ok(())
    }

    /// A statement has failed outside of the sample: PostgreSQL's transaction fails with it.
    pub(crate) fn fail(&self) {
        self.worker().fail();
    }

    /// All tables but temporary ones, by name.
    pub(crate) fn tables(&self) -> Result<Vec<Table>, Fault> {
        catalog::all(&self.worker().connection)
    }

    /// What ends its statements from outside.
    pub(crate) fn interrupt(&self) -> Arc<Interrupt> {
        Arc::clone(&self.interrupt)
    }

    /// The dialect that it reads.
    #[cfg(test)]
    pub(super) fn dialect(&self) -> Dialect {
        self.worker().dialect
    }

    fn worker(&self) -> MutexGuard<'_, Worker> {
        self.worker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.interrupt.close();
    }
}

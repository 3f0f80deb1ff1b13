//! A session: its connection to SQLite, its transaction, and what a statement does there.
//!
//! SQLite runs on the thread that serves the session: a statement on a sample takes no time to speak
//! of. What takes time is to wait for another writer.
//!
//! # Invariants
//!
//! * Every statement sees what others have committed; a writer waits until no other one is at work.
//!   The database is locked by a transaction's first write, not by its beginning.
//! * A statement happens wholly or not at all.

use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, params_from_iter};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::Instant;

use super::catalog::{self, Relations, Table, quoted};
use super::expression::{Declared, PLAIN_LETTERS};
use super::fault::{Fault, unknown};
use super::parse::{Dialect, Statement};
use super::statement::{Kind, Outcome, Prepared, Written};
use super::types::Value;
use crate::door::locked;

/// How long a writer waits for another one.
const LOCK_LIMIT: Duration = Duration::from_secs(20);

/// How long it waits between two looks.
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// Where a session's transaction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transaction {
    None,
    Open,
    /// PostgreSQL's: nothing but its end is accepted.
    Failed,
}

/// Ends a session's statement while it waits.
#[derive(Default)]
pub(crate) struct Interrupt(Notify);

impl Interrupt {
    /// Ends the running statement. Without one, nothing is remembered, as in the real servers.
    pub(crate) fn fire(&self) {
        self.0.notify_waiters();
    }
}

/// Waits, unless somebody interrupts it.
async fn wait(time: Duration, interrupted: &mut Pin<&mut Notified<'_>>) -> Result<(), Fault> {
    tokio::select! {
        () = interrupted => Err(Fault::Cancelled),
        () = tokio::time::sleep(time) => Ok(()),
    }
}

/// A session of the sample. Dropping it ends its transaction.
pub(crate) struct Session {
    pub(super) dialect: Dialect,
    /// Apart, as it is large beside all else that a session's task carries.
    state: Box<Mutex<State>>,
    interrupt: Arc<Interrupt>,
}

struct State {
    dialect: Dialect,
    connection: Connection,
    /// How many transactions are begun: more than one in T-SQL alone.
    depth: u32,
    /// Whether the transaction has failed, as PostgreSQL's do.
    failed: bool,
    /// Whether each statement is a transaction of its own, unless one was begun.
    autocommit: bool,
}

impl Session {
    pub(super) fn new(connection: Connection, dialect: Dialect) -> Result<Self, rusqlite::Error> {
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
        connection.create_scalar_function(PLAIN_LETTERS, 1, flags, move |given| {
            let text: Option<String> = given.get(0)?;
            match text {
                // Spaces at the end count in some collations, and in others not.
                Some(text) if !text.is_ascii() || text.ends_with(' ') => {
                    let what = format!("how `{text}` compares with other texts");
                    let Fault::Unknown(text) = unknown(&what, dialect) else {
                        return Ok(None);
                    };
                    Err(rusqlite::Error::UserFunctionError(text.into()))
                }
                text => Ok(text),
            }
        })?;
        let state = State {
            dialect,
            connection,
            depth: 0,
            failed: false,
            autocommit: true,
        };
        Ok(Self {
            dialect,
            state: Box::new(Mutex::new(state)),
            interrupt: Arc::default(),
        })
    }

    /// Looks at a statement without running it.
    pub(crate) fn prepare(
        &self,
        statement: &Statement,
        declared: &[Declared],
    ) -> Result<Prepared, Fault> {
        let written = self.state().write(statement, declared)?;
        Ok(Prepared {
            kind: written.kind,
            parameters: written.parameters,
            columns: written.columns,
            statement: statement.clone(),
            declared: declared.to_vec(),
        })
    }

    /// Runs a statement, once no other session writes.
    pub(crate) async fn run(
        &self,
        prepared: &Prepared,
        values: &[Value],
    ) -> Result<Outcome, Fault> {
        let mut interrupted = pin!(self.interrupt.0.notified());
        let limit = Instant::now() + LOCK_LIMIT;
        let ran = loop {
            let ran = self.state().attempt(prepared, values);
            if ran != Err(Fault::Locked) || Instant::now() > limit {
                break ran;
            }
            if let Err(fault) = wait(LOCK_PAUSE, &mut interrupted).await {
                break Err(fault);
            }
        };
        if ran.is_err() {
            self.fail();
        }
        ran
    }

    /// Sleeps, until somebody interrupts it.
    pub(crate) async fn sleep(&self, time: Duration) -> Result<(), Fault> {
        let mut interrupted = pin!(self.interrupt.0.notified());
        wait(time, &mut interrupted).await
    }

    /// Where its transaction stands.
    pub(crate) fn transaction(&self) -> Transaction {
        let state = self.state();
        match (state.depth, state.failed) {
            (0, _) => Transaction::None,
            (_, true) => Transaction::Failed,
            (_, false) => Transaction::Open,
        }
    }

    /// How many `begin transaction` of T-SQL are open.
    pub(crate) fn depth(&self) -> u32 {
        self.state().depth
    }

    /// Begins, commits or rolls back without a statement.
    pub(crate) fn turn(&self, kind: Kind) -> Result<Kind, Fault> {
        self.state().turn(kind)
    }

    /// Marks a point of the transaction under a name.
    pub(crate) fn save(&self, name: &str) -> Result<(), Fault> {
        let state = self.state();
        if state.connection.is_autocommit() {
            state.connection.execute_batch("BEGIN IMMEDIATE")?;
        }
        state.mark("SAVEPOINT", name)
    }

    /// Takes back what came after that point.
    pub(crate) fn rollback_to(&self, name: &str) -> Result<(), Fault> {
        self.state().mark("ROLLBACK TO", name)
    }

    /// Whether each statement is a transaction of its own, unless one was begun.
    pub(crate) fn set_autocommit(&self, on: bool) -> Result<(), Fault> {
        let mut state = self.state();
        state.autocommit = on;
        if on && state.depth > 0 {
            state.turn(Kind::Commit)?;
        }
        Ok(())
    }

    /// A statement has failed, here or outside of the sample: PostgreSQL's transaction fails with it.
    pub(crate) fn fail(&self) {
        let mut state = self.state();
        state.failed |= self.dialect == Dialect::Postgres && state.depth > 0;
    }

    /// All tables but temporary ones, by name.
    pub(crate) fn tables(&self) -> Result<Vec<Table>, Fault> {
        catalog::all(&self.state().connection)
    }

    /// What a table has to do with others.
    pub(crate) fn relations(&self, table: &str) -> Result<Relations, Fault> {
        catalog::relations(&self.state().connection, table)
    }

    /// What ends its statements from outside.
    pub(crate) fn interrupt(&self) -> &Arc<Interrupt> {
        &self.interrupt
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }
}

impl State {
    fn write(&self, statement: &Statement, declared: &[Declared]) -> Result<Written, Fault> {
        Written::new(&self.connection, self.dialect, &statement.tree, declared)
    }

    /// Runs a statement; [`Fault::Locked`] while another session writes.
    fn attempt(&mut self, prepared: &Prepared, values: &[Value]) -> Result<Outcome, Fault> {
        let kind = prepared.kind;
        if matches!(kind, Kind::Commit | Kind::Rollback) {
            return self.turn(kind).map(Outcome::of);
        }
        if self.failed {
            return Err(Fault::Failed);
        }
        if kind == Kind::Begin {
            return self.turn(kind).map(Outcome::of);
        }
        if self.dialect == Dialect::Mysql && matches!(kind, Kind::CreateTable | Kind::DropTable) {
            // There, these end a transaction.
            self.turn(Kind::Commit)?;
        } else if !self.autocommit && self.depth == 0 {
            self.depth = 1;
        }
        if kind != Kind::Select && self.connection.is_autocommit() {
            self.connection.execute_batch("BEGIN IMMEDIATE")?;
        }
        let ran = self.execute(prepared, values);
        if self.depth == 0 && !self.connection.is_autocommit() {
            let end = if ran.is_ok() { "COMMIT" } else { "ROLLBACK" };
            self.connection.execute_batch(end)?;
        }
        ran
    }

    fn execute(&self, prepared: &Prepared, values: &[Value]) -> Result<Outcome, Fault> {
        let (wanted, given) = (prepared.parameters.len(), values.len());
        if given != wanted {
            return Err(Fault::Values { wanted, given });
        }
        // Looked at once more: the tables may be others by now.
        let written = self.write(&prepared.statement, &prepared.declared)?;
        if written.columns != prepared.columns {
            return Err(Fault::Stale);
        }
        let mut outcome = Outcome::of(written.kind);
        if written.sql.is_empty() {
            return Ok(outcome);
        }
        let binds = written.binds.iter();
        let binds = binds.map(|bind| bind.settled(values, self.dialect).map(|one| one.stored()));
        let binds = binds.collect::<Result<Vec<_>, _>>()?;
        let mut statement = self.connection.prepare_cached(&written.sql)?;
        let mut rows = statement.query(params_from_iter(binds))?;
        while let Some(row) = rows.next()? {
            let columns = written.columns.iter().enumerate();
            let loaded = columns.map(|(at, column)| column.kind.load(row.get_ref(at)?));
            outcome.rows.push(loaded.collect::<Result<_, _>>()?);
        }
        outcome.affected = match written.kind {
            Kind::Select => outcome.rows.len() as u64,
            Kind::Insert | Kind::Update | Kind::Delete => self.connection.changes(),
            _ => 0,
        };
        let inserted = written.generates && outcome.affected > 0;
        outcome.last_id = inserted.then(|| self.connection.last_insert_rowid());
        outcome.columns = written.columns;
        Ok(outcome)
    }

    fn mark(&self, what: &str, name: &str) -> Result<(), Fault> {
        let name = quoted(&name.to_lowercase());
        Ok(self.connection.execute_batch(&format!("{what} {name}"))?)
    }

    /// Begins, commits or rolls back.
    fn turn(&mut self, kind: Kind) -> Result<Kind, Fault> {
        match kind {
            Kind::Begin if self.dialect == Dialect::Mysql => {
                self.turn(Kind::Commit)?;
                self.depth = 1;
            }
            Kind::Begin if self.dialect == Dialect::Tds => self.depth += 1,
            Kind::Begin => self.depth = 1,
            Kind::Commit if self.failed => return self.turn(Kind::Rollback),
            Kind::Commit if self.depth > 1 => self.depth -= 1,
            Kind::Commit | Kind::Rollback => {
                if !self.connection.is_autocommit() {
                    let end = if kind == Kind::Commit {
                        "COMMIT"
                    } else {
                        "ROLLBACK"
                    };
                    self.connection.execute_batch(end)?;
                }
                (self.depth, self.failed) = (0, false);
            }
            _ => {}
        }
        Ok(kind)
    }
}

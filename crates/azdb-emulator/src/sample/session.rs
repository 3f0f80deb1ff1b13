//! A session: its transaction, and statements on its connection.
//!
//! # Invariants
//!
//! * Every statement sees what others have committed; a writer waits until no other one is at work.
//!   The database is locked by a transaction's first write, not by its beginning.
//! * A statement happens wholly or not at all.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, params_from_iter};
use sqlparser::ast::{
    ObjectType, Statement as Tree, TransactionAccessMode, TransactionIsolationLevel,
    TransactionMode,
};

use super::catalog::{self, Table};
use super::ddl::{self, Creation};
use super::expression::{Bind, Declared, Writer};
use super::fault::{Fault, unknown};
use super::interrupt::Interrupt;
use super::parse::{Dialect, Statement};
use super::select::Column;
use super::types::{Type, Value};

/// How long a writer waits for another one.
const LOCK_LIMIT: Duration = Duration::from_secs(20);

/// How long it waits between two looks.
const LOCK_PAUSE: Duration = Duration::from_millis(5);

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
    statement: Statement,
    declared: Vec<Declared>,
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
    inner: Arc<Mutex<Inner>>,
    interrupt: Arc<Interrupt>,
    dialect: Dialect,
}

impl Session {
    pub(super) fn new(connection: Connection, dialect: Dialect) -> Self {
        let interrupt = Arc::new(Interrupt::new(&connection));
        let inner = Inner {
            connection,
            dialect,
            interrupt: Arc::clone(&interrupt),
            depth: 0,
            failed: false,
            autocommit: true,
        };
        Self {
            inner: Arc::new(Mutex::new(inner)),
            interrupt,
            dialect,
        }
    }

    /// Looks at a statement without running it.
    pub(crate) fn prepare(
        &self,
        statement: &Statement,
        declared: &[Declared],
    ) -> Result<Prepared, Fault> {
        let inner = self.inner();
        let written = inner.write(&statement.tree, declared)?;
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
        let (inner, prepared, values) =
            (Arc::clone(&self.inner), prepared.clone(), values.to_vec());
        let work = tokio::task::spawn_blocking(move || {
            let mut inner = inner.lock().unwrap_or_else(PoisonError::into_inner);
            inner.run(&prepared, &values)
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
        let inner = self.inner();
        match (inner.depth, inner.failed) {
            (0, _) => Transaction::None,
            (_, true) => Transaction::Failed,
            (_, false) => Transaction::Open,
        }
    }

    /// How many `begin transaction` of T-SQL are open.
    pub(crate) fn depth(&self) -> u32 {
        self.inner().depth
    }

    /// Begins, commits or rolls back without a statement.
    pub(crate) fn turn(&self, kind: Kind) -> Result<Kind, Fault> {
        self.inner().turn(kind)
    }

    /// Whether each statement is a transaction of its own, unless one was begun.
    pub(crate) fn set_autocommit(&self, on: bool) -> Result<(), Fault> {
        let mut inner = self.inner();
        inner.autocommit = on;
        if on && inner.depth > 0 {
            inner.turn(Kind::Commit)?;
        }
        Ok(())
    }

    /// A statement has failed outside of the sample: PostgreSQL's transaction fails with it.
    pub(crate) fn fail(&self) {
        self.inner().fail();
    }

    /// All tables but temporary ones, by name.
    pub(crate) fn tables(&self) -> Result<Vec<Table>, Fault> {
        catalog::all(&self.inner().connection)
    }

    /// What ends its statements from outside.
    pub(crate) fn interrupt(&self) -> Arc<Interrupt> {
        Arc::clone(&self.interrupt)
    }

    /// The dialect that it reads.
    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.interrupt.close();
    }
}

struct Inner {
    connection: Connection,
    dialect: Dialect,
    interrupt: Arc<Interrupt>,
    /// How many transactions are begun: more than one in T-SQL alone.
    depth: u32,
    failed: bool,
    autocommit: bool,
}

/// A statement as SQLite runs it.
struct Written {
    kind: Kind,
    sql: String,
    binds: Vec<Bind>,
    parameters: Vec<Type>,
    columns: Vec<Column>,
    /// Whether the rows that it inserts are numbered.
    generates: bool,
}

impl Inner {
    fn write(&self, tree: &Tree, declared: &[Declared]) -> Result<Written, Fault> {
        let mut writer = Writer {
            dialect: self.dialect,
            declared,
            table: None,
            sql: String::new(),
            binds: Vec::new(),
            parameters: vec![None; declared.len()],
        };
        let (kind, columns) = match tree.clone() {
            Tree::Query(query) => (Kind::Select, writer.query(&self.connection, *query)?),
            Tree::Insert(insert) => (Kind::Insert, writer.insert(&self.connection, insert)?),
            Tree::Update(update) => (Kind::Update, writer.update(&self.connection, update)?),
            Tree::Delete(delete) => (Kind::Delete, writer.delete(&self.connection, delete)?),
            Tree::CreateTable(create) => {
                ddl::creation(create, self.dialect)?;
                (Kind::CreateTable, Vec::new())
            }
            Tree::Drop { .. } => (Kind::DropTable, Vec::new()),
            other => match turn_of(&other) {
                Some(kind) => (kind, Vec::new()),
                None => return Err(unknown(&format!("`{}`", brief(&other)), self.dialect)),
            },
        };
        let told = declared
            .iter()
            .map(|one| one.kind)
            .chain(std::iter::repeat(None));
        let parameters = writer.parameters.into_iter().zip(told);
        let parameters = parameters.map(|(found, told)| told.or(found).unwrap_or(Type::Text(None)));
        let numbered = |table: &Table| table.columns.iter().any(|column| column.generated);
        Ok(Written {
            kind,
            sql: writer.sql,
            binds: writer.binds,
            parameters: parameters.collect(),
            columns,
            generates: kind == Kind::Insert
                && writer.table.as_ref().is_some_and(|(t, _)| numbered(t)),
        })
    }

    fn run(&mut self, prepared: &Prepared, values: &[Value]) -> Result<Outcome, Fault> {
        let ends = matches!(prepared.kind, Kind::Commit | Kind::Rollback);
        if self.failed && !ends {
            return Err(Fault::Failed);
        }
        let ran = self.attempt(prepared, values);
        if ran.is_err() {
            self.fail();
        }
        ran
    }

    fn fail(&mut self) {
        self.failed |= self.dialect == Dialect::Postgres && self.depth > 0;
        if self.connection.is_autocommit() && self.depth == 0 {
            self.failed = false;
        }
    }

    fn attempt(&mut self, prepared: &Prepared, values: &[Value]) -> Result<Outcome, Fault> {
        let kind = prepared.kind;
        let mut done = Outcome {
            kind,
            columns: Vec::new(),
            rows: Vec::new(),
            affected: 0,
            last_id: None,
        };
        if matches!(kind, Kind::Begin | Kind::Commit | Kind::Rollback) {
            done.kind = self.turn(kind)?;
            return Ok(done);
        }
        if self.dialect == Dialect::Mysql && matches!(kind, Kind::CreateTable | Kind::DropTable) {
            // There, these end a transaction.
            self.turn(Kind::Commit)?;
        } else if !self.autocommit && self.depth == 0 {
            self.depth = 1;
        }
        if kind != Kind::Select && self.connection.is_autocommit() {
            self.lock()?;
        }
        let ran = self.execute(prepared, values, &mut done);
        if self.depth == 0 && !self.connection.is_autocommit() {
            let end = if ran.is_ok() { "COMMIT" } else { "ROLLBACK" };
            self.connection.execute_batch(end)?;
        }
        ran.map(|()| done)
    }

    fn execute(
        &self,
        prepared: &Prepared,
        values: &[Value],
        done: &mut Outcome,
    ) -> Result<(), Fault> {
        let wanted = prepared.parameters.len();
        if values.len() != wanted {
            let given = values.len();
            return Err(Fault::Values { wanted, given });
        }
        match &prepared.statement.tree {
            Tree::CreateTable(create) => {
                let creation = ddl::creation(create.clone(), self.dialect)?;
                return self.create(&creation);
            }
            Tree::Drop {
                object_type: ObjectType::Table,
                if_exists,
                names,
                ..
            } => return ddl::drop_tables(&self.connection, names, *if_exists, self.dialect),
            Tree::Drop { .. } => {
                return Err(unknown("dropping anything but a table", self.dialect));
            }
            _ => {}
        }
        // Looked at once more: the tables may be others by now.
        let written = self.write(&prepared.statement.tree, &prepared.declared)?;
        if written.columns != prepared.columns {
            return Err(Fault::Stale);
        }
        let binds = written.binds.iter().map(|bind| bound(bind, values));
        let binds = binds.collect::<Result<Vec<_>, _>>()?;
        let mut statement = self.connection.prepare_cached(&written.sql)?;
        let mut rows = statement.query(params_from_iter(binds))?;
        while let Some(row) = rows.next()? {
            let mut loaded = Vec::with_capacity(written.columns.len());
            for (index, column) in written.columns.iter().enumerate() {
                loaded.push(column.kind.load(row.get_ref(index)?)?);
            }
            done.rows.push(loaded);
        }
        done.affected = match written.kind {
            Kind::Select => done.rows.len() as u64,
            _ => self.connection.changes(),
        };
        let inserted = written.generates && done.affected > 0;
        done.last_id = inserted.then(|| self.connection.last_insert_rowid());
        done.columns = written.columns;
        Ok(())
    }

    fn create(&self, creation: &Creation) -> Result<(), Fault> {
        let name = creation.table.name.clone();
        let exists = |schema: &str| {
            let query = format!("select count(*) from {schema}.azdb_columns where relation = ?");
            let count = self
                .connection
                .query_row(&query, [&name], |row| row.get::<_, i64>(0));
            count.map(|count| count > 0)
        };
        let schema = if creation.table.temporary {
            "temp"
        } else {
            "main"
        };
        if exists(schema)? {
            return match creation.if_not_exists {
                true => Ok(()),
                false => Err(Fault::TableExists(name)),
            };
        }
        self.connection.execute_batch(&creation.sql)?;
        creation.table.enlist(&self.connection)
    }

    /// Becomes the one writer, and waits for that.
    fn lock(&self) -> Result<(), Fault> {
        let limit = Instant::now() + LOCK_LIMIT;
        loop {
            match self
                .connection
                .execute_batch("BEGIN IMMEDIATE")
                .map_err(Fault::from)
            {
                Err(Fault::Locked) if Instant::now() < limit => self.interrupt.wait(LOCK_PAUSE)?,
                done => return done,
            }
        }
    }

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
            Kind::Commit => {
                if !self.connection.is_autocommit() {
                    self.connection.execute_batch("COMMIT")?;
                }
                self.depth = 0;
            }
            _ => {
                if !self.connection.is_autocommit() {
                    self.connection.execute_batch("ROLLBACK")?;
                }
                (self.depth, self.failed) = (0, false);
            }
        }
        Ok(kind)
    }
}

/// `begin`, `commit` and `rollback` in every spelling, without conditions.
fn turn_of(tree: &Tree) -> Option<Kind> {
    match tree {
        Tree::StartTransaction {
            modes,
            modifier: None,
            statements,
            exception: None,
            has_end_keyword: false,
            ..
        } if modes.iter().all(is_usual) && statements.is_empty() => Some(Kind::Begin),
        Tree::Commit {
            chain: false,
            modifier: None,
            ..
        } => Some(Kind::Commit),
        Tree::Rollback {
            chain: false,
            savepoint: None,
        } => Some(Kind::Rollback),
        _ => None,
    }
}

/// Whether a mode of transactions is what they are anyway.
fn is_usual(mode: &TransactionMode) -> bool {
    matches!(
        mode,
        TransactionMode::IsolationLevel(TransactionIsolationLevel::ReadCommitted)
            | TransactionMode::AccessMode(TransactionAccessMode::ReadWrite)
    )
}

/// The beginning of a statement, to tell which one it was.
fn brief(tree: &Tree) -> String {
    let text = tree.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

fn bound(bind: &Bind, values: &[Value]) -> Result<rusqlite::types::Value, Fault> {
    let given = |index: &usize| values.get(*index).unwrap_or(&Value::Null);
    let value = match bind {
        Bind::Literal(value) => value.clone(),
        Bind::Parameter(index, kind) => kind.fit(given(index))?,
        Bind::Rows(index) => match Type::BigInt.fit(given(index))? {
            rows @ Value::Int(0..) => rows,
            other => return Err(Fault::Invalid(Type::BigInt, other.shown())),
        },
    };
    Ok(value.stored())
}

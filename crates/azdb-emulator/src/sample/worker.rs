//! A session's connection to SQLite, its transaction, and what a statement does there.
//!
//! # Invariants
//!
//! * Every statement sees what others have committed; a writer waits until no other one is at work.
//!   The database is locked by a transaction's first write, not by its beginning.
//! * A statement happens wholly or not at all.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, params_from_iter};
use sqlparser::ast::{
    ObjectType, Statement as Tree, TransactionAccessMode, TransactionIsolationLevel,
    TransactionMode,
};

use super::catalog::Table;
use super::ddl::{self, Creation};
use super::expression::{Bind, Declared, Writer};
use super::fault::{Fault, unknown};
use super::interrupt::Interrupt;
use super::parse::Dialect;
use super::select::Column;
use super::session::{Kind, Outcome, Prepared};
use super::types::{Type, Value};

/// How long a writer waits for another one.
const LOCK_LIMIT: Duration = Duration::from_secs(20);

/// How long it waits between two looks.
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// What of a session runs on a thread that may wait.
pub(super) struct Worker {
    pub(super) connection: Connection,
    pub(super) dialect: Dialect,
    interrupt: Arc<Interrupt>,
    /// How many transactions are begun: more than one in T-SQL alone.
    pub(super) depth: u32,
    /// Whether the transaction has failed, as PostgreSQL's do.
    pub(super) failed: bool,
    /// Whether each statement is a transaction of its own, unless one was begun.
    pub(super) autocommit: bool,
}

/// A statement as SQLite runs it.
pub(super) struct Written {
    pub(super) kind: Kind,
    sql: String,
    binds: Vec<Bind>,
    pub(super) parameters: Vec<Type>,
    pub(super) columns: Vec<Column>,
    /// Whether the rows that it inserts are numbered.
    generates: bool,
}

impl Worker {
    pub(super) fn new(connection: Connection, dialect: Dialect, interrupt: Arc<Interrupt>) -> Self {
        Self {
            connection,
            dialect,
            interrupt,
            depth: 0,
            failed: false,
            autocommit: true,
        }
    }

    /// Reads a statement, and says it to SQLite.
    pub(super) fn write(&self, tree: &Tree, declared: &[Declared]) -> Result<Written, Fault> {
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

    pub(super) fn run(&mut self, prepared: &Prepared, values: &[Value]) -> Result<Outcome, Fault> {
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

    pub(super) fn fail(&mut self) {
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

    /// Begins, commits or rolls back.
    pub(super) fn turn(&mut self, kind: Kind) -> Result<Kind, Fault> {
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
        Bind::Required(index, _, fault) if *given(index) == Value::Null => {
            return Err(fault.clone());
        }
        Bind::Required(index, kind, _) => kind.fit(given(index))?,
        Bind::Rows(index) => match Type::BigInt.fit(given(index))? {
            rows @ Value::Int(0..) => rows,
            other => return Err(Fault::Invalid(Type::BigInt, other.shown())),
        },
    };
    Ok(value.stored())
}

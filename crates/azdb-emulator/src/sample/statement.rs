//! A statement: which ones there are, and how they come to SQLite.

use rusqlite::Connection;
use sqlparser::ast::{
    Statement as Tree, TransactionAccessMode, TransactionIsolationLevel, TransactionMode,
};

use super::expression::{Bind, Declared, Writer};
use super::fault::Fault;
use super::parse::{Dialect, Statement};
use super::query::Column;
use super::types::{Type, Value};

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

impl Outcome {
    pub(super) fn of(kind: Kind) -> Self {
        Self {
            kind,
            columns: Vec::new(),
            rows: Vec::new(),
            affected: 0,
            last_id: None,
        }
    }
}

/// A statement as SQLite runs it.
pub(super) struct Written {
    pub(super) kind: Kind,
    pub(super) sql: String,
    pub(super) binds: Vec<Bind>,
    pub(super) parameters: Vec<Type>,
    pub(super) columns: Vec<Column>,
    /// Whether the rows that it inserts are numbered.
    pub(super) generates: bool,
}

impl Written {
    /// Reads a statement, and says it to SQLite.
    pub(super) fn new(
        connection: &Connection,
        dialect: Dialect,
        tree: &Tree,
        declared: &[Declared],
    ) -> Result<Self, Fault> {
        let mut writer = Writer {
            connection,
            dialect,
            declared,
            table: None,
            sql: String::new(),
            binds: Vec::new(),
            parameters: vec![None; declared.len()],
        };
        let mut columns = Vec::new();
        let kind = match tree.clone() {
            Tree::Query(query) => {
                columns = writer.query(*query)?;
                Kind::Select
            }
            Tree::Insert(insert) => writer.insert(insert).map(|()| Kind::Insert)?,
            Tree::Update(update) => writer.update(update).map(|()| Kind::Update)?,
            Tree::Delete(delete) => writer.delete(delete).map(|()| Kind::Delete)?,
            Tree::CreateTable(create) => writer.create(create).map(|()| Kind::CreateTable)?,
            Tree::Drop { .. } => writer.drop(tree).map(|()| Kind::DropTable)?,
            other => turn_of(&other).ok_or_else(|| writer.unknown(&format!("`{other}`")))?,
        };
        let told = declared.iter().map(|one| one.kind);
        let told = told.chain(std::iter::repeat(None));
        let parameters = writer.parameters.into_iter().zip(told);
        let parameters = parameters.map(|(found, told)| told.or(found).unwrap_or(Type::Text(None)));
        let mut inserted = writer.table.iter().filter(|_| kind == Kind::Insert);
        Ok(Self {
            kind,
            sql: writer.sql,
            binds: writer.binds,
            parameters: parameters.collect(),
            columns,
            generates: inserted.any(|table| table.columns.iter().any(|one| one.generated)),
        })
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

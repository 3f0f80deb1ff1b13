//! What runs on a blocking thread: statements and transactions on one SQLite connection.

use std::sync::{Arc, PoisonError};

use pgwire::messages::response::TransactionStatus;
use rusqlite::Connection;
use rusqlite::types::Value;

use super::cursor::Cursors;
use super::prepare::{Prepared, ResultColumn};
use crate::postgres::error::SqlError;
use crate::postgres::functions::Surroundings;
use crate::postgres::sql::command::Command;
use crate::postgres::sql::{lexer, statements};

/// The transaction that the client knows of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Block {
    /// None; each statement is on its own.
    None,
    Open,
    /// A statement failed; nothing but its end is accepted.
    Failed,
}

/// What a statement came to.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Result columns, for a statement that has any.
    pub(super) columns: Option<Vec<ResultColumn>>,
    pub(super) rows: Vec<Vec<Value>>,
    /// The command tag, without the number of rows when there are rows.
    pub(super) tag: String,
    /// Settings to report to the client.
    pub(super) reports: Vec<(String, String)>,
    /// Warnings: SQLSTATE and text.
    pub(super) warnings: Vec<(&'static str, &'static str)>,
}

impl Outcome {
    pub(super) fn done(tag: impl Into<String>) -> Self {
        Self {
            tag: tag.into(),
            ..Self::default()
        }
    }

    pub(super) fn warning(mut self, code: &'static str, text: &'static str) -> Self {
        self.warnings.push((code, text));
        self
    }
}

/// A connection and its transaction.
pub(super) struct Worker {
    pub(super) connection: Connection,
    pub(super) session: Arc<Surroundings>,
    block: Block,
    pub(super) cursors: Cursors,
    /// Whether SQLite's transaction is only that of a query string with several statements.
    implicit: bool,
}

impl Worker {
    pub(super) fn new(connection: Connection, session: Arc<Surroundings>) -> Self {
        Self {
            connection,
            session,
            block: Block::None,
            cursors: Cursors::default(),
            implicit: false,
        }
    }

    /// What ReadyForQuery says.
    pub(super) fn status(&self) -> TransactionStatus {
        match self.block {
            Block::None => TransactionStatus::Idle,
            Block::Open => TransactionStatus::Transaction,
            Block::Failed => TransactionStatus::Error,
        }
    }

    /// Whether a transaction block is open.
    pub(super) fn in_block(&self) -> bool {
        self.block != Block::None || self.implicit
    }

    /// Runs a query string: what its statements came to, up to the first that failed.
    pub(super) fn run_all(&mut self, sql: &str) -> (Vec<Outcome>, Option<SqlError>) {
        let tokens = lexer::tokens(sql);
        let statements = statements(&tokens);
        let mut outcomes = Vec::new();
        if statements.len() > 1 && self.block == Block::None {
            if let Err(error) = self.sqlite("begin") {
                return (outcomes, Some(error));
            }
            self.implicit = true;
        }
        let mut failure = None;
        for tokens in statements {
            let outcome = self
                .prepare(&tokens, &[])
                .and_then(|prepared| self.run(&prepared, Vec::new()));
            match outcome {
                Ok(outcome) => outcomes.push(outcome),
                Err(error) => {
                    failure = Some(self.failed(error));
                    break;
                }
            }
        }
        if std::mem::take(&mut self.implicit) && !self.connection.is_autocommit() {
            let end = if failure.is_some() {
                "rollback"
            } else {
                "commit"
            };
            if let Err(error) = self.sqlite(end) {
                failure = failure.or(Some(error));
            }
        }
        (outcomes, failure)
    }

    /// Runs one statement of the extended protocol.
    pub(super) fn run_one(
        &mut self,
        prepared: &Prepared,
        values: Vec<Value>,
    ) -> Result<Outcome, SqlError> {
        self.run(prepared, values)
            .map_err(|error| self.failed(error))
    }

    /// A failure ends what a transaction can do. Returns the error as the client is told it.
    pub(super) fn failed(&mut self, error: SqlError) -> SqlError {
        if self.block == Block::Open {
            self.block = Block::Failed;
        }
        if error.code == "57014" && self.session.interrupt.timed_out() {
            return SqlError::new("57014", "canceling statement due to statement timeout");
        }
        let catalog = self
            .session
            .catalog
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        match error
            .check_expression
            .as_ref()
            .and_then(|check| catalog.check(check))
        {
            Some((relation, name)) => SqlError::check(relation, name),
            None => error,
        }
    }

    /// Says no when the transaction has failed and this would not end it.
    pub(super) fn check_block(&self, command: &Command) -> Result<(), SqlError> {
        let ends = matches!(
            command,
            Command::Commit | Command::Rollback | Command::RollbackTo
        );
        if self.block == Block::Failed && !ends {
            return Err(SqlError::new(
                "25P02",
                "current transaction is aborted, commands ignored until end of transaction block",
            ));
        }
        Ok(())
    }

    pub(super) fn begin(&mut self) -> Result<Outcome, SqlError> {
        let outcome = Outcome::done("BEGIN");
        if self.block == Block::Open {
            return Ok(outcome.warning("25001", "there is already a transaction in progress"));
        }
        if !std::mem::take(&mut self.implicit) {
            self.sqlite("begin")?;
        }
        self.block = Block::Open;
        Ok(outcome)
    }

    pub(super) fn commit(&mut self) -> Result<Outcome, SqlError> {
        match self.block {
            Block::Failed => self.rollback(),
            Block::Open => {
                self.block = Block::None;
                self.cursors.end_transaction();
                if let Err(error) = self.sqlite("commit") {
                    if !self.connection.is_autocommit() {
                        self.sqlite("rollback")?;
                    }
                    return Err(error);
                }
                Ok(Outcome::done("COMMIT"))
            }
            Block::None => {
                if std::mem::take(&mut self.implicit) {
                    self.sqlite("commit")?;
                }
                let outcome = Outcome::done("COMMIT");
                Ok(outcome.warning("25P01", "there is no transaction in progress"))
            }
        }
    }

    pub(super) fn rollback(&mut self) -> Result<Outcome, SqlError> {
        let outcome = Outcome::done("ROLLBACK");
        let known = std::mem::replace(&mut self.block, Block::None);
        self.implicit = false;
        self.cursors.end_transaction();
        // SQLite may have rolled back by itself, after an interrupt for example.
        if !self.connection.is_autocommit() {
            self.sqlite("rollback")?;
        }
        match known {
            Block::None => Ok(outcome.warning("25P01", "there is no transaction in progress")),
            Block::Open | Block::Failed => Ok(outcome),
        }
    }

    /// `savepoint` and `release`, in SQLite's words.
    pub(super) fn savepoint(&mut self, tag: &str, sql: &str) -> Result<Outcome, SqlError> {
        if self.block == Block::None {
            let message = format!("{tag} can only be used in transaction blocks");
            return Err(SqlError::new("25P01", message));
        }
        self.sqlite(sql)?;
        Ok(Outcome::done(tag))
    }

    pub(super) fn rollback_to(&mut self, sql: &str) -> Result<Outcome, SqlError> {
        let outcome = self.savepoint("ROLLBACK", sql)?;
        self.block = Block::Open;
        Ok(outcome)
    }

    /// Runs SQL in SQLite's own words.
    pub(super) fn sqlite(&self, sql: &str) -> Result<(), SqlError> {
        self.connection.execute_batch(sql).map_err(SqlError::from)
    }
}

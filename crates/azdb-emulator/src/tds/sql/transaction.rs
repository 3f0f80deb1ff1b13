//! Transactions: SQLite has one level, T-SQL counts them.

use rusqlite::Connection;

use super::super::request::Transaction;
use super::super::token::{Refusal, change, done};
use super::errors::Stop;
use super::rewrite::literal;
use super::{Engine, Sink};

/// The transactions of a session.
#[derive(Default)]
pub(super) struct Transactions {
    depth: u32,
    last: u64,
}

impl Transactions {
    pub(super) fn depth(&self) -> u32 {
        self.depth
    }

    /// What requests inside the transaction must name; 0 outside.
    pub(super) fn descriptor(&self) -> u64 {
        if self.depth == 0 { 0 } else { self.last }
    }

    pub(super) fn status(&self) -> u16 {
        if self.depth == 0 {
            0
        } else {
            done::IN_TRANSACTION
        }
    }

    /// Rolls back whatever is open, telling nobody.
    pub(super) fn abandon(&mut self, connection: &Connection) {
        if self.depth > 0
            && let Err(error) = connection.execute_batch("rollback")
        {
            tracing::debug!(%error, "nothing to roll back");
        }
        self.depth = 0;
    }
}

impl Engine {
    /// Serves a transaction manager request.
    pub(super) fn transaction(&mut self, asked: Transaction, sink: &mut Sink) -> Result<(), Stop> {
        match asked {
            Transaction::Begin => self.begin(sink)?,
            Transaction::Commit { begin } => {
                self.commit(sink)?;
                if begin {
                    self.begin(sink)?;
                }
            }
            Transaction::Rollback { name, begin } => {
                self.rollback((!name.is_empty()).then_some(name), sink)?;
                if begin {
                    self.begin(sink)?;
                }
            }
            Transaction::Save(name) => self.save(&name)?,
            Transaction::Other(_) => {
                let text = "This transaction manager request is not emulated.";
                return Err(Refusal::new(3971, text).class(16).into());
            }
        }
        sink.done(self.status(), 0, 0);
        Ok(())
    }

    pub(super) fn begin(&mut self, sink: &mut Sink) -> Result<(), Stop> {
        if self.transactions.depth == 0 {
            self.connection.execute_batch("begin")?;
            self.transactions.last += 1;
            let descriptor = self.transactions.last.to_le_bytes();
            sink.tokens().changed_bytes(change::BEGIN, &descriptor, &[]);
        }
        self.transactions.depth += 1;
        Ok(())
    }

    pub(super) fn commit(&mut self, sink: &mut Sink) -> Result<(), Stop> {
        match self.transactions.depth {
            0 => {
                let text = "The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION.";
                return Err(Stop::Statement(Refusal::new(3902, text).class(16)));
            }
            1 => {
                self.connection.execute_batch("commit")?;
                let descriptor = self.transactions.last.to_le_bytes();
                sink.tokens()
                    .changed_bytes(change::COMMIT, &[], &descriptor);
            }
            _ => {}
        }
        self.transactions.depth -= 1;
        Ok(())
    }

    pub(super) fn rollback(&mut self, name: Option<String>, sink: &mut Sink) -> Result<(), Stop> {
        if self.transactions.depth == 0 {
            let text = "The ROLLBACK TRANSACTION request has no corresponding BEGIN TRANSACTION.";
            return Err(Stop::Statement(Refusal::new(3903, text).class(16)));
        }
        if let Some(name) = name {
            let back = format!("rollback to {}", literal(&name));
            if self.connection.execute_batch(&back).is_ok() {
                return Ok(());
            }
        }
        self.connection.execute_batch("rollback")?;
        self.transactions.depth = 0;
        let descriptor = self.transactions.last.to_le_bytes();
        sink.tokens()
            .changed_bytes(change::ROLLBACK, &[], &descriptor);
        Ok(())
    }

    pub(super) fn save(&mut self, name: &str) -> Result<(), Stop> {
        if self.transactions.depth == 0 {
            let text = "Cannot issue SAVE TRANSACTION when there is no active transaction.";
            return Err(Stop::Statement(Refusal::new(628, text).class(16)));
        }
        self.connection
            .execute_batch(&format!("savepoint {}", literal(name)))?;
        Ok(())
    }
}

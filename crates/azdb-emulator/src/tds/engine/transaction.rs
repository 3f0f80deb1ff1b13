//! Transactions, by request and by statement.

use super::super::request::Transaction;
use super::super::token::{Refusal, change};
use super::{Engine, Sink, rows, unknown};
use crate::sample::Kind;

fn missing(number: u32, word: &str) -> Refusal {
    let text = format!("The {word} TRANSACTION request has no corresponding BEGIN TRANSACTION.");
    Refusal::new(number, text).class(16)
}

/// Tells of a transaction's descriptor, which older clients know nothing of.
fn told(sink: &mut Sink<'_>, change: u8, new: &[u8], old: &[u8]) {
    if sink.version().is_wide() {
        sink.tokens().changed_bytes(change, new, old);
    }
}

impl Engine {
    /// What requests inside the transaction must name; 0 outside.
    pub(super) fn descriptor(&self) -> u64 {
        match self.session.depth() {
            0 => 0,
            _ => self.transactions,
        }
    }

    /// Serves a transaction manager request.
    pub(super) fn transaction(
        &mut self,
        asked: Transaction,
        sink: &mut Sink<'_>,
    ) -> Result<(), Refusal> {
        let begins = match asked {
            Transaction::Begin => true,
            Transaction::Commit { begin } => {
                self.commit(sink)?;
                begin
            }
            Transaction::Rollback { begin } => {
                self.rollback(sink)?;
                begin
            }
            Transaction::Other(what) => return Err(unknown(what)),
        };
        if begins {
            self.begin(sink)?;
        }
        sink.done(self.status(), 0, 0);
        Ok(())
    }

    pub(super) fn begin(&mut self, sink: &mut Sink<'_>) -> Result<(), Refusal> {
        self.session.turn(Kind::Begin).map_err(rows::refusal)?;
        if self.session.depth() == 1 {
            self.transactions += 1;
            self.transaction_name = None;
            let descriptor = self.transactions.to_le_bytes();
            told(sink, change::BEGIN, &descriptor, &[]);
        }
        Ok(())
    }

    /// The same by a name, which means something in the outermost transaction alone.
    pub(super) fn begin_as(&mut self, name: &str, sink: &mut Sink<'_>) -> Result<(), Refusal> {
        self.begin(sink)?;
        if self.session.depth() == 1 {
            self.transaction_name = Some(name.to_owned());
        }
        Ok(())
    }

    pub(super) fn commit(&mut self, sink: &mut Sink<'_>) -> Result<(), Refusal> {
        if self.session.depth() == 0 {
            return Err(missing(3902, "COMMIT"));
        }
        self.end(Kind::Commit, change::COMMIT, sink)
    }

    /// Rolls back all levels.
    pub(super) fn rollback(&mut self, sink: &mut Sink<'_>) -> Result<(), Refusal> {
        if self.session.depth() == 0 {
            return Err(missing(3903, "ROLLBACK"));
        }
        self.end(Kind::Rollback, change::ROLLBACK, sink)
    }

    /// Marks a point of the transaction.
    pub(super) fn save(&mut self, name: &str) -> Result<(), Refusal> {
        if self.session.depth() == 0 {
            let text = "Cannot issue SAVE TRANSACTION when there is no active transaction.";
            return Err(Refusal::new(628, text).class(16));
        }
        self.session.save(name).map_err(rows::refusal)
    }

    /// Takes back what came after a point that was marked; all of it by the outermost transaction's own name.
    pub(super) fn rollback_to(&mut self, name: &str, sink: &mut Sink<'_>) -> Result<(), Refusal> {
        if self.transaction_name.as_deref() == Some(name) {
            return self.rollback(sink);
        }
        if self.session.depth() == 0 {
            return Err(missing(3903, "ROLLBACK"));
        }
        self.session.rollback_to(name).map_err(|_unknown| {
            let text = format!(
                "Cannot roll back {name}. No transaction or savepoint of that name was found."
            );
            Refusal::new(6401, text).class(16)
        })
    }

    fn end(&mut self, kind: Kind, change: u8, sink: &mut Sink<'_>) -> Result<(), Refusal> {
        self.session.turn(kind).map_err(rows::refusal)?;
        if self.session.depth() == 0 {
            let descriptor = self.transactions.to_le_bytes();
            told(sink, change, &[], &descriptor);
        }
        Ok(())
    }
}

//! The isolation level of a session: kept, and told; the sample itself knows one.

use super::super::token::Refusal;
use super::super::value::{Datum, SqlColumn, SqlType};
use super::canned::Canned;
use super::{Engine, unknown};

/// As `sys.dm_exec_sessions` numbers it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Isolation {
    ReadUncommitted = 1,
    #[default]
    ReadCommitted,
    RepeatableRead,
    Serializable,
    Snapshot,
}

impl Engine {
    /// `SET TRANSACTION ISOLATION LEVEL` and these words.
    pub(super) fn isolate(&mut self, level: &[&str]) -> Result<(), Refusal> {
        self.isolation = match level {
            ["read", "uncommitted"] => Isolation::ReadUncommitted,
            ["read", "committed"] => Isolation::ReadCommitted,
            ["repeatable", "read"] => Isolation::RepeatableRead,
            ["serializable"] => Isolation::Serializable,
            ["snapshot"] => Isolation::Snapshot,
            level => return Err(unknown(&format!("isolation level {}", level.join(" ")))),
        };
        Ok(())
    }

    /// What a session asks of itself.
    pub(super) fn own_session(&self, column: &str) -> Option<Canned> {
        let (name, level) = ("transaction_isolation_level", self.isolation as i64);
        (column == name).then(|| Canned {
            columns: vec![SqlColumn::computed(name, SqlType::SmallInt)],
            rows: Box::new(std::iter::once(vec![Datum::Int(level)])),
        })
    }
}

//! Cursors of SQL: `declare`, `fetch`, `move`, `close`.

use std::collections::{HashMap, VecDeque};

use rusqlite::types::Value;

use super::prepare::ResultColumn;
use super::worker::{Outcome, Worker};
use crate::postgres::error::SqlError;
use crate::postgres::sql::lexer::{self, Kind, Token};
use crate::postgres::sql::significant;

/// A cursor's rows that were not yet fetched.
pub(super) struct Cursor {
    columns: Vec<ResultColumn>,
    rows: VecDeque<Vec<Value>>,
    /// Whether it outlives its transaction.
    hold: bool,
}

/// A session's cursors by name.
#[derive(Default)]
pub(super) struct Cursors {
    open: HashMap<String, Cursor>,
}

impl Cursors {
    /// The columns of a cursor.
    pub(super) fn columns(&self, name: &str) -> Option<&[ResultColumn]> {
        self.open.get(name).map(|cursor| cursor.columns.as_slice())
    }

    /// A transaction is over.
    pub(super) fn end_transaction(&mut self) {
        self.open.retain(|_, cursor| cursor.hold);
    }

    pub(super) fn close_all(&mut self) {
        self.open.clear();
    }

    fn get(&mut self, name: &str) -> Result<&mut Cursor, SqlError> {
        let cursor = self.open.get_mut(name);
        cursor.ok_or_else(|| SqlError::new("34000", format!("cursor \"{name}\" does not exist")))
    }
}

/// The name of the cursor that `fetch`, `move` or `close` is about: the last one in it.
pub(super) fn named(words: &[Token<'_>]) -> Option<String> {
    words.iter().rev().find_map(Token::name)
}

impl Worker {
    /// `declare name .. cursor .. for query`: runs the query and keeps its rows.
    pub(super) fn declare(&mut self, source: &str) -> Result<Outcome, SqlError> {
        let tokens = lexer::tokens(source);
        let words = significant(&tokens);
        let name = words.get(1).and_then(Token::name);
        let query = tokens.iter().position(|token| token.is("for"));
        let (Some(name), Some(query)) = (name, query) else {
            return Err(SqlError::syntax_at("declare"));
        };
        let (options, query) = tokens.split_at(query);
        let hold = options.iter().any(|token| token.is("hold"))
            && !options.iter().any(|token| token.is("without"));
        if !hold && !self.in_block() {
            let message = "DECLARE CURSOR can only be used in transaction blocks";
            return Err(SqlError::new("25P01", message));
        }
        let prepared = self.prepare(query.get(1..).unwrap_or_default(), &[])?;
        let outcome = self.run(&prepared, Vec::new())?;
        let cursor = Cursor {
            columns: outcome.columns.unwrap_or_default(),
            rows: outcome.rows.into(),
            hold,
        };
        self.cursors.open.insert(name, cursor);
        Ok(Outcome::done("DECLARE CURSOR"))
    }

    /// `fetch` returns rows, `move` leaves them out. Cursors go only forward.
    pub(super) fn fetch(&mut self, source: &str) -> Result<Outcome, SqlError> {
        let tokens = lexer::tokens(source);
        let words = significant(&tokens);
        let has = |word: &str| words.iter().any(|token| token.is(word));
        if ["backward", "prior", "first", "last", "absolute", "relative"]
            .into_iter()
            .any(has)
        {
            return Err(SqlError::unsupported("FETCH other than forward"));
        }
        let number = words.iter().find(|token| token.kind == Kind::Number);
        let count = match number {
            Some(number) => number
                .text
                .parse()
                .map_err(|_| SqlError::syntax_at(number.text))?,
            None if has("all") => usize::MAX,
            None => 1,
        };
        let cursor = self.cursors.get(&named(&words).unwrap_or_default())?;
        let count = count.min(cursor.rows.len());
        let rows: Vec<Vec<Value>> = cursor.rows.drain(..count).collect();
        if words.first().is_some_and(|verb| verb.is("move")) {
            return Ok(Outcome::done(format!("MOVE {count}")));
        }
        Ok(Outcome {
            columns: Some(cursor.columns.clone()),
            rows,
            ..Outcome::done("FETCH")
        })
    }

    pub(super) fn close_cursor(&mut self, source: &str) -> Result<Outcome, SqlError> {
        let tokens = lexer::tokens(source);
        let name = named(&significant(&tokens)).unwrap_or_default();
        self.cursors.get(&name)?;
        self.cursors.open.remove(&name);
        Ok(Outcome::done("CLOSE CURSOR"))
    }
}

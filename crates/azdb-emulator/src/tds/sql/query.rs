//! One statement of SQL: bind, run, send rows.

use rusqlite::types::{Value, ValueRef};

use super::super::token::{Refusal, done};
use super::super::value::{self, Type};
use super::describe::columns;
use super::errors::Stop;
use super::lexer::Token;
use super::rewrite::{Rewritten, rewrite};
use super::{Engine, Sink};

/// Rows that are looked at before columns are described.
const PREVIEW: usize = 256;

/// Commands as DONE names them.
fn command(first: &str) -> u16 {
    match first {
        "select" | "with" | "(" => 0xc1,
        "insert" => 0xc3,
        "delete" => 0xc4,
        "update" => 0xc5,
        "create" => 0xc6,
        "drop" => 0xc7,
        _ => 0,
    }
}

impl Engine {
    /// Runs a statement of SQL.
    pub(super) fn sql(&mut self, tokens: &[Token], sink: &mut Sink) -> Result<(), Stop> {
        let first = tokens.first().map(|token| token.text.to_ascii_lowercase());
        let first = first.unwrap_or_default();
        let begins = [
            "select", "insert", "update", "delete", "create", "drop", "with", "truncate",
        ];
        let reads_table = first != "select" || tokens.iter().any(|token| token.is("from"));
        if self.implicit_transactions
            && self.transactions.depth() == 0
            && begins.contains(&first.as_str())
            && reads_table
        {
            self.begin(sink)?;
        }
        let rewritten = {
            let global = |name: &str| self.global(name);
            rewrite(tokens, &self.context(tokens, &global))?
        };
        tracing::trace!(sql = rewritten.sql, "runs");
        if !rewritten.assigns.is_empty() {
            return self.assign_all(&rewritten);
        }
        let status = self.status();
        let (count, is_query) = self.rows(&rewritten, sink)?;
        self.rows_affected = count;
        self.last_error = 0;
        let counts = !matches!(first.as_str(), "create" | "drop" | "alter") && !self.nocount;
        if is_query || counts {
            let counted = if counts { done::COUNT } else { 0 };
            sink.done(status | counted, command(&first), count);
        }
        Ok(())
    }

    /// Runs a statement and sends its rows. Gives how many there were, or were changed, and whether
    /// it had columns.
    fn rows(&self, rewritten: &Rewritten, sink: &mut Sink) -> Result<(u64, bool), Stop> {
        let mut statement = self.connection.prepare(&rewritten.sql)?;
        self.bind(&mut statement)?;
        let count = statement.column_count();
        if count == 0 {
            if self.metadata_only {
                return Ok((0, false));
            }
            let changed = statement.raw_execute()?;
            return Ok((u64::try_from(changed).unwrap_or(0), false));
        }
        let mut rows = statement.raw_query();
        let mut preview: Vec<Vec<Value>> = Vec::new();
        let mut are_all = self.metadata_only;
        while !are_all && preview.len() < PREVIEW {
            match rows.next()? {
                Some(row) => {
                    let values = (0..count).map(|at| row.get::<_, Value>(at));
                    preview.push(values.collect::<rusqlite::Result<_>>()?);
                }
                None => are_all = true,
            }
        }
        let Some(statement) = rows.as_ref() else {
            return self.described_rows(rewritten, &preview, sink);
        };
        let columns = columns(statement, &rewritten.items, &preview, are_all);
        sink.tokens().bytes.extend(value::column_metadata(&columns));
        let mut sent = 0;
        for row in &preview {
            let values: Vec<ValueRef<'_>> = row.iter().map(ValueRef::from).collect();
            send(&columns, &values, sink)?;
            sent += 1;
        }
        while let Some(row) = next_of(&mut rows, are_all)? {
            let values = (0..count).map(|at| row.get_ref(at));
            let values: Vec<ValueRef<'_>> = values.collect::<rusqlite::Result<_>>()?;
            send(&columns, &values, sink)?;
            sent += 1;
        }
        Ok((sent, true))
    }

    /// The same for a result whose rows have all come: rusqlite has let go of the statement.
    fn described_rows(
        &self,
        rewritten: &Rewritten,
        rows: &[Vec<Value>],
        sink: &mut Sink,
    ) -> Result<(u64, bool), Stop> {
        let statement = self.connection.prepare(&rewritten.sql)?;
        let columns = columns(&statement, &rewritten.items, rows, true);
        sink.tokens().bytes.extend(value::column_metadata(&columns));
        for row in rows {
            let values: Vec<ValueRef<'_>> = row.iter().map(ValueRef::from).collect();
            send(&columns, &values, sink)?;
        }
        Ok((u64::try_from(rows.len()).unwrap_or(0), true))
    }

    /// Gives a statement's parameters the values of the variables that they name.
    fn bind(&self, statement: &mut rusqlite::Statement<'_>) -> Result<(), Stop> {
        for at in 1..=statement.parameter_count() {
            let name = statement
                .parameter_name(at)
                .unwrap_or_default()
                .to_ascii_lowercase();
            let Some((_, value)) = self.variables.get(&name) else {
                let text = format!("Must declare the scalar variable \"{name}\".");
                return Err(Refusal::new(137, text).class(15).into());
            };
            statement.raw_bind_parameter(at, value)?;
        }
        Ok(())
    }

    /// `SELECT @a = x, @b = y ...`: the last row wins.
    fn assign_all(&mut self, rewritten: &Rewritten) -> Result<(), Stop> {
        let (found, last) = {
            let mut statement = self.connection.prepare(&rewritten.sql)?;
            self.bind(&mut statement)?;
            let count = statement.column_count();
            let mut rows = statement.raw_query();
            let mut last: Option<Vec<Value>> = None;
            let mut found = 0;
            while let Some(row) = rows.next()? {
                let values = (0..count).map(|at| row.get::<_, Value>(at));
                last = Some(values.collect::<rusqlite::Result<_>>()?);
                found += 1;
            }
            (found, last)
        };
        self.rows_affected = found;
        for (name, value) in rewritten.assigns.iter().zip(last.into_iter().flatten()) {
            self.assign(name, value)?;
        }
        Ok(())
    }

    /// Sets a variable that was declared.
    pub(super) fn assign(&mut self, name: &str, value: Value) -> Result<(), Stop> {
        match self.variables.get_mut(&name.to_ascii_lowercase()) {
            Some((_, old)) => {
                *old = value;
                Ok(())
            }
            None => {
                let text = format!("Must declare the scalar variable \"{name}\".");
                Err(Refusal::new(137, text).class(15).into())
            }
        }
    }

    /// The value of an expression.
    pub(super) fn evaluate(&self, tokens: &[Token]) -> Result<Value, Stop> {
        let sql = {
            let global = |name: &str| self.global(name);
            self.context(tokens, &global).level(tokens)?
        };
        let mut statement = self.connection.prepare(&format!("select {sql}"))?;
        self.bind(&mut statement)?;
        let mut rows = statement.raw_query();
        let row = rows.next()?;
        Ok(row
            .map(|row| row.get(0))
            .transpose()?
            .unwrap_or(Value::Null))
    }
}

/// The next row, where there may be one: a statement that is only described must not run.
fn next_of<'a, 'statement>(
    rows: &'a mut rusqlite::Rows<'statement>,
    are_all: bool,
) -> rusqlite::Result<Option<&'a rusqlite::Row<'statement>>> {
    if are_all { Ok(None) } else { rows.next() }
}

fn send(columns: &[(String, Type)], values: &[ValueRef<'_>], sink: &mut Sink) -> Result<(), Stop> {
    value::row(&mut sink.tokens().bytes, columns, values).map_err(|unfit| {
        Stop::Statement(Refusal::new(8115, unfit.to_string()).class(16).state(2))
    })?;
    sink.relieve()?;
    Ok(())
}

//! Running a statement.

use rusqlite::types::Value;

use super::prepare::{Prepared, ResultColumn};
use super::worker::{Outcome, Worker};
use crate::postgres::error::SqlError;
use crate::postgres::sql::command::Command;
use crate::postgres::sql::infer::Scope;
use crate::postgres::sql::lexer::{self, Kind, Token};
use crate::postgres::sql::rewrite::rewrite;
use crate::postgres::sql::significant;
use crate::sqlite::BUSY_TIMEOUT;

impl Worker {
    /// Runs a statement with its parameters.
    pub(super) fn run(
        &mut self,
        prepared: &Prepared,
        values: Vec<Value>,
    ) -> Result<Outcome, SqlError> {
        self.check_block(&prepared.command)?;
        match &prepared.command {
            Command::Query => self.rows(prepared, values, "SELECT"),
            Command::Change(tag) if prepared.columns.is_some() => self.rows(prepared, values, tag),
            Command::Change(tag) => {
                let mut statement = self.connection.prepare_cached(&prepared.sql)?;
                bind(&mut statement, values)?;
                let count = statement.raw_execute()?;
                Ok(Outcome::done(format!("{tag} {count}")))
            }
            Command::Define(tag) => self.define(prepared, tag),
            Command::Ignore(tag) => Ok(Outcome::done(tag.as_str())),
            Command::Truncate => self.truncate(&prepared.source),
            Command::Explain => self.explain(&prepared.source),
            Command::Declare => self.declare(&prepared.source),
            Command::Fetch => self.fetch(&prepared.source),
            Command::CloseCursor => self.close_cursor(&prepared.source),
            Command::CloseAll => {
                self.cursors.close_all();
                Ok(Outcome::done("CLOSE CURSOR ALL"))
            }
            Command::Begin => self.begin(),
            Command::Commit => self.commit(),
            Command::Rollback => self.rollback(),
            Command::Savepoint(tag) => self.savepoint(tag, &prepared.sql),
            Command::RollbackTo => self.rollback_to(&prepared.sql),
            Command::Set(name, value) => self.set(name, value.as_deref()),
            Command::ResetAll(tag) => Ok(self.reset_all(tag)),
            Command::Show(name) => {
                let value = self.session.settings.show(name)?;
                Ok(shown(prepared, vec![vec![Value::Text(value)]]))
            }
            Command::ShowAll => {
                let settings = self.session.settings.all().into_iter();
                let rows = settings
                    .map(|(name, value)| [name, value, String::new()].map(Value::Text).to_vec());
                Ok(shown(prepared, rows.collect()))
            }
            Command::Copy => Err(SqlError::unsupported("COPY in this place")),
            Command::Unsupported(what) => Err(SqlError::unsupported(what)),
            Command::Unknown(word) => Err(SqlError::syntax_at(word)),
        }
    }

    fn set(&self, name: &str, value: Option<&str>) -> Result<Outcome, SqlError> {
        let report = self.session.settings.set(name, value)?;
        if name == "lock_timeout" {
            let limit = self.session.settings.limit("lock_timeout");
            self.connection
                .busy_timeout(limit.unwrap_or(BUSY_TIMEOUT))?;
        }
        Ok(Outcome {
            reports: report.into_iter().collect(),
            ..Outcome::done(if value.is_none() { "RESET" } else { "SET" })
        })
    }

    fn reset_all(&mut self, tag: &str) -> Outcome {
        self.session.settings.reset_all();
        if tag == "DISCARD ALL" {
            self.cursors.close_all();
        }
        Outcome {
            reports: self.session.settings.reported(),
            ..Outcome::done(tag)
        }
    }

    fn rows(
        &self,
        prepared: &Prepared,
        values: Vec<Value>,
        tag: &str,
    ) -> Result<Outcome, SqlError> {
        let mut statement = self.connection.prepare_cached(&prepared.sql)?;
        bind(&mut statement, values)?;
        let width = statement.column_count();
        let mut columns = prepared.columns.clone().unwrap_or_default();
        if columns.len() != width {
            return Err(SqlError::new(
                "0A000",
                "cached plan must not change result type",
            ));
        }
        let mut found = Vec::new();
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next()? {
            let row: Result<Vec<Value>, rusqlite::Error> =
                (0..width).map(|at| row.get::<_, Value>(at)).collect();
            found.push(row?);
        }
        for (at, column) in columns.iter_mut().enumerate() {
            column.learn(found.iter().filter_map(|row| row.get(at).cloned()));
        }
        Ok(Outcome {
            columns: Some(columns),
            rows: found,
            ..Outcome::done(tag)
        })
    }

    /// What SQLite runs as it is, but for `drop`, which takes one name at a time there.
    fn define(&mut self, prepared: &Prepared, tag: &str) -> Result<Outcome, SqlError> {
        let tokens = lexer::tokens(&prepared.source);
        let words = significant(&tokens);
        match dropped(&words) {
            Some(statements) => {
                for statement in statements {
                    self.sqlite(&statement)?;
                }
            }
            None => self.sqlite(&prepared.sql)?,
        }
        Ok(Outcome::done(tag))
    }

    fn truncate(&mut self, source: &str) -> Result<Outcome, SqlError> {
        let tokens = lexer::tokens(source);
        let mut words = significant(&tokens);
        words.retain(|word| {
            !["truncate", "table", "only"]
                .iter()
                .any(|skip| word.is(skip))
        });
        for names in words.split(|word| word.kind == Kind::Comma) {
            let end = names.iter().position(|word| {
                ["restart", "continue", "cascade", "restrict"]
                    .iter()
                    .any(|end| word.is(end))
            });
            let name = rewrite(
                names.get(..end.unwrap_or(names.len())).unwrap_or_default(),
                &Scope::new(),
            )?;
            self.sqlite(&format!("delete from {name}"))?;
        }
        Ok(Outcome::done("TRUNCATE TABLE"))
    }

    /// SQLite's plan, one line per step.
    fn explain(&mut self, source: &str) -> Result<Outcome, SqlError> {
        let tokens = lexer::tokens(source);
        let verbs = ["select", "insert", "update", "delete", "with", "values"];
        let start = tokens
            .iter()
            .position(|token| verbs.iter().any(|verb| token.is(verb)));
        let Some(statement) = start.and_then(|start| tokens.get(start..)) else {
            return Err(SqlError::unsupported("EXPLAIN of this"));
        };
        let prepared = self.prepare(statement, &[])?;
        let sql = format!("explain query plan {}", prepared.sql);
        let mut statement = self.connection.prepare(&sql)?;
        let mut rows = statement.raw_query();
        let mut depths: Vec<(i64, usize)> = Vec::new();
        let mut lines = Vec::new();
        while let Some(row) = rows.next()? {
            let (id, parent, detail): (i64, i64, String) = (row.get(0)?, row.get(1)?, row.get(3)?);
            let above = depths.iter().find(|(known, _)| *known == parent);
            let depth = above.map_or(0, |(_, depth)| depth + 1);
            depths.push((id, depth));
            let arrow = if depth > 0 { "->  " } else { "" };
            lines.push(vec![Value::Text(format!(
                "{}{arrow}{detail}",
                "  ".repeat(depth)
            ))]);
        }
        Ok(Outcome {
            columns: Some(vec![ResultColumn::text("QUERY PLAN")]),
            rows: lines,
            ..Outcome::done("EXPLAIN")
        })
    }
}

/// The result of a `show`.
fn shown(prepared: &Prepared, rows: Vec<Vec<Value>>) -> Outcome {
    Outcome {
        columns: prepared.columns.clone(),
        rows,
        ..Outcome::done("SHOW")
    }
}

fn bind(statement: &mut rusqlite::CachedStatement<'_>, values: Vec<Value>) -> Result<(), SqlError> {
    let wanted = statement.parameter_count();
    for (at, value) in (1..).zip(values).take(wanted) {
        statement.raw_bind_parameter(at, value)?;
    }
    Ok(())
}

/// One statement for each name in `drop table a, b cascade`.
fn dropped(words: &[Token<'_>]) -> Option<Vec<String>> {
    let [drop, kind, rest @ ..] = words else {
        return None;
    };
    if !drop.is("drop") {
        return None;
    }
    let (condition, names) = match rest {
        [word, exists, names @ ..] if word.is("if") && exists.is("exists") => ("if exists ", names),
        names => ("", names),
    };
    let statements = names.split(|word| word.kind == Kind::Comma).map(|name| {
        let name = name
            .iter()
            .filter(|word| !word.is("cascade") && !word.is("restrict"));
        let name: String = name
            .map(|word| if word.is("public") { "main" } else { word.text })
            .collect();
        format!("drop {} {condition}{name}", kind.text)
    });
    Some(statements.collect())
}

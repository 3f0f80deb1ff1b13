//! A statement understood: its command, its SQL for SQLite, its parameters and results.

use std::sync::PoisonError;

use rusqlite::types::Value;

use super::cursor::named;
use super::worker::Worker;
use crate::postgres::catalog;
use crate::postgres::error::SqlError;
use crate::postgres::sql::command::{Command, command, returns_rows};
use crate::postgres::sql::defaults::{Defaults, spelled_out};
use crate::postgres::sql::infer::{Scope, aliases, result_list, type_of};
use crate::postgres::sql::lexer::{self, Kind, Token};
use crate::postgres::sql::parameters::parameter_types;
use crate::postgres::sql::rewrite::rewrite;
use crate::postgres::sql::significant;
use crate::postgres::types::{BYTEA, ColumnType, FLOAT8, INT8, TEXT};

/// A statement that is ready to run.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) command: Command,
    /// The statement as it came.
    pub(super) source: String,
    /// For SQLite; empty for commands that it does not see.
    pub(super) sql: String,
    pub(super) parameters: Vec<ColumnType>,
    /// Its results; `None` for a statement without.
    pub(super) columns: Option<Vec<ResultColumn>>,
}

impl Prepared {
    /// A query string without a statement.
    pub(super) fn empty() -> Self {
        Self {
            command: Command::Ignore(String::new()),
            source: String::new(),
            sql: String::new(),
            parameters: Vec::new(),
            columns: None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.source.is_empty()
    }
}

/// A column of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ResultColumn {
    pub(super) name: String,
    /// Its type; `None` when only the values can tell.
    pub(super) known: Option<ColumnType>,
    /// Whether it is a table's column, whose modifier is told.
    pub(super) plain: bool,
}

impl ResultColumn {
    pub(super) fn text(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            known: Some(TEXT),
            plain: false,
        }
    }

    /// Its type, `text` when it is not known.
    pub(super) fn ty(&self) -> ColumnType {
        self.known.unwrap_or(TEXT)
    }

    /// Takes the type of the first value that is none other than NULL.
    pub(super) fn learn(&mut self, values: impl IntoIterator<Item = Value>) {
        if self.known.is_some() {
            return;
        }
        self.known = values.into_iter().find_map(|value| match value {
            Value::Null => None,
            Value::Integer(_) => Some(INT8),
            Value::Real(_) => Some(FLOAT8),
            Value::Text(_) => Some(TEXT),
            Value::Blob(_) => Some(BYTEA),
        });
    }
}

impl Worker {
    /// Understands a statement. `given` are the parameter types that the client gave.
    pub(super) fn prepare(
        &mut self,
        tokens: &[Token<'_>],
        given: &[u32],
    ) -> Result<Prepared, SqlError> {
        let words = significant(tokens);
        let command = command(&words);
        self.check_block(&command)?;
        let source: String = tokens.iter().map(|token| token.text).collect();
        let source = source.trim().to_owned();
        match &command {
            Command::Unsupported(what) => return Err(SqlError::unsupported(what)),
            Command::Unknown(word) => return Err(SqlError::syntax_at(word)),
            _ => {}
        }
        let runs_sql = matches!(
            command,
            Command::Query
                | Command::Change(_)
                | Command::Define(_)
                | Command::Savepoint(_)
                | Command::RollbackTo
        );
        let mut prepared = Prepared {
            columns: own_columns(&command),
            command,
            source,
            sql: String::new(),
            parameters: Vec::new(),
        };
        if prepared.command == Command::Fetch && !words.first().is_some_and(|w| w.is("move")) {
            let name = named(&words).unwrap_or_default();
            prepared.columns = self.cursors.columns(&name).map(<[ResultColumn]>::to_vec);
        }
        if !runs_sql {
            return Ok(prepared);
        }
        self.refresh(&words)?;
        match spelled_out(tokens, |table| self.defaults(table)) {
            Some(spelled) => self.translate(&mut prepared, &lexer::tokens(&spelled), given)?,
            None => self.translate(&mut prepared, tokens, given)?,
        }
        Ok(prepared)
    }

    /// Finds a statement's SQL for SQLite, its parameters and its results.
    fn translate(
        &self,
        prepared: &mut Prepared,
        tokens: &[Token<'_>],
        given: &[u32],
    ) -> Result<(), SqlError> {
        let words = significant(tokens);
        let mut scope = self.scope(&words);
        prepared.parameters = parameter_types(&words, &scope, given);
        let numbered = (1..).zip(&prepared.parameters);
        scope.extend(numbered.map(|(number, ty)| (format!("${number}"), *ty)));
        prepared.sql = rewrite(tokens, &scope)?;
        let has_rows = match prepared.command {
            Command::Query => true,
            Command::Change(_) => returns_rows(&words),
            _ => false,
        };
        // SQLite looks at the whole statement, so that what is wrong is said before it runs.
        if has_rows || matches!(prepared.command, Command::Change(_)) {
            let columns = self.columns(&prepared.sql, &words, &scope)?;
            prepared.columns = has_rows.then_some(columns);
        }
        Ok(())
    }

    /// The columns of a table with their defaults.
    fn defaults(&self, table: &str) -> Defaults {
        let catalog = self
            .session
            .catalog
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let mut relations = catalog.relations.iter();
        let columns = relations
            .find(|relation| relation.name == table)
            .map(|r| &r.columns);
        let columns = columns.into_iter().flatten();
        columns
            .map(|column| (column.name.clone(), column.default.clone()))
            .collect()
    }

    /// Brings the catalog to the database's present state, and the system tables too where a
    /// statement names one.
    fn refresh(&self, words: &[Token<'_>]) -> Result<(), SqlError> {
        let session = &self.session;
        catalog::refresh(&self.connection, &session.catalog)?;
        let mut names = words.iter().filter_map(Token::name);
        if names.any(|name| catalog::is_system_name(&name.to_lowercase())) {
            catalog::write(&self.connection, &session.catalog, &session.place)?;
            self.show_live(words)?;
        }
        Ok(())
    }

    /// Writes the rows of the system tables that show the present, where a statement names them.
    fn show_live(&self, words: &[Token<'_>]) -> Result<(), SqlError> {
        let names = |name: &str| words.iter().any(|word| word.is(name));
        if names("pg_settings") {
            catalog::show_settings(&self.connection, &self.session.settings.all())?;
        }
        if names("pg_stat_activity") || names("pg_stat_ssl") {
            catalog::show_sessions(&self.connection, &self.session.sessions.all())?;
        }
        Ok(())
    }

    /// The columns that names in the statement can mean: those of all relations that it names.
    fn scope(&self, words: &[Token<'_>]) -> Scope {
        let mut scope = Scope::new();
        let catalog = self
            .session
            .catalog
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        for word in words {
            let is_name = matches!(word.kind, Kind::Word | Kind::Quoted);
            let Some(name) = word.name().filter(|_| is_name) else {
                continue;
            };
            for (column, ty) in catalog.columns(&name) {
                scope.entry(column.to_lowercase()).or_insert(ty);
            }
        }
        aliases(words, &mut scope);
        scope
    }

    /// Names and types of a statement's results.
    fn columns(
        &self,
        sql: &str,
        words: &[Token<'_>],
        scope: &Scope,
    ) -> Result<Vec<ResultColumn>, SqlError> {
        let statement = self.connection.prepare_cached(sql)?;
        let found: Vec<(String, Option<ColumnType>)> = statement
            .columns()
            .map(|column| {
                let declared = column.decl_type().and_then(ColumnType::parse);
                (column.name().to_owned(), declared)
            })
            .collect();
        let items = result_list(words).unwrap_or_default();
        let stars = items.iter().filter(|(label, _)| label.is_none()).count();
        let starred = (found.len() + stars).checked_sub(items.len());
        // With more than one star, nobody can say which column belongs to which.
        let items = if stars > 1 { Vec::new() } else { items };
        let mut slots: Vec<Option<&(Option<String>, &[Token<'_>])>> = Vec::new();
        for item in &items {
            match item {
                (None, _) => slots.extend((0..starred.unwrap_or(0)).map(|_| None)),
                named => slots.push(Some(named)),
            }
        }
        let columns = found.into_iter().enumerate().map(|(at, (name, declared))| {
            let item = slots.get(at).copied().flatten();
            let label = item.and_then(|(label, _)| label.clone());
            let inferred = match item {
                Some((_, tokens)) => type_of(tokens, scope),
                None => scope.get(&name.to_lowercase()).copied(),
            };
            ResultColumn {
                name: label.unwrap_or(name),
                known: declared.or(inferred),
                plain: declared.is_some(),
            }
        });
        Ok(columns.collect())
    }
}

/// The results of commands that SQLite does not see.
fn own_columns(command: &Command) -> Option<Vec<ResultColumn>> {
    match command {
        Command::Show(name) => Some(vec![ResultColumn::text(&shown_name(name))]),
        Command::ShowAll => Some(
            ["name", "setting", "description"]
                .map(ResultColumn::text)
                .to_vec(),
        ),
        Command::Explain => Some(vec![ResultColumn::text("QUERY PLAN")]),
        _ => None,
    }
}

/// The name that `show` gives its column.
fn shown_name(name: &str) -> String {
    match name {
        "timezone" => "TimeZone".to_owned(),
        "datestyle" => "DateStyle".to_owned(),
        "intervalstyle" => "IntervalStyle".to_owned(),
        other => other.to_owned(),
    }
}

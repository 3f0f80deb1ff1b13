//! SQLite's errors in PostgreSQL's words.

use pgwire::error::{ErrorInfo, PgWireError};
use rusqlite::ffi::{self, ErrorCode};

/// What a client is told when a statement fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SqlError {
    /// SQLSTATE.
    pub(super) code: String,
    pub(super) message: String,
    pub(super) hint: Option<String>,
    /// The expression of a check constraint that was violated; SQLite does not tell whose it is.
    pub(super) check_expression: Option<String>,
}

/// How an error travels through SQLite: it begins with this character, SQLSTATE follows.
const MARK: char = '\u{1}';

impl SqlError {
    pub(super) fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
            hint: None,
            check_expression: None,
        }
    }

    /// A violated check constraint.
    pub(super) fn check(relation: &str, constraint: &str) -> Self {
        let message = format!(
            "new row for relation \"{relation}\" violates check constraint \"{constraint}\""
        );
        Self::new("23514", message)
    }

    pub(super) fn syntax_at(near: &str) -> Self {
        Self::new("42601", format!("syntax error at or near \"{near}\""))
    }

    /// What PostgreSQL can do and the emulator can't.
    pub(super) fn unsupported(what: &str) -> Self {
        Self {
            hint: Some(
                "This is azdb-emulator, a small SQL engine for trying things out.".to_owned(),
            ),
            ..Self::new("0A000", format!("{what} is not supported by azdb-emulator"))
        }
    }

    /// The client asked to end the statement.
    pub(super) fn canceled() -> Self {
        Self::new("57014", "canceling statement due to user request")
    }

    /// A value that can't be read as a type.
    pub(super) fn invalid_input(type_name: &str, value: &str) -> Self {
        let message = format!("invalid input syntax for type {type_name}: \"{value}\"");
        Self::new("22P02", message)
    }

    /// The error as a function that SQLite calls returns it.
    pub(super) fn raised(self) -> rusqlite::Error {
        let text = format!("{MARK}{}{}", self.code, self.message);
        rusqlite::Error::UserFunctionError(text.into())
    }

    pub(super) fn into_wire(self) -> PgWireError {
        let mut info = ErrorInfo::new("ERROR".to_owned(), self.code, self.message);
        info.severity_nonlocalized = Some("ERROR".to_owned());
        info.hint = self.hint;
        PgWireError::UserError(Box::new(info))
    }
}

impl From<rusqlite::Error> for SqlError {
    fn from(error: rusqlite::Error) -> Self {
        let (code, message) = match &error {
            rusqlite::Error::SqliteFailure(code, message) => (*code, message.clone()),
            rusqlite::Error::SqlInputError { error, msg, .. } => (*error, Some(msg.clone())),
            other => return Self::new("XX000", other.to_string()),
        };
        let message = message.unwrap_or_else(|| error.to_string());
        if let Some(raised) = message.strip_prefix(MARK)
            && let Some((sqlstate, text)) = raised.split_at_checked(5)
        {
            return Self::new(sqlstate, text);
        }
        by_code(code, &message).unwrap_or_else(|| by_text(&message))
    }
}

fn by_code(error: ffi::Error, message: &str) -> Option<SqlError> {
    let told = match (error.code, error.extended_code) {
        (ErrorCode::OperationInterrupted, _) => SqlError::canceled(),
        (_, ffi::SQLITE_BUSY_SNAPSHOT) => SqlError::new(
            "40001",
            "could not serialize access due to concurrent update",
        ),
        (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _) => {
            SqlError::new("55P03", "canceling statement due to lock timeout")
        }
        (ErrorCode::ConstraintViolation, extended) => constraint(extended, message),
        (ErrorCode::TooBig, _) => SqlError::new("54000", message),
        (ErrorCode::TypeMismatch, _) => SqlError::new("42804", message),
        (ErrorCode::ReadOnly, _) => SqlError::new("25006", message),
        _ => return None,
    };
    Some(told)
}

/// `UNIQUE constraint failed: customers.email`.
fn constraint(extended: i32, message: &str) -> SqlError {
    let what = message.split_once(": ").map_or("", |(_, what)| what);
    let columns: Vec<(&str, &str)> = what.split(", ").filter_map(|c| c.split_once('.')).collect();
    let table = columns.first().map_or("", |(table, _)| *table);
    let names: Vec<&str> = columns.iter().map(|(_, column)| *column).collect();
    match extended {
        ffi::SQLITE_CONSTRAINT_NOTNULL => SqlError::new(
            "23502",
            format!(
                "null value in column \"{}\" of relation \"{table}\" violates not-null constraint",
                names.join(", ")
            ),
        ),
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => SqlError::new(
            "23503",
            "insert, update or delete violates a foreign key constraint",
        ),
        ffi::SQLITE_CONSTRAINT_CHECK => SqlError {
            check_expression: Some(what.to_owned()),
            ..SqlError::new(
                "23514",
                format!("new row violates check constraint \"{what}\""),
            )
        },
        ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
            duplicate(&format!("{table}_pkey"))
        }
        ffi::SQLITE_CONSTRAINT_UNIQUE => duplicate(&format!("{table}_{}_key", names.join("_"))),
        _ => SqlError::new("23000", message),
    }
}

fn duplicate(name: &str) -> SqlError {
    let message = format!("duplicate key value violates unique constraint \"{name}\"");
    SqlError::new("23505", message)
}

/// Errors that SQLite tells apart by their text alone.
fn by_text(message: &str) -> SqlError {
    missing(message)
        .or_else(|| existing(message))
        .unwrap_or_else(|| syntax(message))
}

/// Something that is not there, or not the only one.
fn missing(message: &str) -> Option<SqlError> {
    let (what, name) = message.split_once(": ").or_else(|| {
        let function = "wrong number of arguments to function";
        Some((function, message.strip_prefix(function)?.trim_start()))
    })?;
    let name = name.replace('"', "");
    let told = match what {
        "no such table" | "no such view" => {
            let name = bare(&name);
            SqlError::new("42P01", format!("relation \"{name}\" does not exist"))
        }
        "no such column" if name.contains('.') => {
            SqlError::new("42703", format!("column {name} does not exist"))
        }
        "no such column" => SqlError::new("42703", format!("column \"{name}\" does not exist")),
        "no such index" => {
            SqlError::new("42704", format!("index \"{}\" does not exist", bare(&name)))
        }
        "no such function" => SqlError::new("42883", format!("function {name}() does not exist")),
        "wrong number of arguments to function" => {
            SqlError::new("42883", format!("function {name} does not exist"))
        }
        "ambiguous column name" => {
            SqlError::new("42702", format!("column reference \"{name}\" is ambiguous"))
        }
        "no such savepoint" => {
            SqlError::new("3B001", format!("savepoint \"{name}\" does not exist"))
        }
        _ => return None,
    };
    Some(told)
}

/// Something that is there already, or has no such part.
fn existing(message: &str) -> Option<SqlError> {
    let words: Vec<&str> = message.split(' ').collect();
    let told = match words.as_slice() {
        ["table" | "index" | "view", name, "already", "exists"]
        | ["there", "is", "already", _, _, "named", name] => {
            let name = bare(name.trim_matches('"'));
            SqlError::new("42P07", format!("relation \"{name}\" already exists"))
        }
        ["table", table, "has", "no", "column", "named", column] => SqlError::new(
            "42703",
            format!("column \"{column}\" of relation \"{table}\" does not exist"),
        ),
        _ => return None,
    };
    Some(told)
}

fn syntax(message: &str) -> SqlError {
    let near = message.strip_prefix("near \"");
    match near.and_then(|near| near.strip_suffix("\": syntax error")) {
        Some(near) => SqlError::syntax_at(near),
        None if message == "incomplete input" => {
            SqlError::new("42601", "syntax error at end of input")
        }
        None => SqlError::new("42601", message),
    }
}

/// A relation's name without SQLite's schema.
fn bare(name: &str) -> &str {
    name.strip_prefix("main.").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(message: &str) -> (String, String) {
        let error = by_text(message);
        (error.code, error.message)
    }

    #[test]
    fn texts_of_sqlite_get_their_sqlstate() {
        for (sqlite, code, message) in [
            (
                "no such table: main.a",
                "42P01",
                "relation \"a\" does not exist",
            ),
            ("no such column: b", "42703", "column \"b\" does not exist"),
            ("no such column: a.b", "42703", "column a.b does not exist"),
            (
                "near \"selct\": syntax error",
                "42601",
                "syntax error at or near \"selct\"",
            ),
            ("incomplete input", "42601", "syntax error at end of input"),
            (
                "table a already exists",
                "42P07",
                "relation \"a\" already exists",
            ),
            (
                "no such function: f",
                "42883",
                "function f() does not exist",
            ),
        ] {
            assert_eq!(
                told(sqlite),
                (code.to_owned(), message.to_owned()),
                "{sqlite}"
            );
        }
    }

    #[test]
    fn errors_raised_in_functions_keep_their_sqlstate() {
        let raised = SqlError::invalid_input("integer", "x").raised().to_string();
        let failure = ffi::Error::new(ffi::SQLITE_ERROR);
        let back = SqlError::from(rusqlite::Error::SqliteFailure(failure, Some(raised)));
        assert_eq!(back, SqlError::invalid_input("integer", "x"));
    }
}

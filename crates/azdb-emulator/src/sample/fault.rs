//! Why a statement did nothing.

use rusqlite::ffi::{self, ErrorCode};

use super::Dialect;
use super::types::Type;

/// Why a statement did nothing. Each protocol has its own codes and words for these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Outside of what the sample knows; the text is complete.
    Unknown(String),
    NoTable(String),
    NoColumn(String),
    TableExists(String),
    /// A value that can't be read as a type.
    Invalid(Type, String),
    /// A number that its type has no room for.
    OutOfRange(Type),
    /// A text that is longer than its column.
    TooLong(u32),
    /// Other values than the statement has places for.
    Values {
        wanted: usize,
        given: usize,
    },
    /// Rows whose number of values is not that of the columns.
    RowWidth,
    Unique {
        table: String,
        columns: Vec<String>,
        primary: bool,
    },
    NotNull {
        table: String,
        column: String,
    },
    ForeignKey,
    /// The transaction has failed and waits for its end.
    Failed,
    /// Another session's transaction took too long.
    Locked,
    /// Somebody asked to end the statement.
    Cancelled,
    /// The tables are no longer those that the statement was prepared for.
    Stale,
    /// SQLite's own trouble.
    Broken(String),
}

/// The most of a statement that is told, in characters.
const LONGEST: usize = 100;

/// The one text for what the sample does not know.
pub(crate) fn unknown(what: &str, dialect: Dialect) -> Fault {
    let url = match dialect {
        Dialect::Postgres => "postgres://user:password@host:5432",
        Dialect::Mysql => "mysql://user:password@host:3306",
        Dialect::Tds => "sqlserver://user:password@host:1433",
    };
    // It may be a statement of megabytes.
    let what = match what.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", what.get(..end).unwrap_or_default()),
        None => what.to_owned(),
    };
    Fault::Unknown(format!(
        "azdb-emulator: this sample does not know {what}; for everything, put a real database behind: \
         azdb-emulator --behind {url}"
    ))
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        let rusqlite::Error::SqliteFailure(code, message) = &error else {
            return Self::Broken(error.to_string());
        };
        let message = message.as_deref().unwrap_or_default();
        match code.code {
            ErrorCode::OperationInterrupted => Self::Cancelled,
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Locked,
            ErrorCode::ConstraintViolation => constraint(code.extended_code, message),
            // From a function of ours.
            _ if message.starts_with("azdb-emulator: ") => Self::Unknown(message.to_owned()),
            _ => Self::Broken(error.to_string()),
        }
    }
}

/// `UNIQUE constraint failed: customers.email`.
fn constraint(extended: i32, message: &str) -> Fault {
    let what = message.split_once(": ").map_or("", |(_, what)| what);
    let names: Vec<(&str, &str)> = what.split(", ").filter_map(|n| n.split_once('.')).collect();
    let table = names.first().map_or("", |(table, _)| *table).to_owned();
    let columns: Vec<String> = names.iter().map(|(_, name)| (*name).to_owned()).collect();
    match extended {
        ffi::SQLITE_CONSTRAINT_NOTNULL => Fault::NotNull {
            table,
            column: columns.join(", "),
        },
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => Fault::ForeignKey,
        // A check has the name of its column's type.
        ffi::SQLITE_CONSTRAINT_CHECK => match Type::read(what) {
            Some(Type::Text(Some(limit))) => Fault::TooLong(limit),
            Some(kind) => Fault::OutOfRange(kind),
            None => Fault::Broken(message.to_owned()),
        },
        ffi::SQLITE_CONSTRAINT_UNIQUE
        | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
        | ffi::SQLITE_CONSTRAINT_ROWID => Fault::Unique {
            table,
            columns,
            primary: extended != ffi::SQLITE_CONSTRAINT_UNIQUE,
        },
        _ => Fault::Broken(message.to_owned()),
    }
}

//! The sample's faults in PostgreSQL's words.

use pgwire::error::ErrorInfo;
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::response::ErrorResponse;

use super::values::name_of;
use crate::sample::Fault;

/// What a client is told when a statement fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Error {
    /// SQLSTATE.
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Error {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    pub(super) fn response(self) -> PgWireBackendMessage {
        let mut info = ErrorInfo::new("ERROR".to_owned(), self.code.to_owned(), self.message);
        info.severity_nonlocalized = Some("ERROR".to_owned());
        PgWireBackendMessage::ErrorResponse(ErrorResponse::from(info))
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Unknown(text) => Self::new("0A000", text),
            Fault::NoTable(name) => {
                Self::new("42P01", format!("relation \"{name}\" does not exist"))
            }
            Fault::NoColumn(name) => {
                Self::new("42703", format!("column \"{name}\" does not exist"))
            }
            Fault::TableExists(name) => {
                Self::new("42P07", format!("relation \"{name}\" already exists"))
            }
            Fault::Values { wanted, given } => Self::new(
                "08P01",
                format!("the statement requires {wanted} parameters, and {given} were given"),
            ),
            Fault::RowWidth => Self::new("42601", "INSERT has other values than target columns"),
            Fault::Failed => Self::new(
                "25P02",
                "current transaction is aborted, commands ignored until end of transaction block",
            ),
            Fault::Locked => Self::new("55P03", "canceling statement due to lock timeout"),
            Fault::Cancelled => Self::new("57014", "canceling statement due to user request"),
            Fault::Stale => Self::new("0A000", "cached plan must not change result type"),
            Fault::Broken(text) => Self::new("XX000", text),
            Fault::Invalid(kind, text) => {
                let kind = name_of(kind);
                let text = format!("invalid input syntax for type {kind}: \"{text}\"");
                Self::new("22P02", text)
            }
            Fault::OutOfRange(kind) => {
                Self::new("22003", format!("{} out of range", name_of(kind)))
            }
            Fault::TooLong(limit) => {
                let text = format!("value too long for type character varying({limit})");
                Self::new("22001", text)
            }
            Fault::Unique {
                table,
                columns,
                primary,
            } => duplicate(&table, &columns, primary),
            Fault::NotNull { table, column } => null_value(&table, &column),
            Fault::ForeignKey => Self::new(
                "23503",
                "insert, update or delete violates a foreign key constraint",
            ),
        }
    }
}

fn duplicate(table: &str, columns: &[String], primary: bool) -> Error {
    let name = match primary {
        true => format!("{table}_pkey"),
        false => format!("{table}_{}_key", columns.join("_")),
    };
    let message = format!("duplicate key value violates unique constraint \"{name}\"");
    Error::new("23505", message)
}

fn null_value(table: &str, column: &str) -> Error {
    let message = format!(
        "null value in column \"{column}\" of relation \"{table}\" violates not-null constraint"
    );
    Error::new("23502", message)
}

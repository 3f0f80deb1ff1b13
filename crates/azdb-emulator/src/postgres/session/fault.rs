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
        let (code, message) = match fault {
            Fault::Unknown(text) => ("0A000", text),
            Fault::NoTable(name) => ("42P01", format!("relation \"{name}\" does not exist")),
            Fault::NoColumn(name) => ("42703", format!("column \"{name}\" does not exist")),
            Fault::TableExists(name) => ("42P07", format!("relation \"{name}\" already exists")),
            Fault::Invalid(kind, text) => {
                let kind = name_of(kind);
                (
                    "22P02",
                    format!("invalid input syntax for type {kind}: \"{text}\""),
                )
            }
            Fault::OutOfRange(kind) => ("22003", format!("{} out of range", name_of(kind))),
            Fault::TooLong(limit) => (
                "22001",
                format!("value too long for type character varying({limit})"),
            ),
            Fault::Values { wanted, given } => (
                "08P01",
                format!("the statement requires {wanted} parameters, and {given} were given"),
            ),
            Fault::RowWidth => (
                "42601",
                "INSERT has other values than target columns".to_owned(),
            ),
            Fault::Unique {
                table,
                columns,
                primary,
            } => {
                let name = match primary {
                    true => format!("{table}_pkey"),
                    false => format!("{table}_{}_key", columns.join("_")),
                };
                let text = format!("duplicate key value violates unique constraint \"{name}\"");
                ("23505", text)
            }
            Fault::NotNull { table, column } => (
                "23502",
                format!(
                    "null value in column \"{column}\" of relation \"{table}\" violates not-null \
                     constraint"
                ),
            ),
            Fault::ForeignKey => (
                "23503",
                "insert, update or delete violates a foreign key constraint".to_owned(),
            ),
            Fault::Check(name) => (
                "23514",
                format!("new row violates check constraint \"{name}\""),
            ),
            Fault::Failed => (
                "25P02",
                "current transaction is aborted, commands ignored until end of transaction block"
                    .to_owned(),
            ),
            Fault::Locked => (
                "55P03",
                "canceling statement due to lock timeout".to_owned(),
            ),
            Fault::Cancelled => (
                "57014",
                "canceling statement due to user request".to_owned(),
            ),
            Fault::Stale => (
                "0A000",
                "cached plan must not change result type".to_owned(),
            ),
            Fault::Broken(text) => ("XX000", text),
        };
        Self { code, message }
    }
}

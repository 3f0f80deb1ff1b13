//! The sample's faults in PostgreSQL's words.

use std::borrow::Cow;

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
        let (code, message): (_, Cow<'static, str>) = match fault {
            Fault::Unknown(text) => ("0A000", text.into()),
            Fault::NoTable(name) => (
                "42P01",
                format!("relation \"{name}\" does not exist").into(),
            ),
            Fault::NoColumn(name) => ("42703", format!("column \"{name}\" does not exist").into()),
            Fault::TableExists(name) => (
                "42P07",
                format!("relation \"{name}\" already exists").into(),
            ),
            Fault::Values { wanted, given } => (
                "08P01",
                format!("{given} parameters were given, {wanted} are required").into(),
            ),
            Fault::Invalid(kind, text) => {
                let kind = name_of(kind);
                (
                    "22P02",
                    format!("invalid input syntax for type {kind}: \"{text}\"").into(),
                )
            }
            Fault::OutOfRange(kind) => ("22003", format!("{} out of range", name_of(kind)).into()),
            Fault::TooLong(limit) => (
                "22001",
                format!("value too long for type character varying({limit})").into(),
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
                let text = "duplicate key value violates unique constraint";
                ("23505", format!("{text} \"{name}\"").into())
            }
            Fault::NotNull { table, column } => {
                let text = format!("null value in column \"{column}\" of relation \"{table}\"");
                (
                    "23502",
                    format!("{text} violates not-null constraint").into(),
                )
            }
            Fault::RowWidth => (
                "42601",
                "INSERT has other values than target columns".into(),
            ),
            Fault::ForeignKey => ("23503", "a foreign key constraint would be violated".into()),
            Fault::Failed => {
                let text = "current transaction is aborted, commands ignored until end of \
                            transaction block";
                ("25P02", text.into())
            }
            Fault::Locked => ("55P03", "canceling statement due to lock timeout".into()),
            Fault::Cancelled => ("57014", "canceling statement due to user request".into()),
            Fault::Stale => ("0A000", "cached plan must not change result type".into()),
            Fault::Broken(text) => ("XX000", text.into()),
        };
        Self::new(code, message)
    }
}

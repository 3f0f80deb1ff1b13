//! The sample's faults in PostgreSQL's words.

use pgwire::error::{ErrorInfo, PgWireError};

use super::values::name_of;
use crate::sample::Fault;

/// What a client is told.
pub(super) fn told(code: &str, message: impl Into<String>) -> PgWireError {
    let mut info = ErrorInfo::new("ERROR".to_owned(), code.to_owned(), message.into());
    info.severity_nonlocalized = Some("ERROR".to_owned());
    PgWireError::UserError(Box::new(info))
}

/// What a client is told of a fault.
pub(super) fn error(fault: Fault) -> PgWireError {
    match fault {
        Fault::Unknown(text) => told("0A000", text),
        Fault::NoTable(name) => told("42P01", format!("relation \"{name}\" does not exist")),
        Fault::NoColumn(name) => told("42703", format!("column \"{name}\" does not exist")),
        Fault::TableExists(name) => told("42P07", format!("relation \"{name}\" already exists")),
        Fault::Values { wanted, given } => {
            let text = format!("{given} parameters were given, {wanted} are required");
            told("08P01", text)
        }
        Fault::Invalid(kind, text) => {
            let kind = name_of(kind);
            let text = format!("invalid input syntax for type {kind}: \"{text}\"");
            told("22P02", text)
        }
        Fault::OutOfRange(kind) => told("22003", format!("{} out of range", name_of(kind))),
        Fault::TooLong(limit) => {
            let text = format!("value too long for type character varying({limit})");
            told("22001", text)
        }
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
            told("23505", format!("{text} \"{name}\""))
        }
        Fault::NotNull { table, column } => {
            let text = format!("null value in column \"{column}\" of relation \"{table}\"");
            told("23502", format!("{text} violates not-null constraint"))
        }
        Fault::RowWidth => told("42601", "INSERT has other values than target columns"),
        Fault::ForeignKey => told("23503", "a foreign key constraint would be violated"),
        Fault::Failed => {
            let text = "current transaction is aborted, commands ignored until end of \
                        transaction block";
            told("25P02", text)
        }
        Fault::Locked => told("55P03", "canceling statement due to lock timeout"),
        Fault::Cancelled => told("57014", "canceling statement due to user request"),
        Fault::Stale => told("0A000", "cached plan must not change result type"),
        Fault::Broken(text) => told("XX000", text),
    }
}

//! The sample's faults in the numbers and words of MySQL.

use opensrv_mysql::ErrorKind::{
    self, ER_BAD_FIELD_ERROR, ER_BAD_NULL_ERROR, ER_DATA_TOO_LONG, ER_DUP_ENTRY,
    ER_LOCK_WAIT_TIMEOUT, ER_NEED_REPREPARE, ER_NO_REFERENCED_ROW_2, ER_NO_SUCH_TABLE,
    ER_NOT_SUPPORTED_YET, ER_QUERY_INTERRUPTED, ER_ROW_IS_REFERENCED_2, ER_TABLE_EXISTS_ERROR,
    ER_TRUNCATED_WRONG_VALUE_FOR_FIELD, ER_UNKNOWN_ERROR, ER_WARN_DATA_OUT_OF_RANGE,
    ER_WRONG_ARGUMENTS, ER_WRONG_VALUE_COUNT_ON_ROW,
};

use crate::sample::{Fault, Kind, Type};

/// Number and text of a fault of a statement of this kind.
pub(super) fn told(fault: &Fault, kind: Option<Kind>, database: &str) -> (ErrorKind, String) {
    match fault {
        Fault::Unknown(text) => (ER_NOT_SUPPORTED_YET, text.clone()),
        Fault::NoTable(table) => (
            ER_NO_SUCH_TABLE,
            format!("Table '{database}.{table}' doesn't exist"),
        ),
        Fault::NoColumn(column) => (
            ER_BAD_FIELD_ERROR,
            format!("Unknown column '{column}' in 'field list'"),
        ),
        Fault::TableExists(table) => (
            ER_TABLE_EXISTS_ERROR,
            format!("Table '{table}' already exists"),
        ),
        Fault::Invalid(kind, value) => (
            ER_TRUNCATED_WRONG_VALUE_FOR_FIELD,
            format!("Incorrect {} value: '{value}'", name(*kind)),
        ),
        Fault::OutOfRange(kind) => (
            ER_WARN_DATA_OUT_OF_RANGE,
            format!("Out of range value for {}", name(*kind)),
        ),
        Fault::TooLong(limit) => (
            ER_DATA_TOO_LONG,
            format!("Data too long for column of {limit}"),
        ),
        Fault::Values { wanted, given } => (
            ER_WRONG_ARGUMENTS,
            format!("Incorrect arguments to EXECUTE: {given} for {wanted}"),
        ),
        Fault::RowWidth => (
            ER_WRONG_VALUE_COUNT_ON_ROW,
            "Column count doesn't match value count at row 1".to_owned(),
        ),
        Fault::Unique {
            table,
            columns,
            primary,
        } => {
            let key = if *primary {
                "PRIMARY".to_owned()
            } else {
                columns.join("_")
            };
            let text = format!("Duplicate entry for key '{table}.{key}'");
            (ER_DUP_ENTRY, text)
        }
        Fault::NotNull { column, .. } => (
            ER_BAD_NULL_ERROR,
            format!("Column '{column}' cannot be null"),
        ),
        Fault::ForeignKey if kind == Some(Kind::Insert) => (
            ER_NO_REFERENCED_ROW_2,
            "Cannot add or update a child row: a foreign key constraint fails".to_owned(),
        ),
        Fault::ForeignKey => (
            ER_ROW_IS_REFERENCED_2,
            "Cannot delete or update a parent row: a foreign key constraint fails".to_owned(),
        ),
        Fault::Locked => (
            ER_LOCK_WAIT_TIMEOUT,
            "Lock wait timeout exceeded; try restarting transaction".to_owned(),
        ),
        Fault::Cancelled => (
            ER_QUERY_INTERRUPTED,
            "Query execution was interrupted".to_owned(),
        ),
        Fault::Stale => (
            ER_NEED_REPREPARE,
            "Prepared statement needs to be re-prepared".to_owned(),
        ),
        Fault::Failed => (ER_UNKNOWN_ERROR, "the transaction has failed".to_owned()),
        Fault::Broken(text) => (ER_UNKNOWN_ERROR, text.clone()),
    }
}

fn name(kind: Type) -> &'static str {
    match kind {
        Type::Bool | Type::SmallInt | Type::Int | Type::BigInt => "integer",
        Type::Float => "double",
        Type::Numeric(..) => "decimal",
        Type::Text(_) | Type::Uuid => "string",
        Type::Bytes(_) => "binary",
        Type::Date => "date",
        Type::Timestamp => "datetime",
    }
}

//! The sample's faults in the numbers and words of MySQL.

use opensrv_mysql::ErrorKind as Number;

use crate::sample::{Fault, Kind};

/// Number and text of a fault of a statement of this kind.
pub(super) fn told(fault: &Fault, kind: Option<Kind>, database: &str) -> (Number, String) {
    let text = match fault {
        Fault::Unknown(text) | Fault::Broken(text) => text.clone(),
        Fault::NoTable(table) => format!("Table '{database}.{table}' doesn't exist"),
        Fault::NoColumn(column) => format!("Unknown column '{column}' in 'field list'"),
        Fault::TableExists(table) => format!("Table '{table}' already exists"),
        Fault::Invalid(_, value) => format!("Incorrect value: '{value}'"),
        Fault::OutOfRange(_) => "Out of range value".to_owned(),
        Fault::TooLong(limit) => format!("Data too long for column of {limit}"),
        Fault::Values { wanted, given } => {
            format!("Incorrect arguments to EXECUTE: {given} for {wanted}")
        }
        Fault::RowWidth => "Column count doesn't match value count at row 1".to_owned(),
        Fault::Unique {
            table,
            columns,
            primary,
        } => {
            let key = match primary {
                true => "PRIMARY".to_owned(),
                false => columns.join("_"),
            };
            format!("Duplicate entry for key '{table}.{key}'")
        }
        Fault::NotNull { column, .. } => format!("Column '{column}' cannot be null"),
        Fault::ForeignKey => {
            let doing = match kind {
                Some(Kind::Insert) => "add or update a child",
                _ => "delete or update a parent",
            };
            format!("Cannot {doing} row: a foreign key constraint fails")
        }
        Fault::Locked => "Lock wait timeout exceeded; try restarting transaction".to_owned(),
        Fault::Cancelled => "Query execution was interrupted".to_owned(),
        Fault::Stale => "Prepared statement needs to be re-prepared".to_owned(),
        Fault::Failed => "the transaction has failed".to_owned(),
    };
    (number(fault, kind), text)
}

fn number(fault: &Fault, kind: Option<Kind>) -> Number {
    match fault {
        Fault::Unknown(_) => Number::ER_NOT_SUPPORTED_YET,
        Fault::NoTable(_) => Number::ER_NO_SUCH_TABLE,
        Fault::NoColumn(_) => Number::ER_BAD_FIELD_ERROR,
        Fault::TableExists(_) => Number::ER_TABLE_EXISTS_ERROR,
        Fault::Invalid(..) => Number::ER_TRUNCATED_WRONG_VALUE_FOR_FIELD,
        Fault::OutOfRange(_) => Number::ER_WARN_DATA_OUT_OF_RANGE,
        Fault::TooLong(_) => Number::ER_DATA_TOO_LONG,
        Fault::Values { .. } => Number::ER_WRONG_ARGUMENTS,
        Fault::RowWidth => Number::ER_WRONG_VALUE_COUNT_ON_ROW,
        Fault::Unique { .. } => Number::ER_DUP_ENTRY,
        Fault::NotNull { .. } => Number::ER_BAD_NULL_ERROR,
        Fault::ForeignKey if kind == Some(Kind::Insert) => Number::ER_NO_REFERENCED_ROW_2,
        Fault::ForeignKey => Number::ER_ROW_IS_REFERENCED_2,
        Fault::Locked => Number::ER_LOCK_WAIT_TIMEOUT,
        Fault::Cancelled => Number::ER_QUERY_INTERRUPTED,
        Fault::Stale => Number::ER_NEED_REPREPARE,
        Fault::Failed | Fault::Broken(_) => Number::ER_UNKNOWN_ERROR,
    }
}

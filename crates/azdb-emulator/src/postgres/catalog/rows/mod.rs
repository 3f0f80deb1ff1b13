//! The rows of the system tables.

mod fixed;
mod listings;
mod live;
mod relations;

use rusqlite::{Connection, ToSql};

use crate::postgres::types::ColumnType;

pub(super) use fixed::write_fixed;
pub(in crate::postgres) use live::{show_sessions, show_settings};
pub(super) use relations::write_relations;

type Written = Result<(), rusqlite::Error>;

/// Oid of the access method `heap`, and of `btree`.
const HEAP: i64 = 2;
const BTREE: i64 = 403;

/// Inserts a row, naming its columns. Those that are not named are NULL.
fn insert(connection: &Connection, table: &str, row: &[(&str, &dyn ToSql)]) -> Written {
    let columns: Vec<&str> = row.iter().map(|(column, _)| *column).collect();
    let marks: Vec<String> = (1..=row.len()).map(|at| format!("?{at}")).collect();
    let (columns, marks) = (columns.join(", "), marks.join(", "));
    let sql = format!("insert into {table} ({columns}) values ({marks})");
    let values: Vec<&dyn ToSql> = row.iter().map(|(_, value)| *value).collect();
    connection
        .prepare_cached(&sql)?
        .execute(values.as_slice())?;
    Ok(())
}

/// Oid of the collation of a type; 0 for types that have none.
fn collation(column: ColumnType) -> i64 {
    match column.oid {
        25 | 1042 | 1043 | 1009 | 1014 | 1015 => 100,
        19 | 1003 => 950,
        _ => 0,
    }
}

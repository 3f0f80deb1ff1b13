//! Answers that need no database: what drivers and people ask of a server, not of its tables.

use super::super::prelogin::SERVER_VERSION_TEXT;
use super::super::token::Refusal;
use super::super::value::{Datum, SqlColumn, SqlType};
use super::Engine;
use super::batch::{bare, string};
use super::catalog::OWNER;
use super::scalar::Scalar;
use crate::sample::MAX_PRECISION;

/// What `SERVERPROPERTY('EngineEdition')` says.
const AZURE_SQL_DATABASE: i64 = 5;

/// A result that no table has.
pub(super) struct Canned {
    pub(super) columns: Vec<SqlColumn>,
    pub(super) rows: Box<dyn Iterator<Item = Vec<Datum>> + Send>,
}

impl Engine {
    /// The answer to a statement that has one.
    pub(super) fn canned(&self, words: &[&str]) -> Result<Option<Canned>, Refusal> {
        match words {
            ["select", name @ "name", "from", "sys", ".", "tables"] => {
                let tables = self.session.tables().map_err(super::rows::refusal)?;
                let tables = tables.into_iter();
                Ok(Some(Canned {
                    columns: vec![SqlColumn::computed(name, SqlType::NVarChar(Some(128)))],
                    rows: Box::new(tables.map(|table| vec![Datum::Text(table.name)])),
                }))
            }
            [
                "select",
                "name",
                "as",
                alias,
                "from",
                "sys",
                ".",
                list,
                "order",
                "by",
                "name",
            ] => Ok(self.names(list).map(|names| Canned {
                columns: vec![SqlColumn::computed(
                    &bare(alias),
                    SqlType::NVarChar(Some(128)),
                )],
                rows: Box::new(names.into_iter().map(|name| vec![name])),
            })),
            [
                "select",
                column,
                "from",
                "sys",
                ".",
                "dm_exec_sessions",
                "where",
                "session_id",
                "=",
                "@@spid",
            ] => Ok(self.own_session(column)),
            // The same row many times: what a measurement asks for.
            [
                "select",
                items @ ..,
                "from",
                "generate_series",
                "(",
                "1",
                ",",
                rows,
                ")",
            ] => {
                let rows = rows.parse().ok();
                let scalars = self.scalars(items)?;
                Ok(scalars
                    .zip(rows)
                    .map(|(scalars, rows)| table(scalars, rows)))
            }
            ["select", items @ ..] => match self.every_type(items)? {
                Some(canned) => Ok(Some(canned)),
                None => Ok(self.scalars(items)?.map(|scalars| table(scalars, 1))),
            },
            _ => Ok(None),
        }
    }

    /// Names of databases.
    fn names(&self, list: &str) -> Option<Vec<Datum>> {
        let own = self.database.as_str();
        match list {
            "databases" if own == "master" => Some(vec![Datum::text(own)]),
            "databases" => Some(vec![Datum::text("master"), Datum::text(own)]),
            _ => None,
        }
    }

    /// What the server knows of itself.
    pub(super) fn global(&self, item: &[&str]) -> Option<Scalar> {
        let text = |text: &str| Scalar::of(SqlType::NVarChar(Some(300)), Datum::text(text));
        let int = |number: i64| Scalar::of(SqlType::Int, Datum::Int(number));
        Some(match item {
            ["@@version"] => text(SERVER_VERSION_TEXT),
            ["serverproperty", "(", name, ")"] => match string(name)?.to_lowercase().as_str() {
                // r2dbc-mssql asks for it before anything else, Django for the other two.
                "edition" => text("SQL Azure"),
                "productversion" => text("12.0.2000.8"),
                "engineedition" => int(AZURE_SQL_DATABASE),
                _ => return None,
            },
            ["@@spid"] => Scalar::of(SqlType::SmallInt, Datum::Int(i64::from(self.spid))),
            ["@@max_precision"] => Scalar::of(SqlType::TinyInt, Datum::Int(38)),
            ["@@trancount"] => int(i64::from(self.session.depth())),
            ["@@rowcount"] => int(i64::try_from(self.rows_affected).unwrap_or(i64::MAX)),
            ["@@identity"] | ["scope_identity", "(", ")"] => {
                let identity = self.last_identity.map_or(Datum::Null, Datum::Int);
                let kind = SqlType::Decimal(MAX_PRECISION, 0);
                Scalar::of(kind, identity)
            }
            ["db_name", "(", ")"] => text(&self.database),
            ["schema_name", "(", ")"] => text(OWNER),
            ["suser_sname", "(", ")"] => text(&self.user),
            ["sysdatetime", "(", ")"] => {
                let kind = SqlType::DateTime2(7);
                Scalar::of(kind, text(&now()).cast(kind).ok()?)
            }
            _ => return None,
        })
    }
}

/// The time by this machine's clock, in UTC.
fn now() -> String {
    let now = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now());
    now.format("%Y-%m-%d %H:%M:%S%.6f").to_string()
}

/// So many rows of the same values.
fn table(scalars: Vec<(String, Scalar)>, rows: usize) -> Canned {
    let columns = scalars.iter().map(|(name, scalar)| scalar.column(name));
    Canned {
        columns: columns.collect(),
        rows: Box::new(std::iter::repeat_n(
            scalars
                .into_iter()
                .map(|(_, scalar)| scalar.value)
                .collect(),
            rows,
        )),
    }
}

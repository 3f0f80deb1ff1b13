//! Answers that need no database: what drivers and people ask of a server, not of its tables.

use super::super::prelogin::SERVER_VERSION_TEXT;
use super::Engine;
use super::batch::{bare, string};
use crate::sample::{Column, MAX_PRECISION, Type, Value};

/// A result that no table has.
pub(super) struct Canned {
    pub(super) columns: Vec<Column>,
    pub(super) rows: Box<dyn Iterator<Item = Vec<Value>> + Send>,
}

impl Canned {
    fn one((columns, row): (Vec<Column>, Vec<Value>)) -> Self {
        Self {
            columns,
            rows: Box::new(std::iter::once(row)),
        }
    }
}

impl Engine {
    /// The answer to a statement that has one.
    pub(super) fn canned(&self, words: &[&str]) -> Option<Canned> {
        match words {
            ["select", "len", "(", parameter, ")"] => {
                let mut known = self.variables.iter();
                let (_, value) = known.find(|(declared, _)| declared.name == *parameter)?;
                let Value::Text(text) = value else {
                    return None;
                };
                let length = text.trim_end_matches(' ').encode_utf16().count();
                let length = Value::Int(i64::try_from(length).unwrap_or(i64::MAX));
                Some(Canned::one((
                    vec![Column::computed("", Type::BigInt)],
                    vec![length],
                )))
            }
            // Many long rows: what a measurement asks for.
            ["select", "replicate", "(", text, ",", times, ")", from @ ..] => {
                let ["from", "generate_series", "(", "1", ",", rows, ")"] = from else {
                    return None;
                };
                let text = string(text)?.repeat(times.parse().ok()?);
                let rows = std::iter::repeat_n(vec![Value::Text(text)], rows.parse().ok()?);
                Some(Canned {
                    columns: vec![Column::computed("", Type::Text(Some(4000)))],
                    rows: Box::new(rows),
                })
            }
            ["select", name, "from", schema, ".", "tables"]
                if matches!(
                    (*name, *schema),
                    ("name", "sys") | ("table_name", "information_schema")
                ) =>
            {
                let tables = self.session.tables().ok()?.into_iter();
                Some(Canned {
                    columns: vec![Column::computed(name, Type::Text(Some(128)))],
                    rows: Box::new(tables.map(|table| vec![Value::Text(table.name)])),
                })
            }
            ["select", items @ ..] => self.globals(items),
            _ => None,
        }
    }

    /// `SELECT @@VERSION, DB_NAME() AS name`: one row of what the server knows of itself.
    fn globals(&self, items: &[&str]) -> Option<Canned> {
        let cells = items.split(|word| *word == ",").map(|item| {
            let (item, name) = match item {
                [item @ .., "as", name] => (item, bare(name)),
                item => (item, String::new()),
            };
            let (kind, value) = self.global(item)?;
            Some((Column::computed(&name, kind), value))
        });
        cells.collect::<Option<_>>().map(Canned::one)
    }

    fn global(&self, item: &[&str]) -> Option<(Type, Value)> {
        let text = |text: &str| (Type::Text(Some(300)), Value::Text(text.to_owned()));
        let int = |number: i64| (Type::Int, Value::Int(number));
        Some(match item {
            ["@@version"] => text(SERVER_VERSION_TEXT),
            ["@@max_precision"] => (Type::SmallInt, Value::Int(38)),
            ["@@spid"] => (Type::SmallInt, Value::Int(i64::from(self.spid))),
            ["@@trancount"] => int(i64::from(self.session.depth())),
            ["@@rowcount"] => int(i64::try_from(self.rows_affected).unwrap_or(i64::MAX)),
            ["@@identity"] | ["scope_identity", "(", ")"] => {
                let identity = self.last_identity;
                let identity = identity.map(|number| Value::Decimal(number.into()));
                let kind = Type::Numeric(MAX_PRECISION, 0);
                (kind, identity.unwrap_or(Value::Null))
            }
            ["db_name", "(", ")"] => text(&self.database),
            ["suser_sname", "(", ")"] => text(&self.user),
            _ => return None,
        })
    }
}

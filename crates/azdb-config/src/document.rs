//! TOML text as [`Entries`], each with its line.

use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeArray, DeInteger, DeTable, DeValue};

use super::problems::{Checked, Findings, Reported, Spot, Written};
use super::value::{Entries, Value};

/// Reads a whole document, or reports everything that is not TOML in it.
pub(super) fn parse(name: &Arc<str>, text: &str, report: &Findings) -> Checked<Entries> {
    let lines = Lines {
        name,
        breaks: text.match_indices('\n').map(|(at, _)| at).collect(),
    };
    let (table, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return Ok(lines.table(table.into_inner()));
    }
    for error in &errors {
        let spot = lines.spot(error.span().map_or(0, |span| span.start));
        report.problem(&spot, "", format!("not TOML: {}", error.message()));
    }
    Err(Reported)
}

/// Turns offsets into lines.
struct Lines<'a> {
    name: &'a Arc<str>,
    breaks: Vec<usize>,
}

impl Lines<'_> {
    fn spot(&self, offset: usize) -> Spot {
        Spot::line(
            self.name,
            self.breaks.partition_point(|&at| at < offset) + 1,
        )
    }

    fn table(&self, table: DeTable<'_>) -> Entries {
        table
            .into_iter()
            .map(|(key, value)| {
                // The key's line: a value may begin on a later one, and a table's value spans its header only.
                let spot = self.spot(key.span().start);
                (
                    key.into_inner().into_owned(),
                    Written {
                        value: self.value(value.into_inner()),
                        spot,
                    },
                )
            })
            .collect()
    }

    fn list(&self, list: DeArray<'_>) -> Vec<Written<Value>> {
        list.into_iter().map(|item| self.item(item)).collect()
    }

    fn item(&self, item: Spanned<DeValue<'_>>) -> Written<Value> {
        let spot = self.spot(item.span().start);
        Written {
            value: self.value(item.into_inner()),
            spot,
        }
    }

    fn value(&self, value: DeValue<'_>) -> Value {
        match value {
            DeValue::String(text) => Value::Text(text.into_owned()),
            DeValue::Integer(integer) => whole(&integer),
            DeValue::Boolean(value) => Value::Boolean(value),
            DeValue::Array(list) => Value::List(self.list(list)),
            DeValue::Table(table) => Value::Table(self.table(table)),
            DeValue::Float(_) => Value::Other("a fraction"),
            DeValue::Datetime(_) => Value::Other("a date"),
        }
    }
}

fn whole(integer: &DeInteger<'_>) -> Value {
    match i64::from_str_radix(integer.as_str(), integer.radix()) {
        Ok(value) => Value::Integer {
            value,
            octal: integer.radix() == 8,
        },
        Err(_) => Value::Other("a number out of range"),
    }
}

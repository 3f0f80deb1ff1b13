//! `dbo.every_type`: a view of the sample with a column of each type of SQL Server, for whoever wants
//! to see what a driver makes of them.
//!
//! | `id` | values |
//! |---|---|
//! | 1 | usual ones |
//! | 2 | the least |
//! | 3 | the greatest, and texts and bytes of several packets |
//! | 4 | NULL |
//! | 5 | empty texts and bytes; the rest as in 1 |

mod values;

use super::super::token::Refusal;
use super::super::value::{Datum, SqlColumn, SqlType};
use super::canned::Canned;
use super::scalar::hexadecimal;
use super::{Engine, unknown};
use values::COLUMNS;

/// Its name.
pub(super) const NAME: &str = "every_type";

/// The rows' numbers.
const IDS: std::ops::RangeInclusive<i64> = 1..=5;

/// Its columns, in their order. Those in `r_` take no NULL.
pub(super) fn columns() -> Vec<SqlColumn> {
    let column = |name: &str, kind, required| SqlColumn {
        required,
        table: Some(NAME.to_owned()),
        ..SqlColumn::computed(name, kind)
    };
    let id = column("id", SqlType::Int, true);
    let others = COLUMNS
        .iter()
        .filter_map(|(name, kind, _)| Some(column(name, read(kind)?, name.starts_with("r_"))));
    std::iter::once(id).chain(others).collect()
}

fn read(kind: &str) -> Option<SqlType> {
    SqlType::read(&kind.split(' ').collect::<Vec<_>>())
}

/// The row of a number.
fn row(id: i64) -> Vec<Datum> {
    let cells = COLUMNS.iter().filter_map(|(name, kind, values)| {
        let kind = read(kind)?;
        let usual = || value(kind, values[0]);
        Some(match id {
            1 => usual()?,
            2 | 3 => value(kind, values[usize::try_from(id - 1).ok()?])?,
            4 if !name.starts_with("r_") => Datum::Null,
            5 if kind.is_text() => Datum::text("").cast(kind, kind)?,
            5 if !matches!(kind, SqlType::Clr(_)) => match usual()? {
                Datum::Bytes(_) => Datum::Bytes(Vec::new()).cast(kind, kind)?,
                usual => usual,
            },
            _ => usual()?,
        })
    });
    std::iter::once(Datum::Int(id)).chain(cells).collect()
}

/// A value as it is written above.
fn value(kind: SqlType, written: &str) -> Option<Datum> {
    if kind == SqlType::Variant {
        let (kind, written) = written.split_once('=')?;
        let kind = read(kind)?;
        return value(kind, written)?.cast(kind, SqlType::Variant);
    }
    let (times, written) = match written.split_once('*') {
        Some((times, written)) => (times.parse().ok()?, written),
        None => (1, written),
    };
    match written.strip_prefix("0x") {
        Some(digits) => {
            let bytes = hexadecimal(digits)?.repeat(times);
            Datum::Bytes(bytes).cast(SqlType::VarBinary(None), kind)
        }
        None => Datum::Text(written.repeat(times)).cast(SqlType::NVarChar(None), kind),
    }
}

impl Engine {
    /// `SELECT columns FROM [dbo.]every_type [WHERE id = number] [ORDER BY id]`, all after `SELECT`.
    pub(super) fn every_type(&self, words: &[&str]) -> Result<Option<Canned>, Refusal> {
        let from = words.iter().position(|word| *word == "from");
        let Some((items, rest)) = from.and_then(|at| words.split_at_checked(at)) else {
            return Ok(None);
        };
        let rest = match rest {
            [
                "from",
                "dbo" | "[dbo]",
                ".",
                NAME | "[every_type]",
                rest @ ..,
            ]
            | ["from", NAME | "[every_type]", rest @ ..] => rest,
            _ => return Ok(None),
        };
        let rest = match rest {
            [rest @ .., "order", "by", "id"] => rest,
            rest => rest,
        };
        let wanted = match rest {
            [] => None,
            ["where", "id", "=", id @ ..] => self.scalar(id)?,
            _ => return Err(unknown("such a query of every_type")),
        };
        let is_wanted = |id: &i64| match &wanted {
            Some(scalar) => scalar.cast(SqlType::BigInt) == Ok(Datum::Int(*id)),
            None => rest.is_empty(),
        };
        let all = columns();
        let mut places = Vec::new();
        for item in super::scalar::list(items) {
            match item {
                ["*"] => places.extend(0..all.len()),
                [name] => {
                    let name = super::batch::bare(name);
                    let at = all
                        .iter()
                        .position(|column| column.name.eq_ignore_ascii_case(&name));
                    let text = || format!("Invalid column name '{name}'.");
                    places.push(at.ok_or_else(|| Refusal::new(207, text()).class(16))?);
                }
                _ => return Err(unknown("such a query of every_type")),
            }
        }
        let rows = IDS.filter(is_wanted).map(|id| {
            let row = row(id);
            let cells = places.iter().filter_map(|at| row.get(*at).cloned());
            cells.collect::<Vec<_>>()
        });
        Ok(Some(Canned {
            rows: Box::new(rows.collect::<Vec<_>>().into_iter()),
            columns: places
                .iter()
                .filter_map(|at| all.get(*at).cloned())
                .collect(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::value::there_and_back;
    use super::*;

    #[test]
    fn every_value_comes_back_from_its_bytes() {
        for id in IDS {
            let row = row(id);
            for (column, value) in columns().iter().zip(&row) {
                if *value != Datum::Null {
                    let back = there_and_back(column.kind, value);
                    assert_eq!(back.as_ref(), Some(value), "{id} {}", column.name);
                }
            }
        }
    }

    #[test]
    fn every_column_has_a_value_in_every_row() {
        assert_eq!(columns().len(), COLUMNS.len() + 1);
        for id in IDS {
            assert_eq!(row(id).len(), COLUMNS.len() + 1, "{id}");
        }
        let nulls = row(4).iter().filter(|value| **value == Datum::Null).count();
        assert_eq!(nulls, COLUMNS.len() - 4);
    }
}

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

use super::super::token::Refusal;
use super::super::value::{Datum, SqlColumn, SqlType};
use super::canned::Canned;
use super::scalar::hexadecimal;
use super::{Engine, unknown};

/// Its name.
pub(super) const NAME: &str = "every_type";

/// The rows' numbers.
const IDS: std::ops::RangeInclusive<i64> = 1..=5;

/// Name, type and the values of the first three rows. `9000*x` is a text of 9000 of them; a value of a
/// `sql_variant` has its type before it.
const COLUMNS: [(&str, &str, [&str; 3]); 47] = [
    ("c_bit", "bit", ["1", "0", "1"]),
    ("c_tinyint", "tinyint", ["7", "0", "255"]),
    ("c_smallint", "smallint", ["-7", "-32768", "32767"]),
    ("c_int", "int", ["-7", "-2147483648", "2147483647"]),
    (
        "c_bigint",
        "bigint",
        ["-7", "-9223372036854775808", "9223372036854775807"],
    ),
    ("c_real", "real", ["1.5", "-3.4028235e38", "3.4028235e38"]),
    (
        "c_float",
        "float",
        ["-1.5", "-1.7976931348623157e308", "1.7976931348623157e308"],
    ),
    (
        "c_smallmoney",
        "smallmoney",
        ["-1.25", "-214748.3648", "214748.3647"],
    ),
    (
        "c_money",
        "money",
        ["-1.25", "-922337203685477.5808", "922337203685477.5807"],
    ),
    (
        "c_decimal_10_2",
        "decimal ( 10 , 2 )",
        ["-1.25", "-99999999.99", "99999999.99"],
    ),
    (
        "c_decimal_38_0",
        "decimal ( 38 , 0 )",
        [
            "12345678901234567890123456789012345678",
            "-99999999999999999999999999999999999999",
            "99999999999999999999999999999999999999",
        ],
    ),
    (
        "c_decimal_38_38",
        "decimal ( 38 , 38 )",
        [
            "0.00000000000000000000000000000000000001",
            "-0.99999999999999999999999999999999999999",
            "0.99999999999999999999999999999999999999",
        ],
    ),
    (
        "c_smalldatetime",
        "smalldatetime",
        ["2026-03-02 08:15", "1900-01-01 00:00", "2079-06-06 23:59"],
    ),
    (
        "c_datetime",
        "datetime",
        [
            "2026-03-02 08:15:00.123",
            "1753-01-01 00:00:00",
            "9999-12-31 23:59:59.997",
        ],
    ),
    ("c_date", "date", ["2026-03-02", "0001-01-01", "9999-12-31"]),
    (
        "c_time_0",
        "time ( 0 )",
        ["08:15:07", "00:00:00", "23:59:59"],
    ),
    (
        "c_time_3",
        "time ( 3 )",
        ["08:15:07.123", "00:00:00", "23:59:59.999"],
    ),
    (
        "c_time_7",
        "time ( 7 )",
        ["08:15:07.1234567", "00:00:00", "23:59:59.9999999"],
    ),
    (
        "c_datetime2_0",
        "datetime2 ( 0 )",
        ["2026-03-02 08:15:07", "0001-01-01", "9999-12-31 23:59:59"],
    ),
    (
        "c_datetime2_3",
        "datetime2 ( 3 )",
        [
            "2026-03-02 08:15:07.123",
            "0001-01-01",
            "9999-12-31 23:59:59.999",
        ],
    ),
    (
        "c_datetime2_7",
        "datetime2 ( 7 )",
        [
            "2026-03-02 08:15:07.1234567",
            "0001-01-01",
            "9999-12-31 23:59:59.9999999",
        ],
    ),
    (
        "c_datetimeoffset_0",
        "datetimeoffset ( 0 )",
        [
            "2026-03-02 08:15:07 -03:30",
            "0001-01-01 00:00:00 +00:00",
            "9999-12-31 23:59:59 +14:00",
        ],
    ),
    (
        "c_datetimeoffset_3",
        "datetimeoffset ( 3 )",
        [
            "2026-03-02 00:15:07.123 +01:00",
            "0001-01-01 00:00:00 -14:00",
            "9999-12-31 23:59:59.999 +00:00",
        ],
    ),
    (
        "c_datetimeoffset_7",
        "datetimeoffset ( 7 )",
        [
            "2026-03-02 23:15:07.1234567 -01:00",
            "0001-01-01 00:00:00 +00:00",
            "9999-12-31 23:59:59.9999999 +14:00",
        ],
    ),
    (
        "c_uniqueidentifier",
        "uniqueidentifier",
        [
            "01234567-89ab-cdef-0123-456789abcdef",
            "00000000-0000-0000-0000-000000000000",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
        ],
    ),
    ("c_char", "char ( 5 )", ["naïve", " ", "5*é"]),
    ("c_nchar", "nchar ( 5 )", ["Łódź", " ", "5*Ω"]),
    ("c_varchar", "varchar ( 8000 )", ["naïve €", "x", "8000*é"]),
    (
        "c_nvarchar",
        "nvarchar ( 4000 )",
        ["Łódź 😀", "x", "4000*Ω"],
    ),
    ("c_binary", "binary ( 5 )", ["0x0102", "0x", "0xffffffffff"]),
    (
        "c_varbinary",
        "varbinary ( 8000 )",
        ["0x010200", "0x00", "8000*0xfe"],
    ),
    (
        "c_varchar_max",
        "varchar ( max )",
        ["naïve €", "x", "20000*é"],
    ),
    (
        "c_nvarchar_max",
        "nvarchar ( max )",
        ["Łódź 😀", "x", "20000*Ω"],
    ),
    (
        "c_varbinary_max",
        "varbinary ( max )",
        ["0x010200", "0x00", "20000*0xfe"],
    ),
    ("c_text", "text", ["naïve €", "x", "20000*é"]),
    ("c_ntext", "ntext", ["Łódź 😀", "x", "20000*Ω"]),
    ("c_image", "image", ["0x010200", "0x00", "20000*0xfe"]),
    (
        "c_xml",
        "xml",
        ["<a b=\"Łódź\">😀</a>", "<a/>", "2000*<a>Ω</a>"],
    ),
    (
        "c_variant",
        "sql_variant",
        [
            "nvarchar ( 20 )=Łódź",
            "int=-2147483648",
            "datetime2 ( 3 )=9999-12-31 23:59:59.999",
        ],
    ),
    (
        "c_variant_of_date",
        "sql_variant",
        [
            "date=2026-03-02",
            "time ( 3 )=08:15:07.123",
            "datetimeoffset ( 7 )=2026-03-02 08:15:07.1234567 -03:30",
        ],
    ),
    (
        "c_variant_of_other",
        "sql_variant",
        [
            "decimal ( 10 , 2 )=-1.25",
            "varchar ( 20 )=naïve",
            "uniqueidentifier=01234567-89ab-cdef-0123-456789abcdef",
        ],
    ),
    ("c_hierarchyid", "hierarchyid", ["0x58", "0x", "0x5ac0"]),
    (
        "c_geometry",
        "geometry",
        [
            "0x00000000010c000000000000f03f0000000000000040",
            "0x00000000010c00000000000000000000000000000000",
            "0x00000000010c0000000000001840000000000000f0bf",
        ],
    ),
    ("r_bit", "bit", ["1", "0", "1"]),
    ("r_int", "int", ["-7", "-2147483648", "2147483647"]),
    ("r_float", "float", ["-1.5", "0", "1.7976931348623157e308"]),
    (
        "r_datetime",
        "datetime",
        [
            "2026-03-02 08:15:00.123",
            "1753-01-01",
            "9999-12-31 23:59:59.997",
        ],
    ),
];

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
    use super::*;

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

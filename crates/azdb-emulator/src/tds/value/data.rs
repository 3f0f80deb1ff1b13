//! The bytes of values, without their lengths.

use super::code_page;
use super::datum::Datum;
use super::info::fixed;
use super::moment::{DAY_OF_1900, Moment, TICKS};
use super::sql_type::SqlType;
use crate::tds::cursor::wide;
use crate::tds::token::COLLATION;
use crate::tds::version::Version;

/// Whether a type has a form without NULL, in which its values have no length.
pub(super) fn is_fixed(kind: SqlType) -> bool {
    matches!(
        kind,
        SqlType::Bit | SqlType::TinyInt | SqlType::SmallInt | SqlType::Int | SqlType::BigInt
    ) || matches!(
        kind,
        SqlType::Real | SqlType::Float | SqlType::SmallMoney | SqlType::Money
    ) || matches!(kind, SqlType::SmallDateTime | SqlType::DateTime)
}

/// Bytes of a decimal number of so many digits, its sign included.
pub(super) fn decimal_length(precision: u8) -> u8 {
    match precision {
        ..=9 => 5,
        10..=19 => 9,
        20..=28 => 13,
        _ => 17,
    }
}

/// Bytes of a time of day with so many digits behind the second's point.
pub(super) fn time_length(scale: u8) -> usize {
    match scale {
        ..=2 => 3,
        3..=4 => 4,
        _ => 5,
    }
}

/// The bytes of a value; `None` when it is none of this type.
pub(super) fn bare(kind: SqlType, value: &Datum, version: Version) -> Option<Vec<u8>> {
    Some(match (value, kind) {
        (Datum::Bit(bit), _) => vec![u8::from(*bit)],
        (Datum::Int(number), SqlType::TinyInt) => vec![u8::try_from(*number).ok()?],
        (Datum::Int(number), SqlType::SmallInt) => number.to_le_bytes()[..2].to_vec(),
        (Datum::Int(number), SqlType::Int) => number.to_le_bytes()[..4].to_vec(),
        (Datum::Int(number), SqlType::BigInt) => number.to_le_bytes().to_vec(),
        (Datum::Int(number), SqlType::Decimal(precision, _)) => {
            decimal(i128::from(*number), precision)?
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "it was rounded to a `real`"
        )]
        (Datum::Float(number), SqlType::Real) => (*number as f32).to_le_bytes().to_vec(),
        (Datum::Float(number), _) => number.to_le_bytes().to_vec(),
        (Datum::Decimal { units, .. }, SqlType::SmallMoney) => {
            i32::try_from(*units).ok()?.to_le_bytes().to_vec()
        }
        // The upper half comes first.
        (Datum::Decimal { units, .. }, SqlType::Money) => {
            let bytes = i64::try_from(*units).ok()?.to_le_bytes();
            [&bytes[4..], &bytes[..4]].concat()
        }
        (Datum::Decimal { units, .. }, SqlType::Decimal(precision, _)) => {
            decimal(*units, precision)?
        }
        (Datum::Text(text), SqlType::Char(_) | SqlType::VarChar(_) | SqlType::Text) => {
            code_page::encoded(text)
        }
        (Datum::Text(text), kind) if kind.is_text() => wide(text).collect(),
        (Datum::Bytes(bytes), _) => bytes.clone(),
        (Datum::Guid(guid), _) => guid.to_vec(),
        (Datum::Moment(moment), kind) => self::moment(*moment, kind)?,
        (Datum::Variant(inner), SqlType::Variant) => variant(inner.0, &inner.1, version)?,
        _ => return None,
    })
}

fn decimal(units: i128, precision: u8) -> Option<Vec<u8>> {
    let mut bytes = vec![u8::from(units >= 0)];
    let magnitude = units.unsigned_abs().to_le_bytes();
    let (held, rest) = magnitude.split_at_checked(usize::from(decimal_length(precision)) - 1)?;
    bytes.extend_from_slice(held);
    rest.iter().all(|byte| *byte == 0).then_some(bytes)
}

fn moment(moment: Moment, kind: SqlType) -> Option<Vec<u8>> {
    let day = |moment: Moment| moment.day.to_le_bytes()[..3].to_vec();
    let time = |moment: Moment, scale: u8| {
        let unit = 10_u64.pow(7 - u32::from(scale.min(7)));
        (moment.ticks / unit).to_le_bytes()[..time_length(scale)].to_vec()
    };
    Some(match kind {
        SqlType::Date => day(moment),
        SqlType::Time(scale) => time(moment, scale),
        SqlType::DateTime2(scale) => [time(moment, scale), day(moment)].concat(),
        SqlType::DateTimeOffset(scale) => {
            let utc = moment.utc()?;
            let offset = moment.offset.to_le_bytes().to_vec();
            [time(utc, scale), day(utc), offset].concat()
        }
        SqlType::DateTime => {
            let days = i64::from(moment.day) - i64::from(DAY_OF_1900);
            let (ticks, unit) = (moment.ticks, TICKS / 100);
            let thirds = (ticks * 3 + unit / 2) / unit;
            [&days.to_le_bytes()[..4], &thirds.to_le_bytes()[..4]].concat()
        }
        SqlType::SmallDateTime => {
            let days = moment.day.checked_sub(DAY_OF_1900)?;
            let minutes = moment.ticks / TICKS / 60;
            [&days.to_le_bytes()[..2], &minutes.to_le_bytes()[..2]].concat()
        }
        _ => return None,
    })
}

/// A value with its type in front.
fn variant(kind: SqlType, value: &Datum, version: Version) -> Option<Vec<u8>> {
    let data = bare(kind, value, version)?;
    let length = |length: u16| length.to_le_bytes().to_vec();
    let characters = |bytes: u16| [COLLATION.to_vec(), length(bytes)].concat();
    let properties = match kind {
        SqlType::Decimal(precision, scale) => vec![precision, scale],
        SqlType::Time(scale) | SqlType::DateTime2(scale) | SqlType::DateTimeOffset(scale) => {
            vec![scale]
        }
        SqlType::Char(longest) | SqlType::VarChar(Some(longest)) => characters(longest),
        SqlType::NChar(longest) | SqlType::NVarChar(Some(longest)) => characters(longest * 2),
        SqlType::Binary(longest) | SqlType::VarBinary(Some(longest)) => length(longest),
        _ => Vec::new(),
    };
    let count = u8::try_from(properties.len()).ok()?;
    Some([vec![fixed(kind), count], properties, data].concat())
}

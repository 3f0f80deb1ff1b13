//! Values out of their bytes.

use bytes::Buf as _;

use super::code_page;
use super::data::time_length;
use super::datum::{Datum, MONEY_SCALE};
use super::info::token;
use super::moment::{DAY_OF_1900, Moment, TICKS};
use super::sql_type::SqlType;
use crate::tds::cursor::utf16;

/// The value that these bytes are.
pub(super) fn value(kind: SqlType, mut bytes: &[u8]) -> Option<Datum> {
    Some(match kind {
        SqlType::Bit => Datum::Bit(*bytes.first()? != 0),
        SqlType::TinyInt => Datum::Int(bytes.try_get_u8().ok()?.into()),
        SqlType::SmallInt => Datum::Int(bytes.try_get_i16_le().ok()?.into()),
        SqlType::Int => Datum::Int(bytes.try_get_i32_le().ok()?.into()),
        SqlType::BigInt => Datum::Int(bytes.try_get_i64_le().ok()?),
        SqlType::Real => Datum::Float(bytes.try_get_f32_le().ok()?.into()),
        SqlType::Float => Datum::Float(bytes.try_get_f64_le().ok()?),
        SqlType::SmallMoney => money(bytes.try_get_i32_le().ok()?.into()),
        SqlType::Money => {
            let (high, low) = (bytes.try_get_i32_le().ok()?, bytes.try_get_u32_le().ok()?);
            money(i128::from(high) << 32 | i128::from(low))
        }
        SqlType::Decimal(_, scale) => {
            let sign = bytes.try_get_u8().ok()?;
            let mut magnitude = [0; 16];
            magnitude.get_mut(..bytes.len())?.copy_from_slice(bytes);
            let magnitude = i128::from_le_bytes(magnitude);
            let units = if sign == 0 { -magnitude } else { magnitude };
            Datum::Decimal { units, scale }
        }
        SqlType::UniqueIdentifier => Datum::Guid(bytes.try_into().ok()?),
        SqlType::Xml => Datum::Text(utf16(bytes.strip_prefix(&[0xff, 0xfe]).unwrap_or(bytes))),
        kind if kind.is_wide_text() => Datum::Text(utf16(bytes)),
        kind if kind.is_text() => Datum::Text(code_page::decoded(bytes)),
        kind if kind.is_bytes() => Datum::Bytes(bytes.to_vec()),
        kind => Datum::Moment(moment(kind, bytes)?),
    })
}

fn money(units: i128) -> Datum {
    Datum::Decimal {
        units,
        scale: MONEY_SCALE,
    }
}

fn moment(kind: SqlType, mut bytes: &[u8]) -> Option<Moment> {
    let at = |day, ticks| Moment {
        day,
        ticks,
        offset: 0,
    };
    match kind {
        SqlType::SmallDateTime => {
            let (day, minutes) = (bytes.try_get_u16_le().ok()?, bytes.try_get_u16_le().ok()?);
            let ticks = u64::from(minutes) * 60 * TICKS;
            Some(at(DAY_OF_1900 + u32::from(day), ticks))
        }
        SqlType::DateTime => {
            let (day, thirds) = (bytes.try_get_i32_le().ok()?, bytes.try_get_u32_le().ok()?);
            let day = u32::try_from(i64::from(DAY_OF_1900) + i64::from(day)).ok()?;
            let milliseconds = (u64::from(thirds) * 10 + 1) / 3;
            Some(at(day, milliseconds * 10_000))
        }
        SqlType::Date => Some(at(number(bytes)?.try_into().ok()?, 0)),
        SqlType::Time(scale) => Some(at(DAY_OF_1900, ticks(scale, bytes)?)),
        SqlType::DateTime2(scale) => {
            let (time, day) = bytes.split_at_checked(time_length(scale))?;
            Some(at(number(day)?.try_into().ok()?, ticks(scale, time)?))
        }
        SqlType::DateTimeOffset(scale) => {
            let (time, rest) = bytes.split_at_checked(time_length(scale))?;
            let (day, mut offset) = rest.split_at_checked(3)?;
            let utc = Moment {
                offset: offset.try_get_i16_le().ok()?,
                ..at(number(day)?.try_into().ok()?, ticks(scale, time)?)
            };
            utc.local()
        }
        _ => None,
    }
}

fn ticks(scale: u8, bytes: &[u8]) -> Option<u64> {
    number(bytes)?.checked_mul(10_u64.pow(7 - u32::from(scale.min(7))))
}

/// A number of up to five bytes.
fn number(mut bytes: &[u8]) -> Option<u64> {
    let length = bytes.len();
    (1..=5).contains(&length).then(|| bytes.get_uint_le(length))
}

/// A value with its type in front.
pub(super) fn variant(mut bytes: &[u8]) -> Option<Datum> {
    let token = bytes.try_get_u8().ok()?;
    let count = usize::from(bytes.try_get_u8().ok()?);
    let (properties, data) = bytes.split_at_checked(count)?;
    let length = |at: usize| -> Option<u16> {
        let bytes = properties.get(at..)?.first_chunk::<2>()?;
        Some(u16::from_le_bytes(*bytes))
    };
    let scale = || properties.first().map(|scale| (*scale).min(7));
    let kind = match token {
        token::FIXED_TINYINT => SqlType::TinyInt,
        token::FIXED_BIT => SqlType::Bit,
        token::FIXED_SMALLINT => SqlType::SmallInt,
        token::FIXED_INT => SqlType::Int,
        token::FIXED_BIGINT => SqlType::BigInt,
        token::FIXED_REAL => SqlType::Real,
        token::FIXED_FLOAT => SqlType::Float,
        token::FIXED_SMALLMONEY => SqlType::SmallMoney,
        token::FIXED_MONEY => SqlType::Money,
        token::FIXED_SMALLDATETIME => SqlType::SmallDateTime,
        token::FIXED_DATETIME => SqlType::DateTime,
        token::DATE => SqlType::Date,
        token::TIME => SqlType::Time(scale()?),
        token::DATETIME2 => SqlType::DateTime2(scale()?),
        token::DATETIMEOFFSET => SqlType::DateTimeOffset(scale()?),
        token::GUID => SqlType::UniqueIdentifier,
        token::DECIMAL | token::NUMERIC => {
            SqlType::Decimal(*properties.first()?, *properties.get(1)?)
        }
        token::VARCHAR => SqlType::VarChar(length(5)),
        token::CHAR => SqlType::Char(length(5)?),
        token::NVARCHAR => SqlType::NVarChar(length(5).map(|length| length / 2)),
        token::NCHAR => SqlType::NChar(length(5)? / 2),
        token::VARBINARY => SqlType::VarBinary(length(0)),
        token::BINARY => SqlType::Binary(length(0)?),
        _ => return None,
    };
    Some(Datum::Variant(Box::new((kind, value(kind, data)?))))
}

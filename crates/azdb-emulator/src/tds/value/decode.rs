//! What clients send: parameters of procedures and rows of a bulk load.

use bytes::Buf as _;
use rust_decimal::Decimal;

use super::{MAX, Unread, moment_text, token};
use crate::sample::{MAX_PRECISION, Type, Value};
use crate::tds::cursor::{array, counted, take, text8, utf16};
use crate::tds::record::Violation;

/// A parameter of a procedure call.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::tds) struct Parameter {
    /// With its `@`, or empty.
    pub(in crate::tds) name: String,
    pub(in crate::tds) is_output: bool,
    pub(in crate::tds) kind: Type,
    pub(in crate::tds) value: Value,
}

/// How a value of a type lies on the wire.
#[derive(Debug, Clone, Copy)]
pub(in crate::tds) struct Layout {
    kind: Type,
    /// Digits of a `datetime2`'s second.
    scale: u8,
    /// Characters in two bytes each.
    is_wide: bool,
    length: Length,
}

/// How long a value is.
#[derive(Debug, Clone, Copy)]
enum Length {
    Fixed(usize),
    /// In one byte before it; 0 is NULL.
    Short,
    /// In two bytes before it; 0xFFFF is NULL.
    Long,
    /// In four bytes before it; 0xFFFFFFFF is NULL.
    Longer,
    /// In chunks: a `max` type.
    Chunks,
}

const PLP_NULL: u64 = u64::MAX;
const NTEXT: u8 = 0x63;

/// Reads one parameter: name, status, TYPE_INFO, value.
pub(in crate::tds) fn parameter(rest: &mut &[u8]) -> Result<Parameter, Unread> {
    let name = text8(rest)?;
    let status = rest.try_get_u8()?;
    let layout = type_info(rest)?;
    let value = layout.value(rest)?;
    Ok(Parameter {
        name,
        is_output: status & 1 != 0,
        kind: layout.kind,
        value,
    })
}

/// Reads TYPE_INFO: of numbers without and with NULL, of texts of one and two bytes, of bytes.
pub(in crate::tds) fn type_info(rest: &mut &[u8]) -> Result<Layout, Unread> {
    let mut scale = 0;
    let token = rest.try_get_u8()?;
    let (kind, length) = match token {
        0x1f => (Type::Int, Length::Fixed(0)),
        0x30 => (Type::SmallInt, Length::Fixed(1)),
        0x32 => (Type::Bool, Length::Fixed(1)),
        0x34 => (Type::SmallInt, Length::Fixed(2)),
        0x38 => (Type::Int, Length::Fixed(4)),
        0x7f => (Type::BigInt, Length::Fixed(8)),
        token::INT => {
            let kind = match rest.try_get_u8()? {
                8 => Type::BigInt,
                4 => Type::Int,
                _ => Type::SmallInt,
            };
            (kind, Length::Short)
        }
        token::BIT => {
            take(rest, 1)?;
            (Type::Bool, Length::Short)
        }
        token::DATETIME2 => {
            scale = rest.try_get_u8()?.min(7);
            (Type::Timestamp, Length::Short)
        }
        token::DECIMAL | 0x6c => {
            let [_, _, scale] = array(rest)?;
            if scale > MAX_PRECISION {
                return Err(Unread::Unknown("a decimal of that many digits"));
            }
            (Type::Numeric(MAX_PRECISION, scale), Length::Short)
        }
        token::VARBINARY | 0xad => (Type::Bytes(None), long(rest)?),
        // `ntext`, as which FreeTDS sends the statement of a call.
        NTEXT => {
            take(rest, 9)?;
            (Type::Text(None), Length::Longer)
        }
        0xa7 | 0xaf | token::NVARCHAR | 0xef => {
            let length = long(rest)?;
            take(rest, 5)?;
            (Type::Text(None), length)
        }
        _ => return Err(Unread::Unknown("a value of that data type")),
    };
    Ok(Layout {
        kind,
        scale,
        is_wide: matches!(token, NTEXT | token::NVARCHAR | 0xef),
        length,
    })
}

fn long(rest: &mut &[u8]) -> Result<Length, Violation> {
    Ok(match rest.try_get_u16_le()? {
        MAX => Length::Chunks,
        _ => Length::Long,
    })
}

impl Layout {
    /// Reads one value.
    pub(in crate::tds) fn value(&self, rest: &mut &[u8]) -> Result<Value, Unread> {
        let gathered;
        let bytes = match self.length {
            Length::Fixed(0) => return Ok(Value::Null),
            Length::Fixed(length) => take(rest, length)?,
            Length::Short => match usize::from(rest.try_get_u8()?) {
                0 => return Ok(Value::Null),
                length => take(rest, length)?,
            },
            Length::Long => match rest.try_get_u16_le()? {
                MAX => return Ok(Value::Null),
                length => take(rest, usize::from(length))?,
            },
            Length::Longer => match rest.try_get_u32_le()? {
                u32::MAX => return Ok(Value::Null),
                length => take(rest, usize::try_from(length).unwrap_or(usize::MAX))?,
            },
            Length::Chunks => {
                let Some(chunks) = chunks(rest)? else {
                    return Ok(Value::Null);
                };
                gathered = chunks;
                &gathered
            }
        };
        self.of(bytes).ok_or(match self.kind {
            Type::Numeric(..) => Unread::Unknown("a decimal of that many digits"),
            Type::Text(_) => Unread::Unknown("letters beyond ASCII in a varchar"),
            _ => Violation::Malformed("a value's length").into(),
        })
    }

    /// The value that these bytes are.
    fn of(&self, mut bytes: &[u8]) -> Option<Value> {
        Some(match self.kind {
            Type::Bool => Value::Bool(*bytes.first()? != 0),
            Type::SmallInt | Type::Int | Type::BigInt => Value::Int(match bytes.len() {
                // `tinyint` has no sign.
                1 => bytes.get_u8().into(),
                length @ (2 | 4 | 8) => bytes.get_int_le(length),
                _ => return None,
            }),
            Type::Numeric(_, scale) => {
                let sign = bytes.try_get_u8().ok()?;
                let mut magnitude = [0; 16];
                magnitude.get_mut(..bytes.len())?.copy_from_slice(bytes);
                let magnitude = i128::from_le_bytes(magnitude);
                let units = if sign == 0 { -magnitude } else { magnitude };
                Value::Decimal(Decimal::try_from_i128_with_scale(units, scale.into()).ok()?)
            }
            Type::Text(_) if self.is_wide => Value::Text(utf16(bytes)),
            // In a code page whose other half is anybody's guess.
            Type::Text(_) if bytes.is_ascii() => Value::Text(str::from_utf8(bytes).ok()?.into()),
            Type::Text(_) => return None,
            Type::Bytes(_) => Value::Bytes(bytes.to_vec()),
            Type::Timestamp => {
                let (time, date) = bytes.split_at_checked(bytes.len().checked_sub(3)?)?;
                let unit = 10_u64.pow(7 - u32::from(self.scale));
                let ticks = little_endian(time)?.checked_mul(unit)?;
                Value::Text(moment_text(little_endian(date)?, ticks)?)
            }
        })
    }
}

/// A value of a `max` type: chunks until an empty one.
fn chunks(rest: &mut &[u8]) -> Result<Option<Vec<u8>>, Violation> {
    if rest.try_get_u64_le()? == PLP_NULL {
        return Ok(None);
    }
    let mut value = Vec::new();
    loop {
        match counted(rest)? {
            [] => return Ok(Some(value)),
            chunk => value.extend_from_slice(chunk),
        }
    }
}

/// A number of up to eight bytes.
fn little_endian(mut bytes: &[u8]) -> Option<u64> {
    let length = bytes.len();
    (length <= 8).then(|| bytes.get_uint_le(length))
}

//! What clients send: parameters of procedures and rows of a bulk load.

use bytes::Buf as _;
use uuid::Uuid;

use super::{DAYS_TO_1900, Unread, date_text, moment_text};
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
    token: u8,
    kind: Type,
    /// Digits of a `datetime2`'s second.
    scale: u8,
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
    /// In chunks: a `max` type.
    Chunks,
    /// In four bytes before it: `text`, `ntext` and `image`. 0xFFFFFFFF is NULL.
    Blob,
}

const MONEY: Type = Type::Numeric(MAX_PRECISION, 4);
const MAX: u16 = 0xffff;
const PLP_NULL: u64 = u64::MAX;

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

/// Reads TYPE_INFO.
pub(in crate::tds) fn type_info(rest: &mut &[u8]) -> Result<Layout, Unread> {
    let token = rest.try_get_u8()?;
    let mut scale = 0;
    let (kind, length) = match token {
        0x1f => (Type::Int, Length::Fixed(0)),
        0x30 => (Type::SmallInt, Length::Fixed(1)),
        0x32 => (Type::Bool, Length::Fixed(1)),
        0x34 => (Type::SmallInt, Length::Fixed(2)),
        0x38 => (Type::Int, Length::Fixed(4)),
        0x3a => (Type::Timestamp, Length::Fixed(4)),
        0x3b => (Type::Float, Length::Fixed(4)),
        0x3c => (MONEY, Length::Fixed(8)),
        0x3d => (Type::Timestamp, Length::Fixed(8)),
        0x3e => (Type::Float, Length::Fixed(8)),
        0x7a => (MONEY, Length::Fixed(4)),
        0x7f => (Type::BigInt, Length::Fixed(8)),
        0x28 => (Type::Date, Length::Short),
        0x2a => {
            scale = rest.try_get_u8()?.min(7);
            (Type::Timestamp, Length::Short)
        }
        0x24 | 0x26 | 0x68 | 0x6d | 0x6e | 0x6f => {
            (nullable(token, rest.try_get_u8()?), Length::Short)
        }
        0x37 | 0x3f | 0x6a | 0x6c => {
            let [_, _, scale] = array(rest)?;
            if scale > MAX_PRECISION {
                return Err(Unread::Unknown("a decimal of that many digits"));
            }
            (Type::Numeric(MAX_PRECISION, scale), Length::Short)
        }
        0x22 => {
            take(rest, 4)?;
            (Type::Bytes(None), Length::Blob)
        }
        0x23 | 0x63 => {
            take(rest, 9)?;
            (Type::Text(None), Length::Blob)
        }
        0xa5 | 0xad => (Type::Bytes(None), long(rest)?),
        0xa7 | 0xaf | 0xe7 | 0xef => {
            let length = long(rest)?;
            take(rest, 5)?;
            (Type::Text(None), length)
        }
        token => return Err(unknown(token)),
    };
    Ok(Layout {
        token,
        kind,
        scale,
        length,
    })
}

/// Types whose size is said once and whose values may be NULL.
fn nullable(token: u8, size: u8) -> Type {
    match (token, size) {
        (0x24, _) => Type::Uuid,
        (0x26, 8) => Type::BigInt,
        (0x26, 4) => Type::Int,
        (0x26, _) => Type::SmallInt,
        (0x68, _) => Type::Bool,
        (0x6d, _) => Type::Float,
        (0x6e, _) => MONEY,
        _ => Type::Timestamp,
    }
}

fn unknown(token: u8) -> Unread {
    match token {
        0x29 | 0x2b => Unread::Unknown("time and datetimeoffset parameters"),
        0x62 | 0xf0 | 0xf1 | 0xf4 => Unread::Unknown("sql_variant, xml, json and CLR parameters"),
        0xf3 => Unread::Unknown("table-valued parameters"),
        _ => Violation::Malformed("a data type that does not exist").into(),
    }
}

fn long(rest: &mut &[u8]) -> Result<Length, Violation> {
    Ok(match rest.try_get_u16_le()? {
        MAX => Length::Chunks,
        _ => Length::Long,
    })
}

impl Layout {
    /// `text`, `ntext` or `image`, whose rows have more than a value.
    pub(in crate::tds) fn is_blob(&self) -> bool {
        matches!(self.length, Length::Blob)
    }

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
            Length::Blob if rest.starts_with(&[0xff; 4]) => {
                take(rest, 4)?;
                return Ok(Value::Null);
            }
            Length::Blob => counted(rest)?,
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
            _ => Violation::Malformed("a value's length").into(),
        })
    }

    /// The value that these bytes are.
    fn of(&self, mut bytes: &[u8]) -> Option<Value> {
        Some(match (self.kind, self.token) {
            (Type::Bool, _) => Value::Bool(*bytes.first()? != 0),
            // `tinyint` has no sign.
            (Type::SmallInt, _) if bytes.len() == 1 => Value::Int(i64::from(*bytes.first()?)),
            (Type::SmallInt | Type::Int | Type::BigInt, _) => Value::Int(match bytes.len() {
                length @ (2 | 4 | 8) => bytes.get_int_le(length),
                _ => return None,
            }),
            (Type::Float, _) if bytes.len() == 4 => Value::Float(f64::from(bytes.get_f32_le())),
            (Type::Float, _) => Value::Float(bytes.try_get_f64_le().ok()?),
            (Type::Numeric(_, scale), 0x3c | 0x6e | 0x7a) => {
                let units = match *bytes {
                    [a, b, c, d] => i64::from(i32::from_le_bytes([a, b, c, d])),
                    // The high half comes first.
                    [e, f, g, h, a, b, c, d] => i64::from_le_bytes([a, b, c, d, e, f, g, h]),
                    _ => return None,
                };
                Value::Numeric { units, scale }
            }
            (Type::Numeric(_, scale), _) => {
                let sign = bytes.try_get_u8().ok()?;
                let (low, high) = bytes.split_at(bytes.len().min(8));
                let units = little_endian(low)?;
                let units = i64::try_from(units)
                    .ok()
                    .filter(|_| high.iter().all(|b| *b == 0))?;
                let units = if sign == 0 { -units } else { units };
                Value::Numeric { units, scale }
            }
            (Type::Text(_), 0x63 | 0xe7 | 0xef) => Value::Text(utf16(bytes)),
            (Type::Text(_), _) => Value::Text(code_page(bytes)),
            (Type::Bytes(_), _) => Value::Bytes(bytes.to_vec()),
            (Type::Uuid, _) => Value::Text(Uuid::from_bytes_le(bytes.try_into().ok()?).to_string()),
            (Type::Date, _) => Value::Text(date_text(day(bytes)?)?),
            (Type::Timestamp, 0x2a) => {
                let (time, date) = bytes.split_at_checked(bytes.len().checked_sub(3)?)?;
                let unit = 10_u64.pow(7 - u32::from(self.scale));
                let ticks = little_endian(time)?.checked_mul(unit)?;
                Value::Text(moment_text(day(date)?, ticks)?)
            }
            (Type::Timestamp, _) => Value::Text(datetime(bytes)?),
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

/// A `smalldatetime` or `datetime`.
fn datetime(bytes: &[u8]) -> Option<String> {
    match *bytes {
        [a, b, c, d] => {
            let day = i64::from(u16::from_le_bytes([a, b])) + DAYS_TO_1900;
            let minutes = u64::from(u16::from_le_bytes([c, d]));
            moment_text(day, minutes * 600_000_000)
        }
        [a, b, c, d, e, f, g, h] => {
            let day = i64::from(i32::from_le_bytes([a, b, c, d])) + DAYS_TO_1900;
            // 1/300 s, shown to the millisecond as the real server does.
            let thirds = u64::from(u32::from_le_bytes([e, f, g, h]));
            moment_text(day, (thirds * 10 + 1) / 3 * 10_000)
        }
        _ => None,
    }
}

/// Days since 0001-01-01.
fn day(bytes: &[u8]) -> Option<i64> {
    i64::try_from(little_endian(bytes.get(..3)?)?).ok()
}

/// A number of up to eight bytes.
fn little_endian(mut bytes: &[u8]) -> Option<u64> {
    bytes.try_get_uint_le(bytes.len()).ok()
}

/// Text in a code page: UTF-8 where it is that, otherwise Windows-1252.
fn code_page(bytes: &[u8]) -> String {
    const HIGH: &str = "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}Ž\u{8f}\u{90}‘’“”•–—˜™š›œ\u{9d}žŸ";
    if let Ok(text) = str::from_utf8(bytes) {
        return text.to_owned();
    }
    let one = |byte: &u8| match byte {
        0x80..=0x9f => HIGH.chars().nth(usize::from(byte - 0x80)).unwrap_or('?'),
        byte => char::from(*byte),
    };
    bytes.iter().map(one).collect()
}

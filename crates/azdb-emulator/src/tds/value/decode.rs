//! What clients send: parameters of procedures and rows of a bulk load.

use rusqlite::types::Value;

use super::Type;
use super::calendar::{DAYS_TO_1900, Moment};
use crate::tds::cursor::{Cursor, utf16};
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
    length: u32,
    scale: u8,
    pub(in crate::tds) kind: Type,
}

const NULL: u8 = 0x1f;
const PLP_NULL: u64 = u64::MAX;

/// Reads one parameter: name, status, TYPE_INFO, value.
pub(in crate::tds) fn parameter(cursor: &mut Cursor<'_>) -> Result<Parameter, Violation> {
    let name = cursor.short_text()?;
    let status = cursor.u8()?;
    let layout = type_info(cursor)?;
    let value = layout.value(cursor)?;
    Ok(Parameter {
        name,
        is_output: status & 1 != 0,
        kind: layout.kind,
        value,
    })
}

/// Reads TYPE_INFO.
pub(in crate::tds) fn type_info(cursor: &mut Cursor<'_>) -> Result<Layout, Violation> {
    let token = cursor.u8()?;
    let mut length = 0;
    let mut scale = 0;
    if let Some(kind) = fixed(token) {
        return Ok(Layout {
            token,
            length,
            scale,
            kind,
        });
    }
    let kind = match token {
        0x28 => Type::Date,
        0x29..=0x2b => {
            scale = cursor.u8()?.min(7);
            match token {
                0x29 => Type::Time(scale),
                0x2a => Type::DateTime2(scale),
                _ => Type::DateTimeOffset(scale),
            }
        }
        0x24 | 0x26 | 0x68 | 0x6d | 0x6e | 0x6f => {
            let size = cursor.u8()?;
            length = u32::from(size);
            nullable(token, size)
        }
        0x37 | 0x3f | 0x6a | 0x6c => {
            length = u32::from(cursor.u8()?);
            let precision = cursor.u8()?.clamp(1, 38);
            scale = cursor.u8()?.min(precision);
            Type::Decimal(precision, scale)
        }
        0xa5 | 0xad => {
            length = u32::from(cursor.u16()?);
            Type::Binary(limit(length, 1))
        }
        0xa7 | 0xaf | 0xe7 | 0xef => {
            length = u32::from(cursor.u16()?);
            cursor.take(5)?;
            let width = if token >= 0xe7 { 2 } else { 1 };
            Type::Text(limit(length, width))
        }
        0x22 => {
            length = cursor.u32()?;
            Type::Binary(None)
        }
        0x23 | 0x63 => {
            length = cursor.u32()?;
            cursor.take(5)?;
            Type::Text(None)
        }
        0xf1 => {
            if cursor.u8()? != 0 {
                return Err(Violation::Malformed("an XML schema, which is not emulated"));
            }
            length = 0xffff;
            Type::Text(None)
        }
        0x62 => {
            length = cursor.u32()?;
            Type::Text(Some(4000))
        }
        _ => return Err(Violation::Malformed("a data type that is not emulated")),
    };
    Ok(Layout {
        token,
        length,
        scale,
        kind,
    })
}

/// Types whose length is in their name.
fn fixed(token: u8) -> Option<Type> {
    Some(match token {
        NULL | 0x38 => Type::Int(4),
        0x30 => Type::Int(1),
        0x32 => Type::Bit,
        0x34 => Type::Int(2),
        0x7f => Type::Int(8),
        0x3b => Type::Float(4),
        0x3e => Type::Float(8),
        0x3c => Type::Money(8),
        0x7a => Type::Money(4),
        0x3a => Type::DateTime(4),
        0x3d => Type::DateTime(8),
        _ => return None,
    })
}

/// Types whose length stands in one byte.
fn nullable(token: u8, size: u8) -> Type {
    match token {
        0x24 => Type::Guid,
        0x26 => Type::Int(size),
        0x68 => Type::Bit,
        0x6d => Type::Float(size),
        0x6e => Type::Money(size),
        _ => Type::DateTime(size),
    }
}

/// Characters or bytes of a type of variable length; `None` is `max`.
fn limit(length: u32, width: u32) -> Option<u16> {
    let chars = u16::try_from(length / width).unwrap_or(u16::MAX);
    (length != 0xffff).then_some(chars.max(1))
}

impl Layout {
    /// Reads one value.
    pub(in crate::tds) fn value(&self, cursor: &mut Cursor<'_>) -> Result<Value, Violation> {
        let bytes = match self.token {
            NULL => return Ok(Value::Null),
            0x30 | 0x32 => cursor.take(1)?,
            0x34 => cursor.take(2)?,
            0x38 | 0x3a | 0x3b | 0x7a => cursor.take(4)?,
            0x3c | 0x3d | 0x3e | 0x7f => cursor.take(8)?,
            0x22 | 0x23 | 0x63 => return self.old_blob(cursor),
            0x62 => return variant(cursor),
            0xa5 | 0xa7 | 0xe7 | 0xf1 if self.length == 0xffff => {
                let Some(value) = chunks(cursor)? else {
                    return Ok(Value::Null);
                };
                return Ok(self.long(&value));
            }
            0xa5 | 0xa7 | 0xad | 0xaf | 0xe7 | 0xef => {
                let length = cursor.u16()?;
                if length == u16::MAX {
                    return Ok(Value::Null);
                }
                return Ok(self.long(cursor.take(usize::from(length))?));
            }
            _ => {
                let length = usize::from(cursor.u8()?);
                cursor.take(length)?
            }
        };
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        short(self.kind, self.scale, bytes).ok_or(Violation::Malformed("a value's length"))
    }

    fn long(&self, bytes: &[u8]) -> Value {
        match (self.kind, self.token) {
            (Type::Binary(_), _) => Value::Blob(bytes.to_vec()),
            (_, 0xe7 | 0xef | 0x63 | 0xf1) => Value::Text(utf16(bytes)),
            _ => Value::Text(code_page(bytes)),
        }
    }

    /// `text`, `ntext` or `image`, which have a table name in COLMETADATA and a pointer in rows.
    pub(in crate::tds) fn is_old_blob(&self) -> bool {
        matches!(self.token, 0x22 | 0x23 | 0x63)
    }

    /// Such a value in a row: pointer, timestamp, length, bytes; NULL has no pointer.
    pub(in crate::tds) fn old_blob_in_row(
        &self,
        cursor: &mut Cursor<'_>,
    ) -> Result<Value, Violation> {
        let pointer = usize::from(cursor.u8()?);
        if pointer == 0 {
            return Ok(Value::Null);
        }
        cursor.take(pointer + 8)?;
        self.old_blob(cursor)
    }

    /// `text`, `ntext` and `image` as a parameter: a length and the bytes.
    fn old_blob(&self, cursor: &mut Cursor<'_>) -> Result<Value, Violation> {
        let length = cursor.u32()?;
        if length == u32::MAX {
            return Ok(Value::Null);
        }
        let length = usize::try_from(length).map_err(|_| Violation::Malformed("a length"))?;
        Ok(self.long(cursor.take(length)?))
    }
}

/// A value of a `max` type: chunks until an empty one.
fn chunks(cursor: &mut Cursor<'_>) -> Result<Option<Vec<u8>>, Violation> {
    if cursor.u64()? == PLP_NULL {
        return Ok(None);
    }
    let mut value = Vec::new();
    loop {
        let length = cursor.length()?;
        if length == 0 {
            return Ok(Some(value));
        }
        value.extend_from_slice(cursor.take(length)?);
    }
}

/// `sql_variant`: the base type, its properties, then the value.
fn variant(cursor: &mut Cursor<'_>) -> Result<Value, Violation> {
    let length = cursor.length()?;
    if length == 0 {
        return Ok(Value::Null);
    }
    let mut inner = Cursor::new(cursor.take(length)?);
    let token = inner.u8()?;
    let properties = usize::from(inner.u8()?);
    let properties = inner.take(properties)?;
    let bytes = inner.rest();
    Ok(match (token, properties) {
        (0xe7 | 0xef, _) => Value::Text(utf16(bytes)),
        (0xa7 | 0xaf, _) => Value::Text(code_page(bytes)),
        (0xa5 | 0xad, _) => Value::Blob(bytes.to_vec()),
        (_, properties) => {
            let fixed = [&[token][..], bytes].concat();
            let scale = properties.last().copied().unwrap_or(0);
            let kind = type_info(&mut Cursor::new(&fixed)).map(|layout| layout.kind);
            kind.ok()
                .and_then(|kind| short(kind, scale, bytes))
                .ok_or(Violation::Malformed("a sql_variant"))?
        }
    })
}

/// A value of a type with a short length.
fn short(kind: Type, scale: u8, bytes: &[u8]) -> Option<Value> {
    Some(match (kind, bytes) {
        (Type::Bit | Type::Int(_), [one]) => Value::Integer(i64::from(*one)),
        (Type::Int(_), bytes) => Value::Integer(match bytes.len() {
            2 => i64::from(i16::from_le_bytes(bytes.try_into().ok()?)),
            4 => i64::from(i32::from_le_bytes(bytes.try_into().ok()?)),
            _ => i64::from_le_bytes(bytes.try_into().ok()?),
        }),
        (Type::Float(_), bytes) => Value::Real(match bytes.len() {
            4 => f64::from(f32::from_le_bytes(bytes.try_into().ok()?)),
            _ => f64::from_le_bytes(bytes.try_into().ok()?),
        }),
        (Type::Decimal(..), [sign, digits @ ..]) => {
            Value::Text(decimal(*sign != 0, digits, scale)?)
        }
        (Type::Money(_), bytes) => {
            let amount = match *bytes {
                [a, b, c, d] => i64::from(i32::from_le_bytes([a, b, c, d])),
                [e, f, g, h, a, b, c, d] => i64::from_le_bytes([a, b, c, d, e, f, g, h]),
                _ => return None,
            };
            Value::Text(decimal(
                amount >= 0,
                &amount.unsigned_abs().to_le_bytes(),
                4,
            )?)
        }
        (Type::Guid, bytes) => Value::Text(guid(bytes.try_into().ok()?)),
        (kind, bytes) => Value::Text(moment(kind, scale, bytes)?),
    })
}

fn decimal(positive: bool, digits: &[u8], scale: u8) -> Option<String> {
    let mut wide = [0; 16];
    wide.get_mut(..digits.len())?.copy_from_slice(digits);
    let scale = usize::from(scale);
    let digits = format!("{:0>1$}", u128::from_le_bytes(wide), scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if positive { "" } else { "-" };
    let point = if scale == 0 { "" } else { "." };
    Some(format!("{sign}{whole}{point}{fraction}"))
}

fn guid(bytes: [u8; 16]) -> String {
    let [d, c, b, a, f, e, h, g, rest @ ..] = bytes;
    let hex: String = [a, b, c, d, e, f, g, h]
        .iter()
        .chain(&rest)
        .map(|byte| format!("{byte:02X}"))
        .collect();
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    parts.join("-")
}

fn moment(kind: Type, scale: u8, bytes: &[u8]) -> Option<String> {
    let day = |bytes: &[u8]| -> Option<i64> {
        let [a, b, c] = bytes else {
            return None;
        };
        Some(i64::from(u32::from_le_bytes([*a, *b, *c, 0])))
    };
    let ticks = |bytes: &[u8]| -> Option<u64> {
        let mut wide = [0; 8];
        wide.get_mut(..bytes.len())?.copy_from_slice(bytes);
        u64::from_le_bytes(wide).checked_mul(10_u64.pow(7 - u32::from(scale)))
    };
    let at = |day, ticks, offset| Moment { day, ticks, offset };
    Some(match kind {
        Type::Date => at(day(bytes)?, 0, 0).date_text(),
        Type::Time(_) => at(0, ticks(bytes)?, 0).time_text(),
        Type::DateTime2(_) => {
            let (time, date) = bytes.split_at_checked(bytes.len().checked_sub(3)?)?;
            at(day(date)?, ticks(time)?, 0).text()
        }
        Type::DateTimeOffset(_) => {
            let (rest, offset) = bytes.split_at_checked(bytes.len().checked_sub(2)?)?;
            let (time, date) = rest.split_at_checked(rest.len().checked_sub(3)?)?;
            let offset = i16::from_le_bytes(offset.try_into().ok()?);
            let utc = at(day(date)?, ticks(time)?, offset);
            utc.shifted(i64::from(offset)).offset_text()
        }
        _ => match *bytes {
            [a, b, c, d] => {
                let days = i64::from(u16::from_le_bytes([a, b]));
                let minutes = u64::from(u16::from_le_bytes([c, d]));
                at(days + DAYS_TO_1900, minutes * 600_000_000, 0).text()
            }
            [a, b, c, d, e, f, g, h] => {
                let days = i64::from(i32::from_le_bytes([a, b, c, d]));
                // 1/300 s, shown to the millisecond as the real server does.
                let thirds = u64::from(u32::from_le_bytes([e, f, g, h]));
                let millis = (thirds * 10 + 1) / 3;
                at(days + DAYS_TO_1900, millis * 10_000, 0).text()
            }
            _ => return None,
        },
    })
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

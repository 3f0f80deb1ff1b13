//! What the server sends: column descriptions and rows.

use super::{MAX, moment, token};
use crate::sample::{Column, Fault, Type, Value};
use crate::tds::cursor::wide;
use crate::tds::token::{COLLATION, first, text8};

/// Column flags: may be NULL, may be written.
const NULLABLE: u16 = 0x0009;

/// COLMETADATA for these columns.
pub(in crate::tds) fn column_metadata(bytes: &mut Vec<u8>, columns: &[Column]) {
    bytes.push(first::COLMETADATA);
    let count = u16::try_from(columns.len()).unwrap_or(u16::MAX);
    bytes.extend(count.to_le_bytes());
    for Column { name, kind, .. } in columns {
        bytes.extend(0_u32.to_le_bytes());
        bytes.extend(NULLABLE.to_le_bytes());
        info(bytes, *kind);
        text8(bytes, name);
    }
}

/// A row; with a bitmap in front when it has NULLs, as the real server does.
pub(in crate::tds) fn row(
    bytes: &mut Vec<u8>,
    columns: &[Column],
    values: &[Value],
) -> Result<(), Fault> {
    let start = bytes.len();
    if values.contains(&Value::Null) {
        bytes.push(first::ROW_WITH_NULL_BITMAP);
        let bitmap = values.chunks(8).map(|eight| {
            let bits = eight.iter().enumerate();
            bits.fold(0_u8, |bits, (at, value)| {
                bits | u8::from(*value == Value::Null) << at
            })
        });
        bytes.extend(bitmap);
    } else {
        bytes.push(first::ROW);
    }
    for (Column { kind, .. }, value) in columns.iter().zip(values) {
        if *value != Value::Null
            && let Err(fault) = self::value(bytes, *kind, value)
        {
            bytes.truncate(start);
            return Err(fault);
        }
    }
    Ok(())
}

/// RETURNVALUE of an output parameter that is an integer.
pub(in crate::tds) fn return_value(bytes: &mut Vec<u8>, ordinal: u16, name: &str, value: i32) {
    bytes.push(first::RETURNVALUE);
    bytes.extend(ordinal.to_le_bytes());
    text8(bytes, name);
    bytes.push(1);
    bytes.extend(0_u32.to_le_bytes());
    bytes.extend(NULLABLE.to_le_bytes());
    info(bytes, Type::Int);
    short(bytes, &value.to_le_bytes());
}

/// TYPE_INFO. Texts and bytes are as long as they may be, unless their column says less.
fn info(bytes: &mut Vec<u8>, kind: Type) {
    match kind {
        Type::Bool => bytes.extend([token::BIT, 1]),
        Type::SmallInt => bytes.extend([token::INT, 2]),
        Type::Int => bytes.extend([token::INT, 4]),
        Type::BigInt => bytes.extend([token::INT, 8]),
        Type::Numeric(precision, scale) => bytes.extend([token::DECIMAL, 17, precision, scale]),
        Type::Text(limit) => {
            bytes.push(token::NVARCHAR);
            bytes.extend(
                length(limit, 4000)
                    .map_or(MAX, |chars| chars * 2)
                    .to_le_bytes(),
            );
            bytes.extend(COLLATION);
        }
        Type::Bytes(limit) => {
            bytes.push(token::VARBINARY);
            bytes.extend(length(limit, 8000).unwrap_or(MAX).to_le_bytes());
        }
        Type::Timestamp => bytes.extend([token::DATETIME2, 7]),
    }
}

/// The length of an `nvarchar` or `varbinary`; `None` is `max`.
fn length(limit: Option<u32>, most: u16) -> Option<u16> {
    u16::try_from(limit?).ok().filter(|limit| *limit <= most)
}

fn value(bytes: &mut Vec<u8>, kind: Type, value: &Value) -> Result<(), Fault> {
    let unfit = || Fault::Invalid(kind, value.shown());
    match (kind, kind.fit(value)?) {
        (_, Value::Bool(bit)) => bytes.extend([1, u8::from(bit)]),
        (Type::SmallInt, Value::Int(number)) => short(bytes, &number.to_le_bytes()[..2]),
        (Type::Int, Value::Int(number)) => short(bytes, &number.to_le_bytes()[..4]),
        (_, Value::Int(number)) => short(bytes, &number.to_le_bytes()),
        (_, Value::Decimal(number)) => {
            bytes.extend([17, u8::from(number.is_sign_positive())]);
            bytes.extend(number.mantissa().unsigned_abs().to_le_bytes());
        }
        (Type::Bytes(limit), Value::Bytes(value)) => {
            long(bytes, length(limit, 8000).is_none(), &value);
        }
        (Type::Timestamp, Value::Text(text)) => {
            let (day, ticks) = moment(&text).ok_or_else(unfit)?;
            let (day, ticks) = (day.to_le_bytes(), ticks.to_le_bytes());
            short(bytes, &[&ticks[..5], &day[..3]].concat());
        }
        (Type::Text(limit), Value::Text(text)) => {
            let text: Vec<u8> = wide(&text).collect();
            let room = length(limit, 4000);
            // Characters beyond the first 65536 are two of `nvarchar`'s.
            if room.is_some_and(|chars| text.len() > usize::from(chars) * 2) {
                return Err(unfit());
            }
            long(bytes, room.is_none(), &text);
        }
        (_, Value::Text(_) | Value::Bytes(_) | Value::Null) => return Err(unfit()),
    }
    Ok(())
}

/// A value with its length in one byte.
fn short(bytes: &mut Vec<u8>, value: &[u8]) {
    bytes.push(u8::try_from(value.len()).unwrap_or(u8::MAX));
    bytes.extend_from_slice(value);
}

/// A value with its length in two bytes, or in one chunk of a `max` type.
fn long(bytes: &mut Vec<u8>, is_max: bool, value: &[u8]) {
    if is_max {
        let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
        bytes.extend(u64::from(length).to_le_bytes());
        if length != 0 {
            bytes.extend(length.to_le_bytes());
            bytes.extend_from_slice(value);
        }
        bytes.extend(0_u32.to_le_bytes());
    } else {
        bytes.extend(u16::try_from(value.len()).unwrap_or(u16::MAX).to_le_bytes());
        bytes.extend_from_slice(value);
    }
}

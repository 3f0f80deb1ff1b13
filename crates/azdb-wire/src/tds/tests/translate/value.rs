//! Values, as whoever receives them reads them: apps of every version, and a server what an app gives it.

use alloc::format;
use alloc::vec::Vec;

use super::cursor::{Cursor, Read, bad};
use super::types::{Kind, Place, Value};

/// A value of a type.
pub(super) fn value(kind: &Kind, cursor: &mut Cursor<'_>, place: Place) -> Read<Value> {
    let bytes = match kind {
        Kind::Fixed { size, .. } => cursor.take(*size)?,
        Kind::Len8 { .. } | Kind::Decimal { .. } | Kind::Moment { .. } => match cursor.u8()? {
            0 => return Ok(Value::Null),
            length => cursor.take(length.into())?,
        },
        Kind::Len16 { max, .. } => match cursor.u16()? {
            0xffff => return Ok(Value::Null),
            length if length > *max => return bad(format!("{length} bytes in {kind:?}")),
            length => cursor.take(length.into())?,
        },
        Kind::Max { .. } | Kind::Xml { .. } | Kind::Udt { .. } => return plp(cursor),
        Kind::Long { .. } if place == Place::Row => return text(cursor),
        Kind::Long { .. } => match cursor.u32()? {
            0xffff_ffff => return Ok(Value::Null),
            length => cursor.take(usize::try_from(length).unwrap())?,
        },
        Kind::Variant { .. } => return variant(cursor),
    };
    Ok(Value::Bytes(bytes.to_vec()))
}

fn text(cursor: &mut Cursor<'_>) -> Read<Value> {
    let length = cursor.u8()?;
    if length == 0 {
        return Ok(Value::Null);
    }
    let pointer = cursor.take(length.into())?.to_vec();
    let stamp = cursor.array()?;
    let length = cursor.len32()?;
    let data = cursor.take(length)?.to_vec();
    Ok(Value::Text {
        pointer,
        stamp,
        data,
    })
}

fn plp(cursor: &mut Cursor<'_>) -> Read<Value> {
    let total = cursor.u64()?;
    if total == u64::MAX {
        return Ok(Value::Null);
    }
    let mut bytes = Vec::new();
    loop {
        match cursor.len32()? {
            0 if total == u64::MAX - 1 || usize::try_from(total) == Ok(bytes.len()) => {
                return Ok(Value::Bytes(bytes));
            }
            0 => return bad(format!("{} bytes of {total}", bytes.len())),
            length => bytes.extend_from_slice(cursor.take(length)?),
        }
    }
}

fn variant(cursor: &mut Cursor<'_>) -> Read<Value> {
    let total = cursor.len32()?;
    if total == 0 {
        return Ok(Value::Null);
    }
    let mut body = Cursor::new(cursor.take(total)?);
    let base = body.u8()?;
    let length = body.u8()?;
    let properties = body.take(length.into())?.to_vec();
    let data = body.rest.to_vec();
    Ok(Value::Variant {
        base,
        properties,
        data,
    })
}

//! The sample's values on the wire of MySQL.

use std::io::{self, Write};

use opensrv_mysql::{Column, ColumnFlags, ColumnType, ToMysqlValue, ValueInner};

use crate::sample::{self, Declared, Dialect, Fault, Type, Value, unknown};

/// How a column of the sample is announced.
pub(super) fn column(of: &sample::Column) -> Column {
    let (coltype, colflags) = match of.kind {
        Type::Bool => (ColumnType::MYSQL_TYPE_TINY, ColumnFlags::empty()),
        Type::SmallInt => (ColumnType::MYSQL_TYPE_SHORT, ColumnFlags::empty()),
        Type::Int => (ColumnType::MYSQL_TYPE_LONG, ColumnFlags::empty()),
        Type::BigInt => (ColumnType::MYSQL_TYPE_LONGLONG, ColumnFlags::empty()),
        Type::Float => (ColumnType::MYSQL_TYPE_DOUBLE, ColumnFlags::empty()),
        Type::Numeric(..) => (ColumnType::MYSQL_TYPE_NEWDECIMAL, ColumnFlags::empty()),
        Type::Text(_) | Type::Uuid => (ColumnType::MYSQL_TYPE_VAR_STRING, ColumnFlags::empty()),
        Type::Bytes(_) => (ColumnType::MYSQL_TYPE_BLOB, ColumnFlags::BINARY_FLAG),
        Type::Date => (ColumnType::MYSQL_TYPE_DATE, ColumnFlags::empty()),
        Type::Timestamp => (ColumnType::MYSQL_TYPE_DATETIME, ColumnFlags::empty()),
    };
    Column {
        table: of.table.clone().unwrap_or_default(),
        column: of.name.clone(),
        coltype,
        colflags,
    }
}

/// The announcement of a column of text.
pub(super) fn text_column(name: &str) -> Column {
    Column {
        table: String::new(),
        column: name.to_owned(),
        coltype: ColumnType::MYSQL_TYPE_VAR_STRING,
        colflags: ColumnFlags::empty(),
    }
}

/// A value in a row.
pub(super) struct Cell<'a>(pub(super) &'a Value);

impl ToMysqlValue for Cell<'_> {
    fn to_mysql_text<W: Write>(&self, writer: &mut W) -> io::Result<()> {
        match self.0 {
            Value::Null => None::<i64>.to_mysql_text(writer),
            Value::Bool(bit) => i64::from(*bit).to_mysql_text(writer),
            Value::Bytes(bytes) => bytes.as_slice().to_mysql_text(writer),
            value => value.shown().as_str().to_mysql_text(writer),
        }
    }

    fn to_mysql_bin<W: Write>(&self, writer: &mut W, column: &Column) -> io::Result<()> {
        let whole = |number: i64| isize::try_from(number).map_err(io::Error::other);
        match (self.0, column.coltype) {
            (Value::Bool(bit), _) => isize::from(*bit).to_mysql_bin(writer, column),
            (Value::Int(number), _) => whole(*number)?.to_mysql_bin(writer, column),
            (Value::Float(number), _) => number.to_mysql_bin(writer, column),
            (Value::Bytes(bytes), _) => bytes.as_slice().to_mysql_bin(writer, column),
            (Value::Text(text), ColumnType::MYSQL_TYPE_DATE | ColumnType::MYSQL_TYPE_DATETIME) => {
                writer.write_all(&moment(text).ok_or(io::ErrorKind::InvalidData)?)
            }
            (value, _) => value.shown().as_str().to_mysql_bin(writer, column),
        }
    }

    fn is_null(&self) -> bool {
        *self.0 == Value::Null
    }
}

/// A date, or date and time, in binary form with its length in front.
fn moment(text: &str) -> Option<Vec<u8>> {
    let (text, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut numbers = text.split(['-', ' ', ':']);
    let year: u16 = numbers.next()?.parse().ok()?;
    let mut bytes = year.to_le_bytes().to_vec();
    for number in numbers {
        bytes.push(number.parse().ok()?);
    }
    if !fraction.is_empty() {
        let micros: u32 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
        bytes.extend(micros.to_le_bytes());
    }
    bytes.insert(0, u8::try_from(bytes.len()).ok()?);
    Some(bytes)
}

/// The type of a parameter, as it was sent.
pub(super) fn declared(sent: &ValueInner<'_>) -> Declared {
    let kind = match sent {
        ValueInner::Int(_) | ValueInner::UInt(_) => Some(Type::BigInt),
        ValueInner::Double(_) => Some(Type::Float),
        _ => None,
    };
    Declared {
        name: String::new(),
        kind,
    }
}

/// A parameter for a place of type `place`.
pub(super) fn parameter(given: ValueInner<'_>, place: Type) -> Result<Value, Fault> {
    let bytes = match given {
        ValueInner::NULL => return Ok(Value::Null),
        ValueInner::Int(number) => return Ok(Value::Int(number)),
        ValueInner::UInt(number) => return Ok(Value::Text(number.to_string())),
        // Its digits, which a decimal number takes exactly or not at all.
        ValueInner::Double(number) => return Ok(Value::Text(number.to_string())),
        ValueInner::Date(bytes) | ValueInner::Datetime(bytes) => {
            let text = shown_moment(bytes);
            return text
                .map(Value::Text)
                .ok_or(unknown("this date", Dialect::Mysql));
        }
        ValueInner::Time(_) => return Err(unknown("parameters of type TIME", Dialect::Mysql)),
        ValueInner::Bytes(bytes) => bytes,
    };
    match (place, std::str::from_utf8(bytes)) {
        (Type::Bytes(_), _) | (_, Err(_)) => Ok(Value::Bytes(bytes.to_vec())),
        (_, Ok(text)) => Ok(Value::Text(text.to_owned())),
    }
}

/// What [`moment`] writes, without the length, as text.
fn shown_moment(bytes: &[u8]) -> Option<String> {
    let [a, b, month, day, time @ ..] = bytes else {
        return None;
    };
    let date = format!("{:04}-{month:02}-{day:02}", u16::from_le_bytes([*a, *b]));
    match time {
        [] => Some(date),
        [hour, minute, second, micros @ ..] => {
            let micros: u32 = match micros {
                [] => 0,
                micros => u32::from_le_bytes(micros.try_into().ok()?),
            };
            let fraction = if micros == 0 {
                String::new()
            } else {
                format!(".{micros:06}")
            };
            Some(format!(
                "{date} {hour:02}:{minute:02}:{second:02}{fraction}"
            ))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_come_back_as_they_went() {
        for text in [
            "2026-03-02",
            "2026-03-02 08:15:00",
            "2026-12-31 23:59:59.000120",
        ] {
            let bytes = moment(text).unwrap_or_default();
            assert_eq!(usize::from(bytes[0]), bytes.len() - 1);
            assert_eq!(shown_moment(&bytes[1..]).as_deref(), Some(text));
        }
    }
}

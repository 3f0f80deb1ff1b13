//! The sample's values on the wire of MySQL.

use std::io::{self, Write};

use chrono::NaiveDateTime;
use opensrv_mysql::{Column, ColumnFlags, ColumnType, ToMysqlValue, ValueInner};

use crate::sample::{self, Declared, Dialect, Fault, Type, Value, unknown};

/// How a column of the sample is announced.
pub(super) fn column(of: &sample::Column) -> Column {
    let coltype = match of.kind {
        Type::Bool => ColumnType::MYSQL_TYPE_TINY,
        Type::SmallInt => ColumnType::MYSQL_TYPE_SHORT,
        Type::Int => ColumnType::MYSQL_TYPE_LONG,
        Type::BigInt => ColumnType::MYSQL_TYPE_LONGLONG,
        Type::Numeric(..) => ColumnType::MYSQL_TYPE_NEWDECIMAL,
        Type::Text(_) => ColumnType::MYSQL_TYPE_VAR_STRING,
        Type::Bytes(_) => ColumnType::MYSQL_TYPE_BLOB,
        Type::Timestamp => ColumnType::MYSQL_TYPE_DATETIME,
    };
    let colflags = match of.kind {
        Type::Bytes(_) => ColumnFlags::BINARY_FLAG,
        _ => ColumnFlags::empty(),
    };
    Column {
        table: of.table.clone().unwrap_or_default(),
        column: of.name.clone(),
        coltype,
        colflags,
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
        match (self.0, column.coltype) {
            (Value::Bool(bit), _) => isize::from(*bit).to_mysql_bin(writer, column),
            (Value::Int(number), _) => isize::try_from(*number)
                .map_err(io::Error::other)?
                .to_mysql_bin(writer, column),
            (Value::Bytes(bytes), _) => bytes.as_slice().to_mysql_bin(writer, column),
            (Value::Text(text), ColumnType::MYSQL_TYPE_DATETIME) => {
                let moment = NaiveDateTime::parse_from_str(text, "%F %T%.f");
                moment
                    .map_err(io::Error::other)?
                    .to_mysql_bin(writer, column)
            }
            (value, _) => value.shown().as_str().to_mysql_bin(writer, column),
        }
    }

    fn is_null(&self) -> bool {
        *self.0 == Value::Null
    }
}

/// The type of a parameter, as it was sent.
pub(super) fn declared(sent: &ValueInner<'_>) -> Declared {
    let kind = match sent {
        ValueInner::Int(_) | ValueInner::UInt(_) => Some(Type::BigInt),
        _ => None,
    };
    Declared {
        name: String::new(),
        kind,
    }
}

/// A parameter for a place of type `place`.
pub(super) fn parameter(given: ValueInner<'_>, place: Type) -> Result<Value, Fault> {
    match given {
        ValueInner::NULL => Ok(Value::Null),
        ValueInner::Int(number) => Ok(Value::Int(number)),
        ValueInner::UInt(number) => Ok(Value::Text(number.to_string())),
        // Its digits, which a decimal number takes exactly or not at all.
        ValueInner::Double(number) if !place.is_text() => Ok(Value::Text(number.to_string())),
        ValueInner::Double(_) => Err(unknown("a parameter of type DOUBLE here", Dialect::Mysql)),
        ValueInner::Date(_) | ValueInner::Datetime(_) | ValueInner::Time(_) => {
            Err(unknown("dates and times as parameters", Dialect::Mysql))
        }
        ValueInner::Bytes(bytes) => match (place, std::str::from_utf8(bytes)) {
            (Type::Bytes(_), _) | (_, Err(_)) => Ok(Value::Bytes(bytes.to_vec())),
            (_, Ok(text)) => Ok(Value::Text(text.to_owned())),
        },
    }
}

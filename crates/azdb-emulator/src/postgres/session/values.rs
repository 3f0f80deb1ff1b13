//! The sample's types and values in PostgreSQL's text and binary forms.

use bytes::{Buf as _, BytesMut};
use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use pgwire::api::Type as PgType;
use pgwire::api::results::FieldFormat;
use pgwire::error::PgWireResult;
use postgres_types::ToSql as _;

use super::canned::refused;
use super::fault::{error, told};
use crate::sample::{Type, Value};

/// A type, as PostgreSQL knows it.
pub(super) fn type_of(kind: Type) -> PgType {
    match kind {
        Type::Bool => PgType::BOOL,
        Type::SmallInt => PgType::INT2,
        Type::Int => PgType::INT4,
        Type::BigInt => PgType::INT8,
        Type::Numeric(..) => PgType::NUMERIC,
        Type::Text(None) => PgType::TEXT,
        Type::Text(Some(_)) => PgType::VARCHAR,
        Type::Bytes(_) => PgType::BYTEA,
        Type::Timestamp => PgType::TIMESTAMP,
    }
}

/// The bytes of a type's values; -1 where they differ.
pub(super) fn size_of(kind: Type) -> i16 {
    match kind {
        Type::Bool => 1,
        Type::SmallInt => 2,
        Type::Int => 4,
        Type::BigInt | Type::Timestamp => 8,
        Type::Numeric(..) | Type::Text(_) | Type::Bytes(_) => -1,
    }
}

/// A type's modifier: the length of a text, or the digits of a number.
pub(super) fn modifier_of(kind: Type) -> i32 {
    match kind {
        Type::Numeric(precision, scale) => (i32::from(precision) << 16 | i32::from(scale)) + 4,
        Type::Text(Some(limit)) => i32::try_from(limit).map_or(-1, |limit| limit + 4),
        _ => -1,
    }
}

/// The type that a client means; `None` for one that it leaves to the server.
pub(super) fn kind_of(told: &PgType) -> PgWireResult<Option<Type>> {
    Ok(Some(match *told {
        // The digits of a `numeric` are those of the column beside it.
        PgType::UNKNOWN | PgType::NUMERIC => return Ok(None),
        PgType::BOOL => Type::Bool,
        PgType::INT2 => Type::SmallInt,
        PgType::INT4 => Type::Int,
        PgType::INT8 => Type::BigInt,
        PgType::TEXT | PgType::VARCHAR | PgType::BPCHAR => Type::Text(None),
        PgType::TIMESTAMP => Type::Timestamp,
        _ => return Err(refused(&format!("parameters of type {told}"))),
    }))
}

/// A type's name, with its length or digits.
pub(super) fn name_of(kind: Type) -> String {
    match kind {
        Type::Bool => "boolean".to_owned(),
        Type::SmallInt => "smallint".to_owned(),
        Type::Int => "integer".to_owned(),
        Type::BigInt => "bigint".to_owned(),
        Type::Numeric(precision, scale) => format!("numeric({precision},{scale})"),
        Type::Text(None) => "text".to_owned(),
        Type::Text(Some(limit)) => format!("character varying({limit})"),
        Type::Bytes(_) => "bytea".to_owned(),
        Type::Timestamp => "timestamp without time zone".to_owned(),
    }
}

/// A value's bytes; `None` for NULL.
pub(super) fn encode(
    value: &Value,
    kind: Type,
    form: FieldFormat,
) -> PgWireResult<Option<Vec<u8>>> {
    let bytes = match (form, value) {
        (_, Value::Null) => return Ok(None),
        (FieldFormat::Text, Value::Bool(bit)) => Some(vec![if *bit { b't' } else { b'f' }]),
        (FieldFormat::Text, other) => Some(other.shown().into_bytes()),
        (FieldFormat::Binary, _) => binary(value, kind),
    };
    let failed = || told("22P03", format!("no binary form of {}", value.shown()));
    bytes.ok_or_else(failed).map(Some)
}

fn binary(value: &Value, kind: Type) -> Option<Vec<u8>> {
    Some(match (value, kind) {
        (Value::Bool(bit), _) => vec![u8::from(*bit)],
        (Value::Int(number), Type::SmallInt) => i16::try_from(*number).ok()?.to_be_bytes().into(),
        (Value::Int(number), Type::Int) => i32::try_from(*number).ok()?.to_be_bytes().into(),
        (Value::Int(number), _) => number.to_be_bytes().into(),
        (Value::Decimal(number), _) => {
            let mut bytes = BytesMut::new();
            number.to_sql(&PgType::NUMERIC, &mut bytes).ok()?;
            bytes.into()
        }
        (Value::Text(text), Type::Timestamp) => {
            let moment = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").ok()?;
            (moment - epoch()?).num_microseconds()?.to_be_bytes().into()
        }
        (Value::Text(text), _) => text.clone().into_bytes(),
        (Value::Bytes(_) | Value::Null, _) => return None,
    })
}

/// Reads a parameter of a type.
pub(super) fn decode(bytes: &[u8], kind: Type, form: FieldFormat) -> PgWireResult<Value> {
    let text = || str::from_utf8(bytes).ok().map(str::to_owned);
    let value = match form {
        FieldFormat::Text => text().map(Value::Text),
        FieldFormat::Binary => from_binary(bytes, kind)?,
    };
    let malformed = || told("22P03", format!("invalid input for type {}", name_of(kind)));
    kind.fit(&value.ok_or_else(malformed)?).map_err(error)
}

fn from_binary(mut bytes: &[u8], kind: Type) -> PgWireResult<Option<Value>> {
    Ok(match (kind, bytes.len()) {
        (Type::Bool, _) => Some(Value::Bool(bytes == [1])),
        (Type::SmallInt | Type::Int | Type::BigInt, length @ (2 | 4 | 8)) => {
            Some(Value::Int(bytes.get_int(length)))
        }
        (Type::Timestamp, 8) => {
            let moment = TimeDelta::microseconds(bytes.get_i64());
            let moment = epoch().and_then(|epoch| epoch.checked_add_signed(moment));
            moment.map(|moment| Value::Text(moment.to_string()))
        }
        (Type::Text(_), _) => str::from_utf8(bytes)
            .ok()
            .map(|text| Value::Text(text.to_owned())),
        (Type::Numeric(..) | Type::Bytes(_), _) => {
            let what = format!("parameters of type {} in binary form", type_of(kind));
            return Err(refused(&what));
        }
        _ => None,
    })
}

/// The beginning of PostgreSQL's time.
fn epoch() -> Option<NaiveDateTime> {
    Some(NaiveDate::from_ymd_opt(2000, 1, 1)?.and_time(NaiveTime::MIN))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn every_type_goes_both_ways_in_both_forms() {
        let text = |text: &str| Value::Text(text.to_owned());
        for (kind, value) in [
            (Type::Bool, Value::Bool(true)),
            (Type::SmallInt, Value::Int(-7)),
            (Type::Int, Value::Int(70_000)),
            (Type::BigInt, Value::Int(i64::MIN)),
            (Type::Text(None), text("naïve")),
            (Type::Timestamp, text("1969-07-20 20:17:40.500")),
            (Type::Timestamp, text("2026-03-02 08:15:00")),
        ] {
            for form in [FieldFormat::Text, FieldFormat::Binary] {
                let bytes = encode(&value, kind, form).unwrap().unwrap();
                let value = kind.fit(&value).unwrap();
                assert_eq!(decode(&bytes, kind, form).unwrap(), value, "{form:?}");
            }
        }
    }

    #[test]
    fn decimal_numbers_are_sent_as_postgresql_sends_them() {
        // `select numeric_send(1234.5)`
        let kind = Type::Numeric(10, 1);
        let sent = encode(
            &kind.fit(&Value::Text("1234.5".into())).unwrap(),
            kind,
            FieldFormat::Binary,
        );
        let words = [0, 2, 0, 0, 0, 0, 0, 1, 0x04, 0xd2, 0x13, 0x88];
        assert_eq!(sent.unwrap().unwrap(), words);
        assert_eq!(modifier_of(Type::Numeric(10, 2)), 655_366);
    }
}

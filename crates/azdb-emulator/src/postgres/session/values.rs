//! The sample's types and values in PostgreSQL's text and binary forms.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

use super::fault::Error;
use crate::sample::{Dialect, Type, Value, unknown};

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Text,
    Binary,
}

impl Form {
    /// The form at a place: no code is text, one code is for all.
    pub(super) fn at(codes: &[i16], place: usize) -> Self {
        let code = match codes {
            [code] => Some(code),
            codes => codes.get(place),
        };
        match code {
            Some(1) => Self::Binary,
            _ => Self::Text,
        }
    }
}

/// A type's object id, size and name.
pub(super) fn described(kind: Type) -> (u32, i16, &'static str) {
    match kind {
        Type::Bool => (16, 1, "boolean"),
        Type::SmallInt => (21, 2, "smallint"),
        Type::Int => (23, 4, "integer"),
        Type::BigInt => (20, 8, "bigint"),
        Type::Float => (701, 8, "double precision"),
        Type::Numeric(..) => (1700, -1, "numeric"),
        Type::Text(None) => (25, -1, "text"),
        Type::Text(Some(_)) => (1043, -1, "character varying"),
        Type::Bytes(_) => (17, -1, "bytea"),
        Type::Date => (1082, 4, "date"),
        Type::Timestamp => (1114, 8, "timestamp without time zone"),
        Type::Uuid => (2950, 16, "uuid"),
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
pub(super) fn kind_of(oid: u32) -> Result<Option<Type>, Error> {
    match oid {
        // The digits of a `numeric` are those of the column beside it.
        0 | 705 | 1700 => Ok(None),
        1042 | 1043 => Ok(Some(Type::Text(None))),
        _ => {
            let kinds = [
                Type::Bool,
                Type::SmallInt,
                Type::Int,
                Type::BigInt,
                Type::Float,
                Type::Text(None),
                Type::Timestamp,
            ];
            let found = kinds.into_iter().find(|kind| described(*kind).0 == oid);
            let what = || format!("parameters of type {oid}");
            let kind = found.ok_or_else(|| unknown(&what(), Dialect::Postgres))?;
            Ok(Some(kind))
        }
    }
}

/// A type's name, with its length or digits.
pub(super) fn name_of(kind: Type) -> String {
    let (_, _, name) = described(kind);
    match kind {
        Type::Numeric(precision, scale) => format!("{name}({precision},{scale})"),
        Type::Text(Some(limit)) => format!("{name}({limit})"),
        _ => name.to_owned(),
    }
}

/// A value's bytes; `None` for NULL.
pub(super) fn encode(value: &Value, kind: Type, form: Form) -> Result<Option<Vec<u8>>, Error> {
    let bytes = match (form, value) {
        (_, Value::Null) => return Ok(None),
        (Form::Text, Value::Bool(bit)) => Some(vec![if *bit { b't' } else { b'f' }]),
        (Form::Text, Value::Float(number)) => Some(float(*number).into_bytes()),
        (Form::Text, other) => Some(other.shown().into_bytes()),
        (Form::Binary, _) => binary(value, kind),
    };
    let failed = || Error::new("22P03", format!("no binary form of {}", value.shown()));
    bytes.ok_or_else(failed).map(Some)
}

/// A double as PostgreSQL shows it.
fn float(number: f64) -> String {
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    match number {
        _ if number.is_nan() => "NaN".to_owned(),
        f64::INFINITY => "Infinity".to_owned(),
        f64::NEG_INFINITY => "-Infinity".to_owned(),
        _ if (-4..15).contains(&exponent) => number.to_string(),
        _ => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
        }
    }
}

fn binary(value: &Value, kind: Type) -> Option<Vec<u8>> {
    Some(match (value, kind) {
        (Value::Bool(bit), _) => vec![u8::from(*bit)],
        (Value::Int(number), Type::SmallInt) => i16::try_from(*number).ok()?.to_be_bytes().into(),
        (Value::Int(number), Type::Int) => i32::try_from(*number).ok()?.to_be_bytes().into(),
        (Value::Int(number), _) => number.to_be_bytes().into(),
        (Value::Float(number), _) => number.to_be_bytes().into(),
        (Value::Numeric { units, scale }, _) => numeric(*units, *scale),
        (Value::Text(text), Type::Timestamp) => {
            let moment = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").ok()?;
            (moment - epoch()?).num_microseconds()?.to_be_bytes().into()
        }
        (Value::Text(text), _) => text.clone().into_bytes(),
        (Value::Bytes(_) | Value::Null, _) => return None,
    })
}

/// Reads a parameter of a type.
pub(super) fn decode(bytes: &[u8], kind: Type, form: Form) -> Result<Value, Error> {
    let value = match form {
        Form::Text => str::from_utf8(bytes)
            .ok()
            .map(|text| Value::Text(text.to_owned())),
        Form::Binary => from_binary(bytes, kind),
    };
    let value = value.ok_or_else(|| {
        let message = format!("invalid input for type {}", name_of(kind));
        Error::new("22P03", message)
    })?;
    Ok(kind.fit(&value)?)
}

fn from_binary(bytes: &[u8], kind: Type) -> Option<Value> {
    Some(match kind {
        Type::Bool => Value::Bool(bytes == [1]),
        Type::SmallInt => Value::Int(i16::from_be_bytes(bytes.try_into().ok()?).into()),
        Type::Int => Value::Int(i32::from_be_bytes(bytes.try_into().ok()?).into()),
        Type::BigInt => Value::Int(i64::from_be_bytes(bytes.try_into().ok()?)),
        Type::Float => Value::Float(f64::from_be_bytes(bytes.try_into().ok()?)),
        Type::Numeric(..) => from_numeric(bytes)?,
        Type::Text(_) => Value::Text(str::from_utf8(bytes).ok()?.to_owned()),
        Type::Timestamp => {
            let micros = TimeDelta::microseconds(i64::from_be_bytes(bytes.try_into().ok()?));
            Value::Text(epoch()?.checked_add_signed(micros)?.to_string())
        }
        Type::Bytes(_) | Type::Date | Type::Uuid => return None,
    })
}

/// The beginning of PostgreSQL's time.
fn epoch() -> Option<NaiveDateTime> {
    Some(NaiveDate::from_ymd_opt(2000, 1, 1)?.and_time(NaiveTime::MIN))
}

/// Sign word of a negative number.
const NEGATIVE: u16 = 0x4000;

/// A decimal number in groups of four digits, counted from the point.
fn numeric(units: i64, scale: u8) -> Vec<u8> {
    let behind = i16::from(scale.div_ceil(4));
    let missing = u32::from(scale.div_ceil(4)) * 4 - u32::from(scale);
    let mut rest = u128::from(units.unsigned_abs()) * 10_u128.pow(missing);
    let mut groups = Vec::new();
    let mut weight = -behind - 1;
    while rest > 0 {
        let group = u16::try_from(rest % 10_000).unwrap_or_default();
        // Zeros at the end are not sent.
        if group > 0 || !groups.is_empty() {
            groups.push(group);
        }
        weight += 1;
        rest /= 10_000;
    }
    let (sign, weight) = match units {
        0 => (0, 0),
        units => (if units < 0 { NEGATIVE } else { 0 }, weight),
    };
    let count = u16::try_from(groups.len()).unwrap_or_default();
    let head = [count, weight.cast_unsigned(), sign, u16::from(scale)];
    let words = head.into_iter().chain(groups.into_iter().rev());
    words.flat_map(u16::to_be_bytes).collect()
}

/// Reads [`numeric`]; `None` for what is none, NaN, or has too many digits.
fn from_numeric(bytes: &[u8]) -> Option<Value> {
    let words = bytes
        .chunks(2)
        .map(|pair| Some(u16::from_be_bytes(pair.try_into().ok()?)));
    let words: Vec<u16> = words.collect::<Option<_>>()?;
    let [count, weight, sign @ (0 | NEGATIVE), scale, groups @ ..] = words.as_slice() else {
        return None;
    };
    let (behind, scale) = (scale.div_ceil(4), u8::try_from(*scale).ok()?);
    let last = i32::from(weight.cast_signed()) + 1 - i32::from(*count);
    let missing = u32::try_from(last + i32::from(behind)).ok()?;
    let mut units = 0_i128;
    for group in groups {
        units = units.checked_mul(10_000)?.checked_add(i128::from(*group))?;
    }
    units = units.checked_mul(10_000_i128.checked_pow(missing)?)?;
    units /= 10_i128.checked_pow(u32::from(behind) * 4 - u32::from(scale))?;
    let units = i64::try_from(if *sign == NEGATIVE { -units } else { units }).ok()?;
    (groups.len() == usize::from(*count)).then_some(Value::Numeric { units, scale })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn every_type_goes_both_ways_in_both_forms() {
        let text = |text: &str| Value::Text(text.to_owned());
        let mut values = vec![
            (Type::Bool, Value::Bool(true)),
            (Type::SmallInt, Value::Int(-7)),
            (Type::Int, Value::Int(70_000)),
            (Type::BigInt, Value::Int(i64::MIN)),
            (Type::Float, Value::Float(1.5e-9)),
            (Type::Text(None), text("naïve")),
            (Type::Timestamp, text("1969-07-20 20:17:40.5")),
            (Type::Timestamp, text("2026-03-02 08:15:00")),
        ];
        for scale in [0, 1, 2, 4, 5, 9] {
            for units in [
                0,
                1,
                -5,
                9999,
                10_000,
                100_000_000,
                -123_456_789_012_345_678,
            ] {
                values.push((Type::Numeric(18, scale), Value::Numeric { units, scale }));
            }
        }
        for (kind, value) in values {
            for form in [Form::Text, Form::Binary] {
                let bytes = encode(&value, kind, form).unwrap().unwrap();
                assert_eq!(decode(&bytes, kind, form).unwrap(), value, "{form:?}");
            }
        }
    }

    #[test]
    fn forms_are_those_of_postgresql() {
        for (number, shown) in [
            (1.0, "1"),
            (1e15, "1e+15"),
            (123_456.75, "123456.75"),
            (0.000_01, "1e-05"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(float(number), shown);
        }
        let second = encode(
            &Value::Text("2000-01-02 00:00:01".to_owned()),
            Type::Timestamp,
            Form::Binary,
        );
        let micros: i64 = 86_401_000_000;
        assert_eq!(second.unwrap().unwrap(), micros.to_be_bytes());
        // select numeric_send(1234.5)
        let sent = [0, 2, 0, 0, 0, 0, 0, 1, 0x04, 0xd2, 0x13, 0x88];
        assert_eq!(numeric(12_345, 1), sent);
        assert_eq!(modifier_of(Type::Numeric(10, 2)), 655_366);
    }
}

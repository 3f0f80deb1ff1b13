//! The sample's types and values in PostgreSQL's text and binary forms.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

use super::fault::Error;
use super::numeric;
use crate::sample::{Type, Value};

/// From 1970 to 2000.
const EPOCH: TimeDelta = TimeDelta::days(10_957);

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

/// A type's object id and size.
pub(super) fn oid_of(kind: Type) -> (u32, i16) {
    match kind {
        Type::Bool => (16, 1),
        Type::SmallInt => (21, 2),
        Type::Int => (23, 4),
        Type::BigInt => (20, 8),
        Type::Float => (701, 8),
        Type::Numeric(..) => (1700, -1),
        Type::Text(None) => (25, -1),
        Type::Text(Some(_)) => (1043, -1),
        Type::Bytes(_) => (17, -1),
        Type::Date => (1082, 4),
        Type::Timestamp => (1114, 8),
        Type::Uuid => (2950, 16),
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
    Ok(Some(match oid {
        0 | 705 => return Ok(None),
        16 => Type::Bool,
        21 => Type::SmallInt,
        23 => Type::Int,
        20 => Type::BigInt,
        701 => Type::Float,
        // Its digits are those of the column beside it.
        1700 => return Ok(None),
        25 | 1042 | 1043 => Type::Text(None),
        17 => Type::Bytes(None),
        1082 => Type::Date,
        1114 => Type::Timestamp,
        2950 => Type::Uuid,
        other => {
            let what = format!("parameters of type {other}");
            return Err(crate::sample::unknown(&what, crate::sample::Dialect::Postgres).into());
        }
    }))
}

/// A type's name.
pub(super) fn name_of(kind: Type) -> String {
    match kind {
        Type::Bool => "boolean".to_owned(),
        Type::SmallInt => "smallint".to_owned(),
        Type::Int => "integer".to_owned(),
        Type::BigInt => "bigint".to_owned(),
        Type::Float => "double precision".to_owned(),
        Type::Numeric(precision, scale) => format!("numeric({precision},{scale})"),
        Type::Text(None) => "text".to_owned(),
        Type::Text(Some(limit)) => format!("character varying({limit})"),
        Type::Bytes(_) => "bytea".to_owned(),
        Type::Date => "date".to_owned(),
        Type::Timestamp => "timestamp without time zone".to_owned(),
        Type::Uuid => "uuid".to_owned(),
    }
}

/// A value's bytes; `None` for NULL.
pub(super) fn encode(value: &Value, kind: Type, form: Form) -> Result<Option<Vec<u8>>, Error> {
    if *value == Value::Null {
        return Ok(None);
    }
    let bytes = match form {
        Form::Text => Some(text(value).into_bytes()),
        Form::Binary => binary(value, kind),
    };
    let failed = || Error::new("22P03", format!("no binary form of {}", value.shown()));
    bytes.ok_or_else(failed).map(Some)
}

fn text(value: &Value) -> String {
    match value {
        Value::Bool(bit) => if *bit { "t" } else { "f" }.to_owned(),
        Value::Float(number) => float(*number),
        Value::Bytes(_) => format!("\\x{}", value.shown()),
        other => other.shown(),
    }
}

/// A double as PostgreSQL shows it.
fn float(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        }
        .to_owned();
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..15).contains(&exponent) {
        return number.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
}

fn binary(value: &Value, kind: Type) -> Option<Vec<u8>> {
    Some(match (value, kind) {
        (Value::Bool(bit), _) => vec![u8::from(*bit)],
        (Value::Int(number), Type::SmallInt) => i16::try_from(*number).ok()?.to_be_bytes().into(),
        (Value::Int(number), Type::Int) => i32::try_from(*number).ok()?.to_be_bytes().into(),
        (Value::Int(number), _) => number.to_be_bytes().into(),
        (Value::Float(number), _) => number.to_be_bytes().into(),
        (Value::Numeric { .. }, _) => numeric::encode(&value.shown())?,
        (Value::Text(text), Type::Date) => i32::try_from(days(text)?).ok()?.to_be_bytes().into(),
        (Value::Text(text), Type::Timestamp) => micros(text)?.to_be_bytes().into(),
        (Value::Text(text), Type::Uuid) => hex(&text.replace('-', ""))?,
        (Value::Text(text), _) => text.clone().into_bytes(),
        (Value::Bytes(bytes), _) => bytes.clone(),
        (Value::Null, _) => return None,
    })
}

/// Reads a parameter of a type.
pub(super) fn decode(bytes: &[u8], kind: Type, form: Form) -> Result<Value, Error> {
    let text = || std::str::from_utf8(bytes).ok();
    let value = match (form, kind) {
        (Form::Text, Type::Bytes(_)) => {
            let bytes = text().and_then(|text| hex(text.strip_prefix("\\x")?));
            bytes.map(Value::Bytes)
        }
        (Form::Text, _) => text().map(|text| Value::Text(text.to_owned())),
        (Form::Binary, _) => from_binary(bytes, kind),
    };
    let value = value.ok_or_else(|| {
        let message = format!("invalid input for type {}", name_of(kind));
        Error::new("22P03", message)
    })?;
    Ok(kind.fit(&value)?)
}

fn from_binary(bytes: &[u8], kind: Type) -> Option<Value> {
    let text = || std::str::from_utf8(bytes).ok().map(str::to_owned);
    Some(match kind {
        Type::Bool => Value::Bool(bytes == [1]),
        Type::SmallInt => Value::Int(i16::from_be_bytes(bytes.try_into().ok()?).into()),
        Type::Int => Value::Int(i32::from_be_bytes(bytes.try_into().ok()?).into()),
        Type::BigInt => Value::Int(i64::from_be_bytes(bytes.try_into().ok()?)),
        Type::Float => Value::Float(f64::from_be_bytes(bytes.try_into().ok()?)),
        Type::Numeric(..) => Value::Text(numeric::decode(bytes)?),
        Type::Text(_) => Value::Text(text()?),
        Type::Bytes(_) => Value::Bytes(bytes.to_vec()),
        Type::Date => Value::Text(day(i32::from_be_bytes(bytes.try_into().ok()?).into())?),
        Type::Timestamp => Value::Text(moment(i64::from_be_bytes(bytes.try_into().ok()?))?),
        Type::Uuid => {
            let digits = Value::Bytes(bytes.to_vec()).shown();
            let (a, rest) = digits.split_at_checked(8)?;
            let (b, rest) = rest.split_at_checked(4)?;
            let (c, rest) = rest.split_at_checked(4)?;
            let (d, e) = rest.split_at_checked(4)?;
            Value::Text(format!("{a}-{b}-{c}-{d}-{e}"))
        }
    })
}

fn hex(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

/// The beginning of PostgreSQL's time.
fn epoch() -> NaiveDateTime {
    NaiveDate::default().and_time(NaiveTime::MIN) + EPOCH
}

/// The days from 2000 to an ISO date.
fn days(date: &str) -> Option<i64> {
    let date: NaiveDate = date.parse().ok()?;
    Some((date - epoch().date()).num_days())
}

/// The ISO date so many days after 2000.
fn day(days: i64) -> Option<String> {
    let date = epoch()
        .date()
        .checked_add_signed(TimeDelta::try_days(days)?)?;
    Some(date.to_string())
}

/// The microseconds from 2000 to an ISO timestamp.
fn micros(timestamp: &str) -> Option<i64> {
    let moment = NaiveDateTime::parse_from_str(timestamp, "%Y-%m-%d %H:%M:%S%.f").ok()?;
    (moment - epoch()).num_microseconds()
}

/// The ISO timestamp so many microseconds after 2000.
fn moment(micros: i64) -> Option<String> {
    let moment = epoch().checked_add_signed(TimeDelta::microseconds(micros))?;
    Some(moment.to_string())
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
            (Type::Float, Value::Float(1.5e-9)),
            (
                Type::Numeric(10, 2),
                Value::Numeric {
                    units: -1450,
                    scale: 2,
                },
            ),
            (Type::Text(None), text("naïve")),
            (Type::Bytes(None), Value::Bytes(vec![0, 255])),
            (Type::Date, text("1999-12-31")),
            (Type::Date, text("2024-02-29")),
            (Type::Timestamp, text("1969-07-20 20:17:40.5")),
            (Type::Timestamp, text("2026-03-02 08:15:00")),
            (Type::Uuid, text("c0ffee00-5a0e-4b1d-9f5c-2b7e8d4a6f02")),
        ] {
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
        assert_eq!(days("2000-01-01"), Some(0));
        assert_eq!(days("2000-03-01"), Some(60));
        assert_eq!(micros("2000-01-02 00:00:01"), Some(86_401_000_000));
        assert_eq!(modifier_of(Type::Numeric(10, 2)), 655_366);
    }
}

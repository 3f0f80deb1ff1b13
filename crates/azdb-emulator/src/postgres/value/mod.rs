//! Values between SQLite and the wire.
//!
//! Everything goes through PostgreSQL's text form: it is what SQLite's loose types are first brought
//! into, and what the binary form is made of.

pub(super) mod array;
mod numeric;
pub(super) mod time;

use rusqlite::types::{Value, ValueRef};

use super::error::SqlError;
use super::types::{
    BOOL, BPCHAR, BYTEA, CHAR, ColumnType, DATE, FLOAT4, FLOAT8, INT2, INT4, INT8, JSON, JSONB,
    NUMERIC, OID, TIME, TIMESTAMP, TIMESTAMPTZ, UUID,
};
use time::Moment;

/// How a value is written on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Text,
    Binary,
}

impl Form {
    /// The form for a position: no codes mean text, one code means all, else one each.
    pub(super) fn of(format: &pgwire::api::portal::Format, position: usize) -> Self {
        use pgwire::api::portal::Format;
        let is_binary = match format {
            Format::UnifiedText => false,
            Format::UnifiedBinary => true,
            Format::Individual(codes) => codes.get(position) == Some(&1),
        };
        if is_binary { Self::Binary } else { Self::Text }
    }
}

/// A result value as bytes; `None` is NULL.
pub(super) fn encode(
    value: ValueRef<'_>,
    column: ColumnType,
    form: Form,
) -> Result<Option<Vec<u8>>, SqlError> {
    let Some(text) = text(value, column) else {
        return Ok(None);
    };
    match form {
        Form::Text => Ok(Some(text.into_bytes())),
        Form::Binary => encode_binary(&text, column).map(Some),
    }
}

/// A value in the text form of a type; `None` is NULL.
pub(super) fn text(value: ValueRef<'_>, column: ColumnType) -> Option<String> {
    let plain = match value {
        ValueRef::Null => return None,
        ValueRef::Integer(number) => match column {
            BOOL => if number == 0 { "f" } else { "t" }.to_owned(),
            column if column.scale().is_some() => decimal(number as f64, column),
            _ => number.to_string(),
        },
        ValueRef::Real(number) => match column.unmodified() {
            NUMERIC => decimal(number, column),
            column if column.is_integer() && number.fract() == 0.0 => format!("{number:.0}"),
            _ => float(number),
        },
        ValueRef::Text(bytes) => stored_text(String::from_utf8_lossy(bytes).into_owned(), column),
        ValueRef::Blob(bytes) if column == BYTEA => hex(bytes),
        ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    };
    Some(plain)
}

/// Text that SQLite kept, as the type shows it.
fn stored_text(text: String, column: ColumnType) -> String {
    match column.unmodified() {
        TIMESTAMPTZ => match Moment::parse(&text) {
            Some(moment) => format!("{}+00", moment.timestamp()),
            None => text,
        },
        TIMESTAMP => Moment::parse(&text).map_or(text, Moment::timestamp),
        DATE => Moment::parse(&text).map_or(text, Moment::date),
        BOOL => match text.as_str() {
            "true" => "t".to_owned(),
            "false" => "f".to_owned(),
            _ => text,
        },
        BPCHAR => match column.padded_length() {
            Some(length) => format!("{text:<length$}"),
            None => text,
        },
        BYTEA if !text.starts_with("\\x") => hex(text.as_bytes()),
        _ => text,
    }
}

/// A number with as many digits behind the point as its type has, or as it needs.
fn decimal(number: f64, column: ColumnType) -> String {
    match column.scale() {
        Some(scale) => format!("{number:.scale$}"),
        None if number.is_nan() => "NaN".to_owned(),
        None => format!("{number}"),
    }
}

/// The shortest text that reads back as this number, with PostgreSQL's exponents.
fn float(number: f64) -> String {
    let size = number.abs();
    if number.is_infinite() {
        return if number > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        }
        .to_owned();
    }
    if size == 0.0 || (1e-4..1e15).contains(&size) || number.is_nan() {
        return format!("{number}");
    }
    let text = format!("{number:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    format!("{mantissa}e{sign}{digits:0>2}")
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
    format!("\\x{}", digits.collect::<String>())
}

/// The binary form of a value in text form.
fn encode_binary(text: &str, column: ColumnType) -> Result<Vec<u8>, SqlError> {
    if let Some(element) = column.element() {
        return array::encode(text, element);
    }
    let encoded = match column.unmodified() {
        BOOL => Some(vec![u8::from(matches!(text, "t" | "true" | "1"))]),
        INT2 => text.parse::<i16>().ok().map(|n| n.to_be_bytes().to_vec()),
        INT4 => text.parse::<i32>().ok().map(|n| n.to_be_bytes().to_vec()),
        INT8 => text.parse::<i64>().ok().map(|n| n.to_be_bytes().to_vec()),
        FLOAT4 => text.parse::<f32>().ok().map(|n| n.to_be_bytes().to_vec()),
        FLOAT8 => text.parse::<f64>().ok().map(|n| n.to_be_bytes().to_vec()),
        NUMERIC => numeric::encode(text),
        DATE => Moment::parse(text)
            .and_then(|moment| i32::try_from(moment.days).ok())
            .map(|days| days.to_be_bytes().to_vec()),
        TIME => time::parse_time(text).map(|micros| micros.to_be_bytes().to_vec()),
        TIMESTAMP | TIMESTAMPTZ => {
            Moment::parse(text).map(|moment| moment.micros().to_be_bytes().to_vec())
        }
        BYTEA => unhex(text),
        UUID => unhex(&format!("\\x{}", text.replace('-', ""))).filter(|bytes| bytes.len() == 16),
        JSONB => Some([&[1], text.as_bytes()].concat()),
        column if column.size() == 4 && column != CHAR => text
            .parse::<u32>()
            .ok()
            .map(|oid| oid.to_be_bytes().to_vec()),
        _ => Some(text.as_bytes().to_vec()),
    };
    encoded.ok_or_else(|| SqlError::invalid_input(&column.title(), text))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("\\x")?;
    let pairs = digits.as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair)
            .ok()
            .filter(|pair| pair.len() == 2)?;
        u8::from_str_radix(pair, 16).ok()
    });
    pairs.collect()
}

/// A parameter as SQLite shall have it.
pub(super) fn decode(bytes: &[u8], column: ColumnType, form: Form) -> Result<Value, SqlError> {
    if column == BYTEA && form == Form::Binary {
        return Ok(Value::Blob(bytes.to_vec()));
    }
    let text = decode_text(bytes, column, form)?;
    from_text(text, column)
}

/// A value in text form as SQLite shall have it; says so when it is none of the type.
pub(super) fn from_text(text: String, column: ColumnType) -> Result<Value, SqlError> {
    let invalid = || SqlError::invalid_input(&column.title(), &text);
    let out_of_range = || {
        let message = format!(
            "value \"{text}\" is out of range for type {}",
            column.title()
        );
        SqlError::new("22003", message)
    };
    let trimmed = text.trim();
    let value = match column.unmodified() {
        INT2 | INT4 | INT8 | OID => {
            let number: i64 = trimmed.parse().map_err(|_| invalid())?;
            let fits = match column.unmodified() {
                INT2 => i16::try_from(number).is_ok(),
                INT4 => i32::try_from(number).is_ok(),
                OID => u32::try_from(number).is_ok(),
                _ => true,
            };
            Value::Integer(fits.then_some(number).ok_or_else(out_of_range)?)
        }
        FLOAT4 | FLOAT8 => Value::Real(trimmed.parse().map_err(|_| invalid())?),
        NUMERIC => match trimmed.parse::<i64>() {
            Ok(number) => Value::Integer(number),
            Err(_) => Value::Real(trimmed.parse().map_err(|_| invalid())?),
        },
        BOOL => match trimmed.to_ascii_lowercase().as_str() {
            "t" | "true" | "1" | "on" | "yes" | "y" => Value::Integer(1),
            "f" | "false" | "0" | "off" | "no" | "n" => Value::Integer(0),
            _ => return Err(invalid()),
        },
        DATE => Value::Text(Moment::parse(trimmed).ok_or_else(invalid)?.date()),
        TIMESTAMP | TIMESTAMPTZ => {
            Value::Text(Moment::parse(trimmed).ok_or_else(invalid)?.timestamp())
        }
        TIME => {
            let micros = time::parse_time(trimmed).ok_or_else(invalid)?;
            Value::Text(time::time_text(micros))
        }
        BYTEA => match unhex(trimmed) {
            Some(bytes) => Value::Blob(bytes),
            None => Value::Blob(text.into_bytes()),
        },
        UUID => Value::Text(uuid(trimmed).ok_or_else(invalid)?),
        JSON | JSONB if serde_json::from_str::<serde::de::IgnoredAny>(&text).is_err() => {
            return Err(SqlError::new("22P02", "invalid input syntax for type json"));
        }
        _ => Value::Text(text),
    };
    Ok(value)
}

/// A UUID in its usual form.
fn uuid(text: &str) -> Option<String> {
    let digits = text.replace(['-', '{', '}'], "").to_ascii_lowercase();
    if digits.len() != 32 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32];
    let parts: Option<Vec<&str>> = parts.into_iter().map(|part| digits.get(part)).collect();
    Some(parts?.join("-"))
}

/// The text form of a parameter.
fn decode_text(bytes: &[u8], column: ColumnType, form: Form) -> Result<String, SqlError> {
    let invalid = || {
        let message = format!("incorrect binary data format for type {}", column.title());
        SqlError::new("22P03", message)
    };
    if form == Form::Binary
        && let Some(text) = binary_text(bytes, column)
    {
        return text.ok_or_else(invalid);
    }
    let text = String::from_utf8(bytes.to_vec());
    text.map_err(|_| SqlError::new("22021", "invalid byte sequence for encoding \"UTF8\""))
}

/// The text form of binary data: `Some(None)` when the bytes are wrong, `None` for types whose
/// binary form is their text.
fn binary_text(bytes: &[u8], column: ColumnType) -> Option<Option<String>> {
    if column.element().is_some() {
        return Some(array::decode(bytes));
    }
    let text = match column.unmodified() {
        BOOL => bytes
            .first()
            .map(|byte| if *byte == 0 { "f" } else { "t" }.to_owned()),
        INT2 => bytes
            .try_into()
            .ok()
            .map(|b| i16::from_be_bytes(b).to_string()),
        INT4 => bytes
            .try_into()
            .ok()
            .map(|b| i32::from_be_bytes(b).to_string()),
        INT8 => bytes
            .try_into()
            .ok()
            .map(|b| i64::from_be_bytes(b).to_string()),
        OID => bytes
            .try_into()
            .ok()
            .map(|b| u32::from_be_bytes(b).to_string()),
        FLOAT4 => bytes
            .try_into()
            .ok()
            .map(|b| f32::from_be_bytes(b).to_string()),
        FLOAT8 => bytes
            .try_into()
            .ok()
            .map(|b| f64::from_be_bytes(b).to_string()),
        NUMERIC => numeric::decode(bytes),
        DATE => bytes.try_into().ok().map(|b| {
            let days = i64::from(i32::from_be_bytes(b));
            Moment { days, time: 0 }.date()
        }),
        TIME => bytes
            .try_into()
            .ok()
            .map(|b| time::time_text(i64::from_be_bytes(b))),
        TIMESTAMP | TIMESTAMPTZ => bytes
            .try_into()
            .ok()
            .map(|b| Moment::from_micros(i64::from_be_bytes(b)).timestamp()),
        UUID => Some(hex(bytes).trim_start_matches("\\x").to_owned()),
        JSONB => {
            let json = bytes.strip_prefix(&[1]);
            json.map(|json| String::from_utf8_lossy(json).into_owned())
        }
        BYTEA => Some(hex(bytes)),
        _ => return None,
    };
    Some(text)
}

//! Types and values, exact in both directions: what SQLite would mix up is kept apart here.
//!
//! | type | in SQLite |
//! |---|---|
//! | `Bool`, the integers | integer |
//! | `Numeric(precision, scale)` | integer: the units of the last digit, so that nothing is rounded |
//! | `Text` | text |
//! | `Timestamp` | text, in its one form, which sorts as moments do |
//! | `Bytes` | blob; a column of a table has it in T-SQL alone |

use chrono::{Datelike as _, NaiveDate, NaiveDateTime, Timelike as _};
use rusqlite::types::{Value as Stored, ValueRef};
use rust_decimal::Decimal;

use super::fault::Fault;

/// The most digits of a number that an integer of SQLite holds.
pub(crate) const MAX_PRECISION: u8 = 18;

/// The declared type of an integer that numbers its rows: under no other name does SQLite do so.
pub(super) const NUMBERED: &str = "INTEGER";

/// The type of a column, parameter or expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Bool,
    SmallInt,
    Int,
    BigInt,
    /// Digits in all, and behind the point.
    Numeric(u8, u8),
    /// With the most characters that it holds.
    Text(Option<u32>),
    /// With the most bytes that it holds.
    Bytes(Option<u32>),
    Timestamp,
}

/// A value. Timestamps are text in their ISO form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Decimal(Decimal),
    Text(String),
    Bytes(Vec<u8>),
}

impl Type {
    pub(crate) fn is_integer(self) -> bool {
        matches!(self, Self::SmallInt | Self::Int | Self::BigInt)
    }

    pub(crate) fn is_text(self) -> bool {
        matches!(self, Self::Text(_))
    }

    /// Whether SQLite holds equal values of both types in the same way.
    pub(super) fn is_held_as(self, other: Self) -> bool {
        match (self, other) {
            (Self::Numeric(_, one), Self::Numeric(_, other)) => one == other,
            (one, other) if one.is_integer() => other.is_integer(),
            (one, other) if one.is_text() => other.is_text(),
            (one, other) => one == other,
        }
    }

    /// The type in which values of both can meet, if there is one that changes neither.
    pub(super) fn wider(self, other: Self) -> Option<Self> {
        let scale = |kind: Self| match kind {
            Self::Numeric(_, scale) => Some(scale),
            kind => kind.is_integer().then_some(0),
        };
        match (self, other) {
            (Self::Text(_), Self::Text(_)) => Some(Self::Text(None)),
            (Self::Numeric(..), _) | (_, Self::Numeric(..)) => {
                let scale = scale(self)?.max(scale(other)?);
                Some(Self::Numeric(MAX_PRECISION, scale))
            }
            _ if self.is_integer() && other.is_integer() => {
                let kinds = [Self::BigInt, Self::Int, Self::SmallInt];
                kinds.into_iter().find(|kind| [self, other].contains(kind))
            }
            _ => (self == other).then_some(self),
        }
    }

    /// How a column of it is declared in SQLite, which writes its own types in capitals.
    pub(super) fn declared(self) -> String {
        match self {
            Self::Bool => "boolean".to_owned(),
            Self::SmallInt => "smallint".to_owned(),
            Self::Int => "INT".to_owned(),
            Self::BigInt => "bigint".to_owned(),
            Self::Numeric(precision, scale) => format!("numeric({precision},{scale})"),
            Self::Text(None) => "TEXT".to_owned(),
            Self::Text(Some(limit)) => format!("varchar({limit})"),
            Self::Bytes(_) => "BLOB".to_owned(),
            Self::Timestamp => "timestamp".to_owned(),
        }
    }

    /// Reads [`declared`](Self::declared), or [`NUMBERED`].
    pub(super) fn read(text: &str) -> Option<Self> {
        let digits = |word: &str| text.strip_prefix(word)?.strip_suffix(')');
        if let Some(limit) = digits("varchar(") {
            return Some(Self::Text(Some(limit.parse().ok()?)));
        }
        if let Some((precision, scale)) = digits("numeric(").and_then(|n| n.split_once(',')) {
            return Some(Self::Numeric(precision.parse().ok()?, scale.parse().ok()?));
        }
        match text {
            "boolean" => Some(Self::Bool),
            "smallint" => Some(Self::SmallInt),
            "INT" | NUMBERED => Some(Self::Int),
            "bigint" => Some(Self::BigInt),
            "TEXT" => Some(Self::Text(None)),
            "BLOB" => Some(Self::Bytes(None)),
            "timestamp" => Some(Self::Timestamp),
            _ => None,
        }
    }

    /// What SQLite checks of a column of this type, under a name that says the type.
    pub(super) fn check(self, column: &str) -> Option<String> {
        let condition = match self {
            Self::Text(Some(limit)) => format!("length({column}) <= {limit}"),
            _ => {
                let (least, most) = self.range()?;
                format!("{column} BETWEEN {least} AND {most} AND typeof({column}) <> 'real'")
            }
        };
        let name = self.declared();
        Some(format!("CONSTRAINT \"{name}\" CHECK ({condition})"))
    }

    /// A literal of SQLite as one of SQL.
    pub(super) fn unwritten(self, literal: String) -> String {
        match (self, literal.parse()) {
            (Self::Bool, Ok(bit)) => (bit == 1).to_string(),
            (Self::Numeric(_, scale), Ok(units)) => Decimal::new(units, scale.into()).to_string(),
            _ => literal,
        }
    }

    /// The least and the greatest integer that stand for it.
    fn range(self) -> Option<(i64, i64)> {
        match self {
            Self::SmallInt => Some((i16::MIN.into(), i16::MAX.into())),
            Self::Int => Some((i32::MIN.into(), i32::MAX.into())),
            Self::BigInt => Some((i64::MIN, i64::MAX)),
            Self::Numeric(precision, _) => {
                let most = 10_i64.checked_pow(precision.into())? - 1;
                Some((-most, most))
            }
            _ => None,
        }
    }

    fn holds(self, integer: i64) -> Result<i64, Fault> {
        match self.range() {
            Some((least, most)) if !(least..=most).contains(&integer) => {
                Err(Fault::OutOfRange(self))
            }
            _ => Ok(integer),
        }
    }

    /// The value as one of this type, if that changes nothing of what it says.
    pub(crate) fn fit(self, value: &Value) -> Result<Value, Fault> {
        let invalid = || Fault::Invalid(self, value.shown());
        let fitted = match (self, value) {
            (_, Value::Null) | (Self::Bool, Value::Bool(_)) | (Self::Bytes(_), Value::Bytes(_)) => {
                value.clone()
            }
            (Self::Bool, Value::Int(bit @ (0 | 1))) => Value::Bool(*bit == 1),
            (Self::Bool, Value::Text(word)) => Value::Bool(truth(word).ok_or_else(invalid)?),
            (Self::SmallInt | Self::Int | Self::BigInt, _) => {
                Value::Int(self.holds(value.units(0).ok_or_else(invalid)?)?)
            }
            (Self::Numeric(_, scale), _) => {
                let units = self.holds(value.units(scale).ok_or_else(invalid)?)?;
                Value::Decimal(Decimal::new(units, scale.into()))
            }
            (Self::Text(limit), Value::Text(text)) => match limit {
                Some(limit) if text.chars().count() > limit as usize => {
                    return Err(Fault::TooLong(limit));
                }
                _ => value.clone(),
            },
            (Self::Text(_), Value::Int(_) | Value::Decimal(_)) => Value::Text(value.shown()),
            (Self::Timestamp, Value::Text(text)) => {
                Value::Text(timestamp(text).ok_or_else(invalid)?)
            }
            _ => return Err(invalid()),
        };
        Ok(fitted)
    }

    /// A value of SQLite as one of this type.
    pub(super) fn load(self, stored: ValueRef<'_>) -> Result<Value, Fault> {
        Ok(match (self, stored) {
            (_, ValueRef::Null) => Value::Null,
            (Self::Bool, ValueRef::Integer(bit)) => Value::Bool(bit != 0),
            (Self::Numeric(_, scale), ValueRef::Integer(units)) => {
                Value::Decimal(Decimal::new(self.holds(units)?, scale.into()))
            }
            (_, ValueRef::Integer(integer)) => Value::Int(self.holds(integer)?),
            // What had no room in an integer.
            (_, ValueRef::Real(_)) => return Err(Fault::OutOfRange(self)),
            (_, ValueRef::Text(bytes)) => Value::Text(String::from_utf8_lossy(bytes).into_owned()),
            (_, ValueRef::Blob(bytes)) => Value::Bytes(bytes.to_vec()),
        })
    }
}

impl Value {
    pub(super) fn is_text(&self) -> bool {
        matches!(self, Self::Text(_))
    }

    /// How SQLite holds it.
    pub(super) fn stored(&self) -> Stored {
        match self {
            Self::Null => Stored::Null,
            Self::Bool(bit) => Stored::Integer((*bit).into()),
            Self::Int(integer) => Stored::Integer(*integer),
            Self::Decimal(number) => Stored::Integer(held(number)),
            Self::Text(text) => Stored::Text(text.clone()),
            Self::Bytes(bytes) => Stored::Blob(bytes.clone()),
        }
    }

    /// The value as a literal of SQLite.
    pub(super) fn literal(&self) -> String {
        match self {
            Self::Null => "NULL".to_owned(),
            Self::Bool(bit) => u8::from(*bit).to_string(),
            Self::Int(integer) => integer.to_string(),
            Self::Decimal(number) => held(number).to_string(),
            Self::Text(text) => format!("'{}'", text.replace('\'', "''")),
            Self::Bytes(_) => format!("x'{}'", self.shown()),
        }
    }

    /// The value as text; decimal numbers with all digits of their scale.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Null => "NULL".to_owned(),
            Self::Bool(bit) => bit.to_string(),
            Self::Int(integer) => integer.to_string(),
            Self::Decimal(number) => number.to_string(),
            Self::Text(text) => text.clone(),
            Self::Bytes(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }

    /// A number as units of its `scale`th decimal; `None` if it is none or has more decimals.
    fn units(&self, scale: u8) -> Option<i64> {
        let exact = match self {
            Self::Int(integer) => Decimal::from(*integer),
            Self::Decimal(number) => *number,
            Self::Text(text) => return number(text.trim())?.units(scale),
            _ => return None,
        };
        let mut scaled = exact;
        scaled.rescale(scale.into());
        let is_exact = scaled == exact && scaled.scale() == u32::from(scale);
        is_exact.then(|| scaled.mantissa().try_into().ok())?
    }
}

/// A number as SQLite holds it, which is one that has been fitted into its type.
fn held(number: &Decimal) -> i64 {
    i64::try_from(number.mantissa()).unwrap_or(i64::MAX)
}

/// Reads a decimal number without exponent.
pub(crate) fn number(text: &str) -> Option<Value> {
    let is_plain = |byte: u8| byte.is_ascii_digit() || b"+-.".contains(&byte);
    let number = Decimal::from_str_exact(text).ok()?;
    let number = Some(number).filter(|_| text.bytes().all(is_plain))?;
    match text.contains('.') {
        true => (number.scale() <= MAX_PRECISION.into()).then_some(Value::Decimal(number)),
        false => number.try_into().ok().map(Value::Int),
    }
}

/// Bytes written as two digits each.
pub(super) fn bytes(digits: &str) -> Option<Vec<u8>> {
    let (pairs, []) = digits.as_bytes().as_chunks::<2>() else {
        return None;
    };
    let mut bytes = Vec::with_capacity(pairs.len());
    for [high, low] in pairs {
        bytes.push((hexadecimal(*high)? << 4) | hexadecimal(*low)?);
    }
    Some(bytes)
}

fn hexadecimal(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

fn truth(word: &str) -> Option<bool> {
    match word.trim().to_ascii_lowercase().as_str() {
        "t" | "true" | "yes" | "on" | "1" => Some(true),
        "f" | "false" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// `2026-03-02 08:15:00.5`: the time may be missing, an offset is refused.
fn timestamp(text: &str) -> Option<String> {
    let text = text.trim().replacen('T', " ", 1);
    let moment = match NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S%.f") {
        Ok(moment) => moment,
        Err(_) => NaiveDate::parse_from_str(&text, "%Y-%m-%d")
            .ok()?
            .and_hms_opt(0, 0, 0)?,
    };
    let nanoseconds = moment.nanosecond();
    let has_room = nanoseconds < 1_000_000_000 && nanoseconds % 1000 == 0;
    if !has_room || !(1..=9999).contains(&moment.year()) {
        return None;
    }
    let shown = moment.format("%Y-%m-%d %H:%M:%S%.6f").to_string();
    Some(shown.trim_end_matches('0').trim_end_matches('.').to_owned())
}

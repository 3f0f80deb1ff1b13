//! Types and values, exact in both directions: what SQLite would mix up is kept apart here.
//!
//! | type | in SQLite |
//! |---|---|
//! | `Bool`, the integers | integer |
//! | `Numeric(precision, scale)` | integer: the units of the last digit, so that nothing is rounded |
//! | `Float` | real |
//! | `Text`, `Date`, `Timestamp`, `Uuid` | text, the last three in their one form, which sorts as they do |
//! | `Bytes` | blob |

use chrono::{Datelike as _, NaiveDate, NaiveDateTime, Timelike as _};
use rusqlite::types::{Value as Stored, ValueRef};

use super::fault::Fault;

/// The most digits of a number that an integer of SQLite holds.
pub(crate) const MAX_PRECISION: u8 = 18;

/// The type of a column, parameter or expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Bool,
    SmallInt,
    Int,
    BigInt,
    Float,
    /// Digits in all, and behind the point.
    Numeric(u8, u8),
    /// With the most characters that it holds.
    Text(Option<u32>),
    /// With the most bytes that it holds.
    Bytes(Option<u32>),
    Date,
    Timestamp,
    Uuid,
}

/// A value. Dates, timestamps and UUIDs are text in their ISO form.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// A decimal number, `units` / 10^`scale`.
    Numeric {
        units: i64,
        scale: u8,
    },
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

    /// How the sample's own catalog writes it down.
    pub(super) fn written(self) -> String {
        match self {
            Self::Bool => "boolean".to_owned(),
            Self::SmallInt => "smallint".to_owned(),
            Self::Int => "int".to_owned(),
            Self::BigInt => "bigint".to_owned(),
            Self::Float => "double".to_owned(),
            Self::Numeric(precision, scale) => format!("numeric({precision},{scale})"),
            Self::Text(None) => "text".to_owned(),
            Self::Text(Some(limit)) => format!("varchar({limit})"),
            Self::Bytes(None) => "blob".to_owned(),
            Self::Bytes(Some(limit)) => format!("varbinary({limit})"),
            Self::Date => "date".to_owned(),
            Self::Timestamp => "timestamp".to_owned(),
            Self::Uuid => "uuid".to_owned(),
        }
    }

    /// Reads [`written`](Self::written).
    pub(super) fn read(text: &str) -> Option<Self> {
        if let Some(limit) = text.strip_prefix("varchar(") {
            return Some(Self::Text(limit.strip_suffix(')')?.parse().ok()));
        }
        if let Some(limit) = text.strip_prefix("varbinary(") {
            return Some(Self::Bytes(limit.strip_suffix(')')?.parse().ok()));
        }
        if let Some(digits) = text.strip_prefix("numeric(") {
            let (precision, scale) = digits.strip_suffix(')')?.split_once(',')?;
            return Some(Self::Numeric(precision.parse().ok()?, scale.parse().ok()?));
        }
        let plain = [
            Self::Bool,
            Self::SmallInt,
            Self::Int,
            Self::BigInt,
            Self::Float,
            Self::Text(None),
            Self::Bytes(None),
            Self::Date,
            Self::Timestamp,
            Self::Uuid,
        ];
        plain.into_iter().find(|kind| kind.written() == text)
    }

    /// The affinity that keeps SQLite from changing stored values.
    pub(super) fn affinity(self) -> &'static str {
        match self {
            Self::Bool | Self::SmallInt | Self::Int | Self::BigInt | Self::Numeric(..) => "INT",
            Self::Float => "REAL",
            Self::Bytes(_) => "BLOB",
            Self::Text(_) | Self::Date | Self::Timestamp | Self::Uuid => "TEXT",
        }
    }

    /// What SQLite checks of a column of this type, under a name that says the type.
    pub(super) fn check(self, column: &str) -> Option<String> {
        let condition = match self {
            Self::Text(Some(limit)) | Self::Bytes(Some(limit)) => {
                format!("length({column}) <= {limit}")
            }
            _ => {
                let (least, most) = self.range()?;
                format!("{column} BETWEEN {least} AND {most} AND typeof({column}) <> 'real'")
            }
        };
        Some(format!(
            "CONSTRAINT \"type {}\" CHECK ({condition})",
            self.written()
        ))
    }

    /// The type behind the name of a check that [`check`](Self::check) made.
    pub(super) fn of_check(name: &str) -> Option<Self> {
        Self::read(name.strip_prefix("type ")?)
    }

    /// The least and the greatest integer that stand for it.
    fn range(self) -> Option<(i64, i64)> {
        match self {
            Self::SmallInt => Some((i16::MIN.into(), i16::MAX.into())),
            Self::Int => Some((i32::MIN.into(), i32::MAX.into())),
            Self::BigInt => Some((i64::MIN, i64::MAX)),
            Self::Numeric(precision, _) => {
                let most = power(precision)? - 1;
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
            (_, Value::Null) => Value::Null,
            (Self::Bool, Value::Bool(_)) | (Self::Float, Value::Float(_)) => value.clone(),
            (Self::Bool, Value::Int(bit @ (0 | 1))) => Value::Bool(*bit == 1),
            (Self::Bool, Value::Text(word)) => Value::Bool(truth(word).ok_or_else(invalid)?),
            (Self::SmallInt | Self::Int | Self::BigInt, _) => {
                Value::Int(self.holds(value.units(0).ok_or_else(invalid)?)?)
            }
            (Self::Numeric(_, scale), _) => Value::Numeric {
                units: self.holds(value.units(scale).ok_or_else(invalid)?)?,
                scale,
            },
            (Self::Float, Value::Int(_) | Value::Numeric { .. } | Value::Text(_)) => {
                let number: f64 = value.shown().trim().parse().map_err(|_| invalid())?;
                Value::Float(number)
            }
            (Self::Text(limit), Value::Text(text)) => match limit {
                Some(limit) if text.chars().count() > limit as usize => {
                    return Err(Fault::TooLong(limit));
                }
                _ => value.clone(),
            },
            (Self::Bytes(limit), Value::Bytes(bytes)) => match limit {
                Some(limit) if bytes.len() > limit as usize => return Err(Fault::TooLong(limit)),
                _ => value.clone(),
            },
            (Self::Text(_), Value::Int(_) | Value::Numeric { .. }) => Value::Text(value.shown()),
            (Self::Date, Value::Text(text)) => Value::Text(date(text).ok_or_else(invalid)?),
            (Self::Timestamp, Value::Text(text)) => {
                Value::Text(timestamp(text).ok_or_else(invalid)?)
            }
            (Self::Uuid, Value::Text(text)) => Value::Text(uuid(text).ok_or_else(invalid)?),
            _ => return Err(invalid()),
        };
        Ok(fitted)
    }

    /// A value of SQLite as one of this type.
    pub(super) fn load(self, stored: ValueRef<'_>) -> Result<Value, Fault> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let loaded = match (self, stored) {
            (_, ValueRef::Null) => Value::Null,
            (Self::Bool, ValueRef::Integer(bit)) => Value::Bool(bit != 0),
            (Self::Numeric(_, scale), ValueRef::Integer(units)) => Value::Numeric {
                units: self.holds(units)?,
                scale,
            },
            (_, ValueRef::Integer(integer)) => Value::Int(self.holds(integer)?),
            (Self::Float, ValueRef::Real(number)) => Value::Float(number),
            // What had no room in an integer.
            (_, ValueRef::Real(_)) => return Err(Fault::OutOfRange(self)),
            (_, ValueRef::Text(bytes)) => Value::Text(text(bytes)),
            (_, ValueRef::Blob(bytes)) => Value::Bytes(bytes.to_vec()),
        };
        Ok(loaded)
    }
}

impl Value {
    /// How SQLite holds it.
    pub(super) fn stored(&self) -> Stored {
        match self {
            Self::Null => Stored::Null,
            Self::Bool(bit) => Stored::Integer((*bit).into()),
            Self::Int(integer) | Self::Numeric { units: integer, .. } => Stored::Integer(*integer),
            Self::Float(number) => Stored::Real(*number),
            Self::Text(text) => Stored::Text(text.clone()),
            Self::Bytes(bytes) => Stored::Blob(bytes.clone()),
        }
    }

    /// The value as a literal of SQLite.
    pub(super) fn literal(&self) -> String {
        match self.stored() {
            Stored::Null => "NULL".to_owned(),
            Stored::Integer(integer) => integer.to_string(),
            Stored::Real(number) => format!("{number:e}"),
            Stored::Text(text) => format!("'{}'", text.replace('\'', "''")),
            Stored::Blob(_) => format!("x'{}'", self.shown()),
        }
    }

    /// The value as text; decimal numbers with all digits of their scale.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Null => "NULL".to_owned(),
            Self::Bool(bit) => bit.to_string(),
            Self::Int(integer) => integer.to_string(),
            Self::Float(number) => number.to_string(),
            Self::Numeric { units, scale } => decimal(*units, *scale),
            Self::Text(text) => text.clone(),
            Self::Bytes(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }

    /// A number as units of its `scale`th decimal; `None` if it is none or has more decimals.
    fn units(&self, scale: u8) -> Option<i64> {
        match self {
            Self::Int(integer) => integer.checked_mul(power(scale)?),
            Self::Numeric { units, scale: own } if *own <= scale => {
                units.checked_mul(power(scale - own)?)
            }
            Self::Numeric { units, scale: own } => {
                let factor = power(own - scale)?;
                (units % factor == 0).then(|| units / factor)
            }
            Self::Text(text) => number(text.trim())?.units(scale),
            _ => None,
        }
    }
}

/// Reads a decimal number without exponent.
pub(crate) fn number(text: &str) -> Option<Value> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{fraction}");
    if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let sign = if text.starts_with('-') { "-" } else { "" };
    let units: i64 = format!("{sign}{all}").parse().ok()?;
    let scale = u8::try_from(fraction.len()).ok()?;
    Some(match digits.contains('.') {
        true if scale <= MAX_PRECISION => Value::Numeric { units, scale },
        true => return None,
        false => Value::Int(units),
    })
}

fn power(exponent: u8) -> Option<i64> {
    10_i64.checked_pow(exponent.into())
}

fn decimal(units: i64, scale: u8) -> String {
    let scale = usize::from(scale);
    let digits = format!("{:0width$}", units.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if units < 0 { "-" } else { "" };
    let point = if scale == 0 { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}")
}

fn truth(word: &str) -> Option<bool> {
    match word.trim().to_ascii_lowercase().as_str() {
        "t" | "true" | "yes" | "on" | "1" => Some(true),
        "f" | "false" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

fn date(text: &str) -> Option<String> {
    let day = NaiveDate::parse_from_str(text.trim(), "%Y-%m-%d").ok()?;
    (1..=9999).contains(&day.year()).then(|| day.to_string())
}

/// `2026-03-02 08:15:00.5`: the time or its seconds may be missing, an offset is refused.
fn timestamp(text: &str) -> Option<String> {
    let text = text.trim().replacen('T', " ", 1);
    let formats = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M"];
    let mut read = formats.iter();
    let read = read.find_map(|format| NaiveDateTime::parse_from_str(&text, format).ok());
    let moment = match read {
        Some(moment) => moment,
        None => date(&text)?
            .parse::<NaiveDate>()
            .ok()?
            .and_hms_opt(0, 0, 0)?,
    };
    let nanoseconds = moment.nanosecond();
    let has_room = nanoseconds < 1_000_000_000 && nanoseconds % 1000 == 0;
    if !has_room || !(1..=9999).contains(&moment.year()) {
        return None;
    }
    let shown = moment.format("%Y-%m-%d %H:%M:%S%.6f").to_string();
    let shown = shown.trim_end_matches('0').trim_end_matches('.');
    Some(shown.to_owned())
}

fn uuid(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    let groups: Vec<usize> = text.split('-').map(str::len).collect();
    let is_hex = |c: char| c.is_ascii_hexdigit() || c == '-';
    (groups == [8, 4, 4, 4, 12] && text.chars().all(is_hex)).then_some(text)
}

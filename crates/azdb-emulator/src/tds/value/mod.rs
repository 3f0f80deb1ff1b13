//! Types and values: SQLite's on one side, TDS's on the other.
//!
//! SQLite has no dates, decimals or GUIDs: dates are ISO text, decimals and GUIDs text or numbers.
//! Character columns are always sent as `nvarchar`, whatever their declaration says.

mod calendar;
mod decode;
mod encode;

pub(super) use calendar::Moment;
pub(super) use decode::{Layout, Parameter, parameter, type_info};
pub(super) use encode::{column_metadata, int_fits, plain_text, return_value, row};

/// A type of a column, variable or parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Bit,
    /// Of 1, 2, 4 or 8 bytes.
    Int(u8),
    /// Of 4 or 8 bytes.
    Float(u8),
    /// Precision and scale.
    Decimal(u8, u8),
    /// Of 4 or 8 bytes.
    Money(u8),
    /// Characters; `None` is `max`.
    Text(Option<u16>),
    /// Bytes; `None` is `max`.
    Binary(Option<u16>),
    Date,
    /// Scale.
    Time(u8),
    /// Of 4 or 8 bytes.
    DateTime(u8),
    /// Scale.
    DateTime2(u8),
    /// Scale.
    DateTimeOffset(u8),
    Guid,
}

/// A value that does not fit its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Error converting a value to data type {0}.")]
pub(super) struct Unfit(pub(super) &'static str);

impl Type {
    /// The name that an error text has.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Bit => "bit",
            Self::Int(1) => "tinyint",
            Self::Int(2) => "smallint",
            Self::Int(4) => "int",
            Self::Int(_) => "bigint",
            Self::Float(4) => "real",
            Self::Float(_) => "float",
            Self::Decimal(..) => "decimal",
            Self::Money(_) => "money",
            Self::Text(_) => "nvarchar",
            Self::Binary(_) => "varbinary",
            Self::Date => "date",
            Self::Time(_) => "time",
            Self::DateTime(_) => "datetime",
            Self::DateTime2(_) => "datetime2",
            Self::DateTimeOffset(_) => "datetimeoffset",
            Self::Guid => "uniqueidentifier",
        }
    }

    /// The type of a declaration such as `nvarchar(40)`, `decimal(10, 2)` or `nvarchar(max)`.
    pub(super) fn declared(declaration: &str) -> Option<Self> {
        let lower = declaration.to_ascii_lowercase();
        let (name, arguments) = lower.split_once('(').unwrap_or((&lower, ""));
        let mut arguments = arguments
            .trim_end()
            .trim_end_matches(')')
            .split(',')
            .map(str::trim);
        let first = arguments.next().filter(|text| !text.is_empty());
        let second = arguments.next();
        let small = |text: Option<&str>, otherwise: u8| -> u8 {
            text.and_then(|text| text.parse().ok()).unwrap_or(otherwise)
        };
        let long = |largest: u16, otherwise: u16| match first {
            Some("max" | "-1") => None,
            first => Some(
                first
                    .and_then(|text| text.parse::<u16>().ok())
                    .unwrap_or(otherwise)
                    .clamp(1, largest),
            ),
        };
        Some(match name.trim() {
            "bit" | "boolean" | "bool" => Self::Bit,
            "tinyint" => Self::Int(1),
            "smallint" => Self::Int(2),
            "int" | "integer" => Self::Int(4),
            "bigint" => Self::Int(8),
            "real" => Self::Float(4),
            "float" | "double" | "double precision" => Self::Float(8),
            "decimal" | "numeric" => {
                let precision = small(first, 18).clamp(1, 38);
                Self::Decimal(precision, small(second, 0).min(precision))
            }
            "money" => Self::Money(8),
            "smallmoney" => Self::Money(4),
            "nvarchar" | "varchar" | "nchar" | "char" | "character" => Self::Text(long(4000, 1)),
            "sysname" => Self::Text(Some(128)),
            "ntext" | "text" | "xml" => Self::Text(None),
            "varbinary" | "binary" => Self::Binary(long(8000, 1)),
            "image" | "blob" => Self::Binary(None),
            "date" => Self::Date,
            "time" => Self::Time(small(first, 7).min(7)),
            "datetime" => Self::DateTime(8),
            "smalldatetime" => Self::DateTime(4),
            "datetime2" => Self::DateTime2(small(first, 7).min(7)),
            "timestamp" => Self::DateTime2(7),
            "datetimeoffset" => Self::DateTimeOffset(small(first, 7).min(7)),
            "uniqueidentifier" => Self::Guid,
            _ => return None,
        })
    }
}

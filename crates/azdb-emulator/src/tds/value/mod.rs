//! Values as SQL Server has them, and their bytes.
//!
//! ```text
//!   client's bytes -- decode, parse --> SqlType, Datum <-- of_sample --> the sample's values
//!                                          |
//!                                          | told: what the client's version has instead
//!                                          v
//!                                     info, encode, data --> bytes to the client
//! ```

mod code_page;
mod column;
mod data;
mod datum;
mod decode;
mod encode;
mod fitted;
mod info;
mod moment;
mod of_sample;
mod older;
mod parse;
mod sql_type;

use super::record::Violation;
pub(super) use column::SqlColumn;
pub(super) use datum::Datum;
pub(super) use decode::{Layout, Parameter, Told, parameter, type_info};
pub(super) use encode::{column_metadata, return_value, row};
pub(super) use sql_type::SqlType;

/// Why a client's value can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    Malformed(Violation),
    /// It is well-formed, and of a kind that the sample has not.
    Unknown(&'static str),
}

impl<V: Into<Violation>> From<V> for Unread {
    fn from(violation: V) -> Self {
        Self::Malformed(violation.into())
    }
}

/// A value by way of its bytes.
#[cfg(test)]
pub(super) fn there_and_back(kind: SqlType, value: &Datum) -> Option<Datum> {
    let bytes = data::bare(kind, value, super::version::Version::V7_4)?;
    match kind {
        SqlType::Variant => parse::variant(&bytes),
        kind => parse::value(kind, &bytes),
    }
}

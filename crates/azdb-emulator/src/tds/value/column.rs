//! Columns of results.

use super::sql_type::SqlType;
use crate::sample::Column;

/// A column of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tds) struct SqlColumn {
    pub(in crate::tds) name: String,
    pub(in crate::tds) kind: SqlType,
    /// It takes no NULL.
    pub(in crate::tds) required: bool,
    /// The table that it comes from; a column without one is computed.
    pub(in crate::tds) table: Option<String>,
    /// How long its values are is not known before their end.
    pub(in crate::tds) open_ended: bool,
}

impl SqlColumn {
    /// A column of no table.
    pub(in crate::tds) fn computed(name: &str, kind: SqlType) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            required: false,
            table: None,
            open_ended: false,
        }
    }

    /// Bits of COLMETADATA: may be NULL, may perhaps be written, is computed.
    pub(super) fn flags(&self) -> u16 {
        let nullable = u16::from(!self.required);
        nullable | if self.table.is_some() { 0x08 } else { 0x20 }
    }

    /// Whether the total of its chunks is left open. That of XML always is: it is written as it is sent.
    pub(super) fn is_open_ended(&self) -> bool {
        self.open_ended || self.kind == SqlType::Xml
    }
}

impl From<&Column> for SqlColumn {
    fn from(column: &Column) -> Self {
        Self {
            table: column.table.clone(),
            ..Self::computed(&column.name, column.kind.into())
        }
    }
}

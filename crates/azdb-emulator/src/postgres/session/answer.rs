//! What a statement is answered with, and its messages.

use bytes::{BufMut, BytesMut};
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::data::{DataRow, FieldDescription, NoData, RowDescription};
use pgwire::messages::response::CommandComplete;

use super::fault::Error;
use super::values::{Form, described, encode, modifier_of};
use crate::sample::{Column, Kind, Outcome, Prepared, Type, Value};

/// A statement that was looked at.
pub(super) enum Statement {
    Empty,
    /// One that is answered from a list, each time anew.
    Canned {
        text: String,
        columns: Vec<Column>,
    },
    Sample(Box<Prepared>),
}

impl Statement {
    pub(super) fn parameters(&self) -> &[Type] {
        match self {
            Self::Empty | Self::Canned { .. } => &[],
            Self::Sample(prepared) => &prepared.parameters,
        }
    }

    pub(super) fn columns(&self) -> &[Column] {
        match self {
            Self::Empty => &[],
            Self::Canned { columns, .. } => columns,
            Self::Sample(prepared) => &prepared.columns,
        }
    }
}

/// What a statement has done.
pub(super) struct Answer {
    /// CommandComplete's.
    pub(super) tag: String,
    /// None for a statement without result.
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Vec<Value>>,
    /// A setting that it changes, and its value.
    pub(super) change: Option<(String, String)>,
}

impl Answer {
    /// A statement without result.
    pub(super) fn done(tag: &str) -> Self {
        Self {
            tag: tag.to_owned(),
            columns: Vec::new(),
            rows: Vec::new(),
            change: None,
        }
    }

    /// Rows of text columns of these names; `None` is NULL.
    pub(super) fn texts(names: &[&str], rows: Vec<Vec<Option<String>>>) -> Self {
        let column = |name: &&str| Column {
            name: (*name).to_owned(),
            kind: Type::Text(None),
            table: None,
        };
        let value = |text: Option<String>| text.map_or(Value::Null, Value::Text);
        let rows = rows.into_iter();
        let rows: Vec<Vec<Value>> = rows
            .map(|row| row.into_iter().map(value).collect())
            .collect();
        Self {
            columns: names.iter().map(column).collect(),
            tag: format!("SELECT {}", rows.len()),
            rows,
            change: None,
        }
    }
}

impl From<Outcome> for Answer {
    fn from(outcome: Outcome) -> Self {
        let count = outcome.affected;
        let tag = match outcome.kind {
            Kind::Select => format!("SELECT {count}"),
            Kind::Insert => format!("INSERT 0 {count}"),
            Kind::Update => format!("UPDATE {count}"),
            Kind::Delete => format!("DELETE {count}"),
            Kind::CreateTable => "CREATE TABLE".to_owned(),
            Kind::DropTable => "DROP TABLE".to_owned(),
            Kind::Begin => "BEGIN".to_owned(),
            Kind::Commit => "COMMIT".to_owned(),
            Kind::Rollback => "ROLLBACK".to_owned(),
        };
        Self {
            columns: outcome.columns,
            rows: outcome.rows,
            ..Self::done(&tag)
        }
    }
}

/// RowDescription, or NoData for a statement without result.
pub(super) fn description(columns: &[Column], forms: &[i16]) -> PgWireBackendMessage {
    if columns.is_empty() {
        return PgWireBackendMessage::NoData(NoData::new());
    }
    let fields = columns.iter().enumerate().map(|(at, column)| {
        let (oid, size, _) = described(column.kind);
        // Only a table's column has a modifier.
        let modifier = column
            .table
            .as_ref()
            .map_or(-1, |_| modifier_of(column.kind));
        let code = i16::from(Form::at(forms, at) == Form::Binary);
        FieldDescription::new(column.name.clone(), 0, 0, oid, size, modifier, code)
    });
    PgWireBackendMessage::RowDescription(RowDescription::new(fields.collect()))
}

/// A row's DataRow.
pub(super) fn data_row(
    columns: &[Column],
    row: &[Value],
    forms: &[i16],
) -> Result<PgWireBackendMessage, Error> {
    let mut data = BytesMut::new();
    for (at, (column, value)) in columns.iter().zip(row).enumerate() {
        match encode(value, column.kind, Form::at(forms, at))? {
            None => data.put_i32(-1),
            Some(bytes) => {
                let length = i32::try_from(bytes.len());
                data.put_i32(length.map_err(|_| Error::new("54000", "value too large"))?);
                data.put_slice(&bytes);
            }
        }
    }
    let count = i16::try_from(columns.len());
    let count = count.map_err(|_| Error::new("54011", "too many columns"))?;
    Ok(PgWireBackendMessage::DataRow(DataRow::new(data, count)))
}

/// CommandComplete.
pub(super) fn complete(tag: &str) -> PgWireBackendMessage {
    PgWireBackendMessage::CommandComplete(CommandComplete::new(tag.to_owned()))
}

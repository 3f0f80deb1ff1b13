//! Results on the wire, whole or in portions.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{BufMut, BytesMut};
use pgwire::api::portal::Format;
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::data::{DataRow, FieldDescription, NoData, RowDescription};
use pgwire::messages::response::CommandComplete;
use rusqlite::types::Value;

use super::prepare::{Prepared, ResultColumn};
use super::worker::Outcome;
use crate::postgres::error::SqlError;
use crate::postgres::functions::Surroundings;
use crate::postgres::value::{Form, encode};

/// A statement with its parameters, and what of its result is still to be sent.
pub(super) struct Portal {
    pub(super) prepared: Arc<Prepared>,
    pub(super) values: Vec<Value>,
    pub(super) format: Format,
    /// The result once the statement has run.
    pub(super) pending: Option<Pending>,
}

/// Rows that wait to be sent.
pub(super) struct Pending {
    pub(super) columns: Vec<ResultColumn>,
    pub(super) rows: VecDeque<Vec<Value>>,
    pub(super) tag: String,
}

impl Portal {
    /// What Describe says of it.
    pub(super) fn description(&self) -> PgWireBackendMessage {
        description(self.prepared.columns.as_deref(), &self.format)
    }
}

/// RowDescription, or NoData for a statement without result.
pub(super) fn description(
    columns: Option<&[ResultColumn]>,
    format: &Format,
) -> PgWireBackendMessage {
    let Some(columns) = columns else {
        return PgWireBackendMessage::NoData(NoData::new());
    };
    let fields = columns.iter().enumerate().map(|(at, column)| {
        let ty = column.ty().told();
        let code = i16::from(Form::of(format, at) == Form::Binary);
        let modifier = if column.plain { ty.modifier } else { -1 };
        FieldDescription::new(column.name.clone(), 0, 0, ty.oid, ty.size(), modifier, code)
    });
    PgWireBackendMessage::RowDescription(RowDescription::new(fields.collect()))
}

/// A row's DataRow.
pub(super) fn data_row(
    session: &Surroundings,
    columns: &[ResultColumn],
    row: &[Value],
    format: &Format,
) -> Result<PgWireBackendMessage, SqlError> {
    let mut data = BytesMut::new();
    for (at, (column, value)) in columns.iter().zip(row).enumerate() {
        let form = Form::of(format, at);
        let named = (form == Form::Text)
            .then(|| session.reg_name(value, column.ty()))
            .flatten();
        let bytes = match named {
            Some(name) => Some(name.into_bytes()),
            None => encode(value.into(), column.ty(), form)?,
        };
        match bytes {
            None => data.put_i32(-1),
            Some(bytes) => {
                let length = i32::try_from(bytes.len());
                data.put_i32(length.map_err(|_| SqlError::new("54000", "value too large"))?);
                data.put_slice(&bytes);
            }
        }
    }
    let count = i16::try_from(columns.len());
    let count = count.map_err(|_| SqlError::new("54011", "too many columns"))?;
    Ok(PgWireBackendMessage::DataRow(DataRow::new(data, count)))
}

/// CommandComplete, with the number of rows where PostgreSQL says it.
pub(super) fn complete(tag: &str, rows: Option<usize>) -> PgWireBackendMessage {
    let counted = ["SELECT", "INSERT 0", "UPDATE", "DELETE", "FETCH"].contains(&tag);
    let tag = match rows {
        Some(rows) if counted => format!("{tag} {rows}"),
        _ => tag.to_owned(),
    };
    PgWireBackendMessage::CommandComplete(CommandComplete::new(tag))
}

impl From<Outcome> for Pending {
    fn from(outcome: Outcome) -> Self {
        Self {
            columns: outcome.columns.unwrap_or_default(),
            rows: outcome.rows.into(),
            tag: outcome.tag,
        }
    }
}

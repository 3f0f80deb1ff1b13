//! What a statement is answered with.

use std::io;
use std::sync::Arc;

use bytes::{BufMut, BytesMut};
use futures_util::stream;
use pgwire::api::portal::Format;
use pgwire::api::results::{FieldFormat, FieldInfo, QueryResponse, Response, Tag};
use pgwire::error::PgWireResult;
use pgwire::messages::data::DataRow;

use super::values::{encode, modifier_of, size_of, type_of};
use crate::sample::{Column, Kind, Outcome, Prepared, Type, Value};

/// A statement that was looked at.
#[derive(Clone)]
pub(in crate::postgres) enum Statement {
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
            Self::Canned { .. } => &[],
            Self::Sample(prepared) => &prepared.parameters,
        }
    }

    pub(super) fn columns(&self) -> &[Column] {
        match self {
            Self::Canned { columns, .. } => columns,
            Self::Sample(prepared) => &prepared.columns,
        }
    }
}

/// What a statement has done.
pub(super) struct Answer {
    /// CommandComplete's, without the number of rows of a result.
    pub(super) tag: Tag,
    /// What it is for the transaction.
    pub(super) turn: fn(Tag) -> Response,
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
            tag: Tag::new(tag),
            turn: Response::Execution,
            columns: Vec::new(),
            rows: Vec::new(),
            change: None,
        }
    }

    /// Rows of text columns of these names; `None` is NULL.
    pub(super) fn texts(names: &[&str], rows: Vec<Vec<Option<String>>>) -> Self {
        let value = |text: Option<String>| text.map_or(Value::Null, Value::Text);
        let row = |row: Vec<Option<String>>| row.into_iter().map(value).collect();
        Self {
            columns: names.iter().copied().map(Column::text).collect(),
            rows: rows.into_iter().map(row).collect(),
            ..Self::done("SELECT")
        }
    }

    /// It for `pgwire`.
    pub(super) fn response(self, format: &Format) -> PgWireResult<Response> {
        if self.columns.is_empty() {
            return Ok((self.turn)(self.tag));
        }
        let row = |row: &Vec<Value>| data_row(&self.columns, row, format);
        let rows: Vec<_> = self.rows.iter().map(row).collect();
        let fields = Arc::new(fields(&self.columns, format));
        Ok(Response::Query(QueryResponse::new(
            fields,
            stream::iter(rows),
        )))
    }
}

impl From<Outcome> for Answer {
    fn from(outcome: Outcome) -> Self {
        let count = usize::try_from(outcome.affected).unwrap_or(usize::MAX);
        let counted = |tag| Tag::new(tag).with_rows(count);
        let tag = match outcome.kind {
            Kind::Select => Tag::new("SELECT"),
            Kind::Insert => counted("INSERT").with_oid(0),
            Kind::Update => counted("UPDATE"),
            Kind::Delete => counted("DELETE"),
            Kind::CreateTable => Tag::new("CREATE TABLE"),
            Kind::DropTable => Tag::new("DROP TABLE"),
            Kind::Begin => Tag::new("BEGIN"),
            Kind::Commit => Tag::new("COMMIT"),
            Kind::Rollback => Tag::new("ROLLBACK"),
        };
        let turn = match outcome.kind {
            Kind::Begin => Response::TransactionStart,
            Kind::Commit | Kind::Rollback => Response::TransactionEnd,
            _ => Response::Execution,
        };
        Self {
            tag,
            turn,
            columns: outcome.columns,
            rows: outcome.rows,
            change: None,
        }
    }
}

/// The form of what is at a place: no code is text, one code is for all.
pub(super) fn form(format: &Format, at: usize) -> FieldFormat {
    match format {
        Format::Individual(codes) => FieldFormat::from(codes.get(at).copied().unwrap_or(0)),
        format => format.format_for(at),
    }
}

/// RowDescription's fields.
pub(super) fn fields(columns: &[Column], format: &Format) -> Vec<FieldInfo> {
    let fields = columns.iter().enumerate().map(|(at, column)| {
        let (name, kind) = (column.name.clone(), column.kind);
        // Only a table's column has a modifier.
        let modifier = column.table.as_ref().map_or(-1, |_| modifier_of(kind));
        FieldInfo::new(name, None, None, type_of(kind), form(format, at))
            .with_type_size(size_of(kind))
            .with_type_modifier(modifier)
    });
    fields.collect()
}

fn data_row(columns: &[Column], row: &[Value], format: &Format) -> PgWireResult<DataRow> {
    let mut data = BytesMut::new();
    for (at, (column, value)) in columns.iter().zip(row).enumerate() {
        match encode(value, column.kind, form(format, at))? {
            None => data.put_i32(-1),
            Some(bytes) => {
                let length = i32::try_from(bytes.len());
                data.put_i32(length.map_err(io::Error::other)?);
                data.put_slice(&bytes);
            }
        }
    }
    let count = i16::try_from(columns.len()).map_err(io::Error::other)?;
    Ok(DataRow::new(data, count))
}

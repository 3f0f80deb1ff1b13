//! Bulk load: `INSERT BULK` announces it, a message of rows follows.

use bytes::Buf as _;

use super::super::cursor::{take, text8};
use super::super::record::Violation;
use super::super::token::{Refusal, done, first};
use super::super::value::{Datum, Layout, Told, Unread, type_info};
use super::super::version::Version;
use super::rows::refusal;
use super::{Engine, Sink, unknown};
use crate::sample::{Declared, Fault, Kind, Value};

/// Where the next bulk load goes.
pub(super) struct BulkTarget {
    /// As it was written.
    table: String,
    /// As they were written.
    columns: Vec<String>,
}

fn unread(unread: impl Into<Unread>) -> Refusal {
    match unread.into() {
        Unread::Unknown(what) => unknown(what),
        Unread::Malformed(violation) => {
            let text = format!("The bulk load cannot be read: {violation}.");
            Refusal::new(4804, text).class(16)
        }
    }
}

impl Engine {
    /// `INSERT BULK table (column type, ...) [WITH (...)]`, all after the second word.
    pub(super) fn announce_bulk(&mut self, words: &[&str]) {
        let open = words.iter().position(|word| *word == "(");
        let (table, rest) = words.split_at(open.unwrap_or(words.len()));
        let (mut depth, mut before) = (0_usize, "");
        let mut columns = Vec::new();
        for word in rest {
            if depth == 1 && matches!(before, "(" | ",") {
                columns.push((*word).to_owned());
            }
            match *word {
                "(" => depth += 1,
                ")" if depth == 1 => break,
                ")" => depth -= 1,
                _ => {}
            }
            before = word;
        }
        self.bulk = Some(BulkTarget {
            table: table.concat(),
            columns,
        });
    }

    /// Takes in the rows; all of them, or none.
    pub(super) async fn load(&mut self, data: &[u8], sink: &mut Sink<'_>) -> Result<(), Refusal> {
        let Some(target) = self.bulk.take() else {
            let text = "A bulk load came without INSERT BULK.";
            return Err(Refusal::new(4804, text).class(16));
        };
        let rows = rows(&target, data, sink.version())?;
        let places: Vec<String> = (1..=target.columns.len())
            .map(|at| format!("@p{at}"))
            .collect();
        let sql = format!(
            "insert into {} ({}) values ({})",
            target.table,
            target.columns.join(", "),
            places.join(", ")
        );
        let is_alone = self.session.depth() == 0;
        if is_alone {
            self.session.turn(Kind::Begin).map_err(refusal)?;
        }
        let inserted = self.insert_all(&sql, &rows, sink).await;
        match &inserted {
            Ok(()) if is_alone => drop(self.session.turn(Kind::Commit).map_err(refusal)?),
            Ok(()) => {}
            Err(_) if is_alone => drop(self.session.turn(Kind::Rollback).map_err(refusal)?),
            // The sample can't take back a part of a transaction.
            Err(_) => self.rollback(sink)?,
        }
        inserted.map_err(refusal)?;
        self.rows_affected = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        let status = self.status() | done::COUNT;
        sink.done(status, 0xf0, self.rows_affected);
        Ok(())
    }

    async fn insert_all(
        &self,
        sql: &str,
        rows: &[Vec<Value>],
        sink: &Sink<'_>,
    ) -> Result<(), Fault> {
        let declared = rows.first().map_or(0, Vec::len);
        let declared = (1..=declared).map(|at| Declared {
            name: format!("@p{at}"),
            kind: None,
        });
        let declared: Vec<Declared> = declared.collect();
        let prepared = self.prepare(sql, &declared)?;
        for row in rows {
            self.ran(&prepared, row, sink).await?;
        }
        Ok(())
    }
}

fn rows(
    target: &BulkTarget,
    mut data: &[u8],
    version: Version,
) -> Result<Vec<Vec<Value>>, Refusal> {
    let layouts = metadata(&mut data, version).map_err(unread)?;
    if layouts.len() != target.columns.len() {
        return Err(unread(Violation::Malformed("the number of columns")));
    }
    let mut rows = Vec::new();
    // FreeTDS sends no DONE at the end.
    while let Ok(token) = data.try_get_u8() {
        let nulls = match token {
            first::ROW => Ok(&[][..]),
            first::ROW_WITH_NULL_BITMAP => take(&mut data, layouts.len().div_ceil(8)),
            first::DONE => break,
            _ => Err(Violation::Malformed("a token in a bulk load")),
        };
        let nulls = nulls.map_err(unread)?;
        rows.push(row(&layouts, nulls, &mut data).map_err(unread)?);
    }
    Ok(rows)
}

fn metadata(data: &mut &[u8], version: Version) -> Result<Vec<Layout>, Unread> {
    if data.try_get_u8()? != first::COLMETADATA {
        return Err(Violation::Malformed("a bulk load without columns").into());
    }
    let count = data.try_get_u16_le()?;
    let columns = (0..count).map(|_| {
        // User type and flags.
        take(data, if version.is_wide() { 6 } else { 4 })?;
        let layout = type_info(data, Told::OfColumn, version)?;
        text8(data)?;
        Ok(layout)
    });
    columns.collect()
}

fn row(layouts: &[Layout], nulls: &[u8], data: &mut &[u8]) -> Result<Vec<Value>, Unread> {
    let values = layouts.iter().enumerate().map(|(at, layout)| {
        let bits = nulls.get(at / 8).copied().unwrap_or(0);
        let value = match bits >> (at % 8) & 1 {
            1 => Datum::Null,
            _ => layout.value(data)?,
        };
        let value = value.to_sample(layout.kind());
        value.map_or(
            Err(Unread::Unknown("a value of that data type")),
            |(_, value)| Ok(value),
        )
    });
    values.collect()
}

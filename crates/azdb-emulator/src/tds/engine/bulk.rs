//! Bulk load: `INSERT BULK` announces it, a message of rows follows.

use super::super::cursor::Cursor;
use super::super::record::Violation;
use super::super::token::{Refusal, done, first};
use super::super::value::{Layout, Unread, type_info};
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
    pub(super) fn announce_bulk(&mut self, words: &[&str]) -> Result<(), Refusal> {
        let open = words.iter().position(|word| *word == "(");
        let (table, rest) = words.split_at(open.unwrap_or(words.len()));
        let mut depth = 0_usize;
        let mut columns = Vec::new();
        let mut is_name = false;
        for word in rest {
            match *word {
                "(" => {
                    depth += 1;
                    is_name = depth == 1;
                }
                ")" => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        break;
                    }
                }
                "," => is_name = depth == 1,
                name if is_name => {
                    columns.push(name.to_owned());
                    is_name = false;
                }
                _ => {}
            }
        }
        self.bulk = Some(BulkTarget {
            table: table.concat(),
            columns,
        });
        Ok(())
    }

    /// Takes in the rows; all of them, or none.
    pub(super) async fn load(&mut self, data: &[u8], sink: &mut Sink<'_>) -> Result<(), Refusal> {
        let Some(target) = self.bulk.take() else {
            let text = "A bulk load came without INSERT BULK.";
            return Err(Refusal::new(4804, text).class(16));
        };
        let rows = rows(&target, data)?;
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
        match inserted {
            Ok(()) if !is_alone => {}
            Ok(()) => self.session.turn(Kind::Commit).map_err(refusal).map(drop)?,
            // The sample can't take back a part of a transaction.
            Err(fault) if !is_alone => {
                self.rollback(sink)?;
                return Err(refusal(fault));
            }
            Err(fault) => {
                self.session.turn(Kind::Rollback).map_err(refusal)?;
                return Err(refusal(fault));
            }
        }
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

fn rows(target: &BulkTarget, data: &[u8]) -> Result<Vec<Vec<Value>>, Refusal> {
    let mut cursor = Cursor::new(data);
    let layouts = metadata(&mut cursor).map_err(unread)?;
    if layouts.len() != target.columns.len() {
        return Err(unread(Violation::Malformed("the number of columns")));
    }
    let mut rows = Vec::new();
    // FreeTDS sends no DONE at the end.
    while let Ok(token) = cursor.u8() {
        let row = match token {
            first::ROW => row(&layouts, &mut cursor, &[]),
            first::ROW_WITH_NULL_BITMAP => {
                let bitmap = cursor.take(layouts.len().div_ceil(8));
                bitmap
                    .map_err(Unread::from)
                    .and_then(|bitmap| row(&layouts, &mut cursor, bitmap))
            }
            first::DONE => break,
            _ => Err(Violation::Malformed("a token in a bulk load").into()),
        };
        rows.push(row.map_err(unread)?);
    }
    Ok(rows)
}

fn metadata(cursor: &mut Cursor<'_>) -> Result<Vec<Layout>, Unread> {
    if cursor.u8()? != first::COLMETADATA {
        return Err(Violation::Malformed("a bulk load without columns").into());
    }
    let count = cursor.u16()?;
    let columns = (0..count).map(|_| {
        cursor.take(6)?;
        let layout = type_info(cursor)?;
        if layout.is_blob() {
            return Err(Unread::Unknown("a bulk load of text, ntext or image"));
        }
        cursor.short_text()?;
        Ok(layout)
    });
    columns.collect()
}

fn row(layouts: &[Layout], cursor: &mut Cursor<'_>, bitmap: &[u8]) -> Result<Vec<Value>, Unread> {
    let values = layouts.iter().enumerate().map(|(at, layout)| {
        let bits = bitmap.get(at / 8).copied().unwrap_or(0);
        if bits >> (at % 8) & 1 == 1 {
            return Ok(Value::Null);
        }
        layout.value(cursor)
    });
    values.collect()
}

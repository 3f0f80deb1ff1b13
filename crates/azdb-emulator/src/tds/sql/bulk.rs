//! Bulk load: `INSERT BULK` announces it, a message of rows follows.

use rusqlite::params_from_iter;
use rusqlite::types::Value;

use super::super::cursor::Cursor;
use super::super::record::Violation;
use super::super::token::{Refusal, done};
use super::super::value::{Layout, type_info};
use super::errors::Stop;
use super::lexer::Token;
use super::rewrite::{closing, name};
use super::statement::split_commas;
use super::{Engine, Sink};

const COLMETADATA: u8 = 0x81;
const ROW: u8 = 0xd1;
const ROW_WITH_NULL_BITMAP: u8 = 0xd2;
const DONE: u8 = 0xfd;

/// Where the next bulk load goes.
pub(super) struct BulkTarget {
    /// Quoted.
    table: String,
    /// Quoted.
    columns: Vec<String>,
}

impl From<Violation> for Stop {
    fn from(violation: Violation) -> Self {
        let text = format!("The bulk load cannot be read: {violation}.");
        Self::Batch(Refusal::new(4804, text).class(16))
    }
}

impl Engine {
    /// `INSERT BULK table (column type, ...) [WITH (...)]`.
    pub(super) fn announce_bulk(&mut self, tokens: &[Token]) -> Result<(), Stop> {
        let (table, open) = name(tokens, 0);
        let end = closing(tokens, open);
        let definitions = split_commas(tokens.get(open + 1..end.max(1) - 1).unwrap_or_default());
        let columns = definitions.iter().map(|definition| name(definition, 0).0);
        self.bulk = Some(BulkTarget {
            table,
            columns: columns.collect(),
        });
        Ok(())
    }

    /// Takes in the rows; all of them, or none.
    pub(super) fn load(&mut self, data: &[u8], sink: &mut Sink) -> Result<(), Stop> {
        let Some(target) = self.bulk.take() else {
            let text = "A bulk load came without INSERT BULK.";
            return Err(Refusal::new(4804, text).class(16).into());
        };
        self.connection.execute_batch("savepoint bulk")?;
        let loaded = self.rows_into(&target, data);
        let after = match &loaded {
            Ok(_) => "release bulk",
            Err(_) => "rollback to bulk; release bulk",
        };
        self.connection.execute_batch(after)?;
        let loaded = loaded?;
        self.rows_affected = loaded;
        sink.done(self.status() | done::COUNT, 0xf0, loaded);
        Ok(())
    }

    fn rows_into(&self, target: &BulkTarget, data: &[u8]) -> Result<u64, Stop> {
        let mut cursor = Cursor::new(data);
        let layouts = metadata(&mut cursor)?;
        if layouts.len() != target.columns.len() {
            return Err(Violation::Malformed("the number of columns").into());
        }
        let places = vec!["?"; layouts.len()].join(", ");
        let columns = target.columns.join(", ");
        let sql = format!("insert into {} ({columns}) values ({places})", target.table);
        let mut insert = self.connection.prepare(&sql)?;
        let mut loaded = 0;
        while let Some(token) = cursor.peek() {
            cursor.u8()?;
            let row = match token {
                ROW => row(&layouts, &mut cursor, &[])?,
                ROW_WITH_NULL_BITMAP => {
                    let bitmap = cursor.take(layouts.len().div_ceil(8))?;
                    row(&layouts, &mut cursor, bitmap)?
                }
                DONE => break,
                _ => return Err(Violation::Malformed("a token in a bulk load").into()),
            };
            insert.execute(params_from_iter(row))?;
            loaded += 1;
        }
        Ok(loaded)
    }
}

fn metadata(cursor: &mut Cursor<'_>) -> Result<Vec<Layout>, Violation> {
    if cursor.u8()? != COLMETADATA {
        return Err(Violation::Malformed("a bulk load without columns"));
    }
    let count = cursor.u16()?;
    let mut layouts = Vec::new();
    for _ in 0..count {
        cursor.take(6)?;
        let layout = type_info(cursor)?;
        if layout.is_old_blob() {
            let parts = cursor.u8()?;
            for _ in 0..parts {
                cursor.text()?;
            }
        }
        cursor.short_text()?;
        layouts.push(layout);
    }
    Ok(layouts)
}

fn row(
    layouts: &[Layout],
    cursor: &mut Cursor<'_>,
    bitmap: &[u8],
) -> Result<Vec<Value>, Violation> {
    let values = layouts.iter().enumerate().map(|(at, layout)| {
        let is_null = bitmap
            .get(at / 8)
            .is_some_and(|bits| bits >> (at % 8) & 1 == 1);
        match () {
            () if is_null => Ok(Value::Null),
            () if layout.is_old_blob() => layout.old_blob_in_row(cursor),
            () => layout.value(cursor),
        }
    });
    values.collect()
}

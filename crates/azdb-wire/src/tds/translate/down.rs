//! Answers of the upstream, token by token.
//!
//! # Invariants
//!
//! * What is kept of a token between two reads is never more than [`MOST_KEPT`](super::MOST_KEPT) bytes.
//! * Tokens go in the order they come in, each whole; a value too long for its app is followed by an error.

use alloc::format;
use alloc::vec::Vec;

use super::column::{self, Column};
use super::flow::{Flow, Flowed};
use super::kind::Place;
use super::packet::Outgoing;
use super::value::{self, Begun};
use super::{Halt, Kept, Own, Untranslatable};
use crate::reader::Reader;
use crate::tds::notice::Notice;
use crate::tds::token::{StreamToken, body, read, tag};
use crate::tds::version::Width;

/// A count of columns that says "as before".
const AS_BEFORE: u16 = 0xffff;
/// DONE: an error came before it.
const FAILED: u16 = 0x0002;
/// Whoever raises an error without a number of its own has this one.
const TOO_LONG: u32 = 50_000;

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Token,
    /// So many columns.
    Columns(u16),
    /// The value of this column.
    Row(usize),
    /// The value of a RETURNVALUE.
    Returned(Column),
}

/// What becomes of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rows {
    Go,
    /// They have ended in an error of ours.
    Dropped,
}

/// Answers of one upstream.
#[derive(Debug)]
pub(super) struct Down {
    /// Bytes that a value may have which the app can have only when all of it is there.
    limit: usize,
    next: Next,
    columns: Vec<Column>,
    /// Values of some column may have to wait for their length.
    may_wait: bool,
    /// The row's NULLs, a bit for each.
    nulls: Vec<u8>,
    flow: Option<Flow>,
    /// A value has just turned out to be too long, and the app has yet to hear of it.
    too_long: bool,
    rows: Rows,
    /// The front of a token or value whose rest has not come yet.
    kept: Kept,
}

impl Down {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            next: Next::Token,
            columns: Vec::new(),
            may_wait: false,
            nulls: Vec::new(),
            flow: None,
            too_long: false,
            rows: Rows::Go,
            kept: Kept::default(),
        }
    }

    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        let columns = self.columns.capacity().saturating_mul(size_of::<Column>());
        let others = [columns, self.nulls.capacity(), self.kept.0.capacity()];
        others.iter().sum()
    }

    /// Translates a share of an answer's payload.
    pub(super) fn take(
        &mut self,
        share: &[u8],
        own: &mut Own,
        out: &mut Outgoing,
    ) -> Result<(), Untranslatable> {
        let mut kept = core::mem::take(&mut self.kept);
        let outcome = kept.take(share, |reader| self.step(reader, own, out));
        self.kept = kept;
        outcome
    }

    /// A packet has ended. A row that may be taken back waits for another one, but not with more than a packet.
    pub(super) fn pause(&self, out: &mut Outgoing) {
        if !self.flow.as_ref().is_some_and(Flow::is_held) {
            out.release_full();
        }
    }

    /// An answer has ended. What was no whole token at its end is no token for the app either, and goes as it is.
    pub(super) fn end(&mut self, out: &mut Outgoing) {
        out.release();
        out.waiting().append(&mut self.kept.0);
        (self.next, self.flow) = (Next::Token, None);
        (self.too_long, self.rows) = (false, Rows::Go);
        (self.kept, self.nulls) = (Kept::default(), Vec::new());
    }

    /// Translates the next thing, if all of it is there.
    fn step(
        &mut self,
        reader: &mut Reader<'_>,
        own: &mut Own,
        out: &mut Outgoing,
    ) -> Result<(), Halt> {
        match self.next {
            Next::Token => {
                let mut ahead = *reader;
                self.token(&mut ahead, own, out)?;
                *reader = ahead;
            }
            Next::Columns(left) => {
                let mut ahead = *reader;
                let before = out.waiting().len();
                let column = column::of_result(&mut ahead, own, out.waiting())?;
                if own.knows_columns {
                    out.waiting().truncate(before);
                }
                *reader = ahead;
                self.may_wait |= column.is_joined();
                self.columns.push(column);
                self.next = match left.saturating_sub(1) {
                    0 => Next::Token,
                    left => Next::Columns(left),
                };
            }
            Next::Row(at) => self.row(at, reader, own, out)?,
            Next::Returned(column) => {
                self.value(column, reader, own, out)?;
                self.next = Next::Token;
                self.tell(own, out);
            }
        }
        Ok(())
    }

    /// As much of a row as is there.
    fn row(
        &mut self,
        mut at: usize,
        reader: &mut Reader<'_>,
        own: &Own,
        out: &mut Outgoing,
    ) -> Result<(), Halt> {
        loop {
            if self.flow.is_none() && self.nulls.is_empty() && self.rows == Rows::Go {
                let columns = self.columns.get(at..).unwrap_or_default();
                let (count, values) = value::short_ones(columns, reader);
                out.waiting().extend_from_slice(values);
                at = at.saturating_add(count);
            }
            let Some(column) = self.columns.get(at).copied() else {
                break;
            };
            let begins = out.waiting().len();
            let whole = match is_set(&self.nulls, at) {
                true => {
                    column.push_null(out.waiting());
                    Ok(())
                }
                false => self.value(column, reader, own, out),
            };
            if self.rows == Rows::Dropped {
                out.release();
                out.waiting().truncate(begins);
                self.flow.iter_mut().for_each(Flow::drop_rest);
            }
            self.next = Next::Row(at);
            whole?;
            at = at.saturating_add(1);
        }
        self.next = Next::Token;
        self.nulls.clear();
        out.release();
        self.tell(own, out);
        Ok(())
    }

    /// A value, or as much of a long one as is there.
    fn value(
        &mut self,
        column: Column,
        reader: &mut Reader<'_>,
        own: &Own,
        out: &mut Outgoing,
    ) -> Result<(), Halt> {
        loop {
            let from = match &mut self.flow {
                Some(flow) => match flow.go_on(reader, self.limit, out)? {
                    Flowed::TooLong { from } => from,
                    Flowed::Whole => {
                        self.flow = None;
                        return Ok(());
                    }
                },
                None => match column.begin(reader, own, out)? {
                    Begun::Whole => return Ok(()),
                    Begun::Flows(flow) => {
                        self.flow = Some(flow);
                        continue;
                    }
                    Begun::TooLong(flow) => {
                        self.flow = Some(flow);
                        out.place()
                    }
                },
            };
            self.give_up(from, column, out);
        }
    }

    /// The app does not get a value. What stands in its place, if its row cannot be taken back, is a NULL.
    fn give_up(&mut self, from: usize, column: Column, out: &mut Outgoing) {
        if self.rows == Rows::Dropped && column.place == Place::Column {
            return;
        }
        self.too_long = true;
        if out.take_back(from) {
            self.rows = Rows::Dropped;
        } else {
            column.push_null(out.waiting());
        }
    }

    /// Tells the app that it did not get a value; it gets no more of these rows.
    fn tell(&mut self, own: &Own, out: &mut Outgoing) {
        if !core::mem::take(&mut self.too_long) {
            return;
        }
        self.rows = Rows::Dropped;
        let limit = self.limit;
        let notice = Notice {
            number: TOO_LONG,
            class: 16,
            message: &format!(
                "azdb-proxy: a value of more than {limit} bytes, of which the database did not say first how many it has. Drivers of this \
                 version of TDS must hear that first. What to do: ask for less of it at a time, raise translate_limit, or use a driver of \
                 TDS 7.2 or later"
            ),
            server: "",
        };
        notice.encode_error(own.width(), out.waiting());
    }

    /// A token, or the front of one that has more to it.
    fn token(
        &mut self,
        reader: &mut Reader<'_>,
        own: &mut Own,
        out: &mut Outgoing,
    ) -> Result<(), Halt> {
        let tag = *reader.rest().first().ok_or(Halt::Short)?;
        match tag {
            tag::ROW | tag::ROW_WITH_NULLS => {
                reader.u8();
                if tag == tag::ROW_WITH_NULLS {
                    let bits = self.columns.len().div_ceil(8);
                    let nulls = reader.bytes(bits).ok_or(Halt::Short)?;
                    self.nulls.extend_from_slice(nulls);
                }
                self.begin_row(out);
            }
            tag::COLUMNS => {
                reader.u8();
                let count = reader.u16_le().ok_or(Halt::Short)?;
                let told = if own.knows_columns { AS_BEFORE } else { count };
                out.waiting().push(tag);
                out.waiting().extend_from_slice(&told.to_le_bytes());
                if count != AS_BEFORE {
                    (self.columns, self.may_wait) = (Vec::new(), false);
                    self.next = if count == 0 {
                        Next::Token
                    } else {
                        Next::Columns(count)
                    };
                }
            }
            tag::RETURN_VALUE => {
                self.next = Next::Returned(column::returned(reader, own, out.waiting())?)
            }
            tag::TABLE_NAMES | tag::COLUMN_INFO if own.knows_columns => {
                body(reader).ok_or(Halt::Short)?;
            }
            tag::TABLE_NAMES if !own.dialect.has_table_parts() => {
                column::tables(reader, out.waiting()).ok_or(Halt::Short)?;
            }
            tag::TABLE_NAMES | tag::ORDER | tag::COLUMN_INFO => {
                let token = reader
                    .raw(|reader| body(reader).map(drop))
                    .ok_or(Halt::Short)?;
                out.waiting().extend_from_slice(token);
            }
            tag::OFFSET => {
                let token = reader.bytes(5u8).ok_or(Halt::Short)?;
                out.waiting().extend_from_slice(token);
            }
            _ => match read(tag, reader, Width::Wide) {
                Ok(Some(token)) => self.of_any_answer(token, own, out.waiting())?,
                Ok(None) => return Err(Halt::Short),
                Err(_) => return Err(Untranslatable::Token(tag).into()),
            },
        }
        Ok(())
    }

    fn begin_row(&mut self, out: &mut Outgoing) {
        self.next = Next::Row(0);
        if self.rows == Rows::Dropped {
            return;
        }
        // It is taken back if a value of it turns out to be too long.
        if self.may_wait {
            out.hold();
        }
        out.waiting().push(tag::ROW);
    }

    /// A token that may stand in the answer to a login, too.
    fn of_any_answer(
        &mut self,
        token: StreamToken<'_>,
        own: &mut Own,
        out: &mut Vec<u8>,
    ) -> Result<(), Untranslatable> {
        match token {
            StreamToken::Change { kind, values, raw } => {
                own.note_change(kind, values);
                own.dialect.push_change(kind, raw, Some(own.collation), out);
            }
            StreamToken::Report(report) => report.encode(own.width(), out),
            StreamToken::Done(mut done) => {
                if core::mem::replace(&mut self.rows, Rows::Go) == Rows::Dropped {
                    done.status |= FAILED;
                }
                done.encode(own.width(), out);
            }
            StreamToken::Other {
                tag: tag::RETURN_STATUS | tag::SSPI,
                raw,
            } => out.extend_from_slice(raw),
            // Nothing that an app of these versions has asked for.
            StreamToken::Features(_) | StreamToken::Other { .. } => {}
            StreamToken::LoginAck { .. } => return Err(Untranslatable::Token(tag::LOGIN_ACK)),
        }
        Ok(())
    }
}

/// Whether the bit of this column is set.
fn is_set(bits: &[u8], at: usize) -> bool {
    let byte = bits.get(at / 8).copied().unwrap_or_default();
    byte >> (at % 8) & 1 != 0
}

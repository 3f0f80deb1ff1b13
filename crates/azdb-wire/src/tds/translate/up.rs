//! Requests of an app, message by message.
//!
//! ```text
//!                          of 7.1 or 7.0                                            of 7.2 or 7.3A
//!   batch, transaction     ALL_HEADERS | as it is                                   as it is
//!   call                   ALL_HEADERS | options | each parameter walked for the    options of the first
//!                          separator behind the last; collations for 7.0
//!   bulk load              columns wider, rows as they are, DONE wider;             as it is
//!                          behind WRITETEXT as it is
//!   all else               as it is                                                 as it is
//! ```
//!
//! An app that has several cursors, or prepared statements, knows the columns of each, and may say with a call that it need not hear of them
//! (fNoMetaData). Rows cannot be translated without theirs, so that option is taken out, and [`Down`](super::down::Down) keeps the columns
//! to itself.
//!
//! Source: MS-TDS 2.2.6; 2.2.5.3 for ALL_HEADERS.
//!
//! # Invariants
//!
//! * What a request holds that nobody knows goes up as it is, for the server to judge.
//! * An Attention overtakes what is held of an unfinished request, and nothing of that follows.

use alloc::vec::Vec;

use super::column::Column;
use super::flow::Flow;
use super::packet::{Incoming, Message, Outgoing, Piece};
use super::value::Begun;
use super::{Halt, Kept, NO_TRANSACTION, Own, Untranslatable, request};
use crate::reader::Reader;
use crate::tds::frame::{Header, kind as packet_kind};
use crate::tds::token::tag;

/// Status of a request's first packet: the session is reset before it, with its transaction.
const RESET: u8 = 0x08;
/// Status bits that belong to a request's first packet.
const FIRST: u8 = RESET | 0x10;
/// Status bits that belong to a request's last packet: its end, and that it does not count.
const LAST: u8 = Header::LAST | 0x02;
/// Between calls, where the next parameter's name would begin.
const OLD_SEPARATOR: u8 = 0x80;
const SEPARATOR: u8 = 0xff;
/// Option of a call: the columns of its results are not to be said again (fNoMetaData).
const KNOWS_COLUMNS: u8 = 0x02;

/// What comes next of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Everything as it is.
    Rest,
    /// The first words of a batch.
    Batch,
    /// ALL_HEADERS in front of a call.
    Headers,
    /// A procedure's name, and options.
    Call,
    /// A parameter, or the next call.
    Parameter,
    /// A parameter's value.
    Value(Column),
    /// The columns of a bulk load.
    Columns,
    /// So many columns.
    Column(u16),
    /// A row, or the end.
    Token,
    /// The value of this column.
    Row(usize),
}

/// Requests of one app.
#[derive(Debug)]
pub(super) struct Up {
    requests: Incoming,
    /// The message whose packets are coming.
    open: Option<Message>,
    /// The session is to be reset before it, and the upstream has not heard so.
    is_reset: bool,
    next: Next,
    /// Each call of the message, if one has come, says that its app knows the columns.
    knows_columns: Option<bool>,
    /// The batch before announces text, which comes as a bulk load without columns.
    writes_text: bool,
    columns: Vec<Column>,
    flow: Option<Flow>,
    kept: Kept,
    to_upstream: Outgoing,
}

impl Up {
    pub(super) fn new(packet_size: usize) -> Self {
        Self {
            requests: Incoming::default(),
            open: None,
            is_reset: false,
            next: Next::Rest,
            knows_columns: None,
            writes_text: false,
            columns: Vec::new(),
            flow: None,
            kept: Kept::default(),
            to_upstream: Outgoing::new(packet_size),
        }
    }

    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        let columns = self.columns.capacity().saturating_mul(size_of::<Column>());
        let others = [columns, self.kept.0.capacity(), self.to_upstream.kept()];
        others.iter().sum()
    }

    pub(super) fn take(
        &mut self,
        mut bytes: &[u8],
        own: &mut Own,
        out: &mut Vec<u8>,
    ) -> Result<(), Untranslatable> {
        while let Some(piece) = self.requests.next(&mut bytes)? {
            match (piece, self.open) {
                (Piece::Begins(header), Some(open)) if open.kind == header.kind => {}
                (Piece::Begins(header), _) => self.begin(header, own),
                (Piece::Share(share), Some(open)) => {
                    self.go_on(share, own)?;
                    let before = out.len();
                    self.to_upstream.cut_full(open, out);
                    self.note_reset(out.len() > before, own);
                }
                (Piece::Ends(header), Some(open)) if header.is_last() => {
                    self.to_upstream.waiting().append(&mut self.kept.0);
                    self.to_upstream.cut_all(open, header.status & LAST, out);
                    self.note_reset(true, own);
                    if open.kind != packet_kind::ATTENTION {
                        own.knows_columns = self.knows_columns == Some(true);
                    }
                    self.open = None;
                    self.columns = Vec::new();
                }
                (Piece::Share(_) | Piece::Ends(_), _) => {}
            }
        }
        Ok(())
    }

    /// A reset ends the transaction when the upstream hears of it, and not when an Attention has overtaken it.
    fn note_reset(&mut self, has_left: bool, own: &mut Own) {
        if has_left && core::mem::take(&mut self.is_reset) {
            own.transaction = NO_TRANSACTION;
        }
    }

    /// Begins a message, and forgets one that its app has not finished.
    fn begin(&mut self, header: Header, own: &Own) {
        let Header { kind, spid, .. } = header;
        self.is_reset = header.status & RESET != 0;
        self.open = Some(Message { kind, spid });
        (self.flow, self.kept) = (None, Kept::default());
        self.to_upstream.begin(header.status & FIRST);
        let is_narrow = own.dialect.is_narrow();
        self.next = match kind {
            packet_kind::RPC if is_narrow => Next::Call,
            packet_kind::RPC => Next::Headers,
            packet_kind::SQL_BATCH if is_narrow => Next::Batch,
            packet_kind::BULK_LOAD if is_narrow && !self.writes_text => Next::Columns,
            _ => Next::Rest,
        };
        self.knows_columns = None;
        self.writes_text &= kind == packet_kind::BULK_LOAD;
        let has_headers = matches!(
            kind,
            packet_kind::SQL_BATCH | packet_kind::RPC | packet_kind::TRANSACTION
        );
        if has_headers && is_narrow {
            let transaction = if self.is_reset {
                NO_TRANSACTION
            } else {
                own.transaction
            };
            request::push_headers(&transaction, self.to_upstream.waiting());
        }
    }

    fn go_on(&mut self, share: &[u8], own: &Own) -> Result<(), Untranslatable> {
        let mut kept = core::mem::take(&mut self.kept);
        let outcome = kept.take(share, |reader| match self.step(reader, own) {
            // It is no request that we know; whether it is one is for the server to say.
            Err(Halt::Bad(_)) => {
                (self.next, self.knows_columns) = (Next::Rest, Some(false));
                Ok(())
            }
            outcome => outcome,
        });
        self.kept = kept;
        outcome
    }

    /// Translates the next thing, if all of it is there.
    fn step(&mut self, reader: &mut Reader<'_>, own: &Own) -> Result<(), Halt> {
        let mut ahead = *reader;
        let out = self.to_upstream.waiting();
        match self.next {
            Next::Rest if reader.is_empty() => return Err(Halt::Short),
            Next::Rest => {
                out.extend_from_slice(reader.rest());
                ahead = Reader::new(&[]);
            }
            Next::Batch => {
                self.writes_text = request::writes_text(reader.rest()).ok_or(Halt::Short)?;
                self.next = Next::Rest;
            }
            Next::Headers => {
                let headers = ahead.raw(request::all_headers).ok_or(Halt::Short)?;
                out.extend_from_slice(headers);
                self.next = Next::Call;
            }
            Next::Call => {
                let name = ahead.raw(request::procedure).ok_or(Halt::Short)?;
                let [options, more] = ahead.array().ok_or(Halt::Short)?;
                let knows = options & KNOWS_COLUMNS != 0 && request::tells_columns_once(name);
                self.knows_columns = Some(knows && self.knows_columns != Some(false));
                out.extend_from_slice(name);
                out.extend_from_slice(&[options & !KNOWS_COLUMNS, more]);
                self.next = match own.dialect.is_narrow() {
                    true => Next::Parameter,
                    false => Next::Rest,
                };
            }
            Next::Parameter if reader.rest().first() == Some(&OLD_SEPARATOR) => {
                ahead.u8();
                out.push(SEPARATOR);
                self.next = Next::Call;
            }
            Next::Parameter => {
                self.next = Next::Value(request::parameter(&mut ahead, own, out)?);
            }
            Next::Value(column) => {
                self.value(column, reader, own)?;
                self.next = Next::Parameter;
                return Ok(());
            }
            Next::Row(at) => return self.row(at, reader, own),
            Next::Columns | Next::Column(_) | Next::Token => self.bulk(&mut ahead, own)?,
        }
        *reader = ahead;
        Ok(())
    }

    /// The next thing of a bulk load, but a value.
    fn bulk(&mut self, reader: &mut Reader<'_>, own: &Own) -> Result<(), Halt> {
        let out = self.to_upstream.waiting();
        match self.next {
            Next::Columns => {
                let front = reader.array::<3>().ok_or(Halt::Short)?;
                out.extend_from_slice(&front);
                self.next = match front {
                    [tag::COLUMNS, 0, 0] => Next::Token,
                    [tag::COLUMNS, low, high] => Next::Column(u16::from_le_bytes([low, high])),
                    _ => Next::Rest,
                };
            }
            Next::Column(left) => {
                let column = request::bulk_column(reader, own, out)?;
                self.columns.push(column);
                self.next = match left.saturating_sub(1) {
                    0 => Next::Token,
                    left => Next::Column(left),
                };
            }
            _row_or_end => {
                let tag = reader.u8().ok_or(Halt::Short)?;
                match tag {
                    tag::DONE => request::push_done(reader, out).ok_or(Halt::Short)?,
                    _ => out.push(tag),
                }
                self.next = match tag {
                    tag::ROW => Next::Row(0),
                    _ => Next::Rest,
                };
            }
        }
        Ok(())
    }

    /// The value of this column, or the row's end.
    fn row(&mut self, at: usize, reader: &mut Reader<'_>, own: &Own) -> Result<(), Halt> {
        match self.columns.get(at).copied() {
            None => self.next = Next::Token,
            Some(column) => {
                self.value(column, reader, own)?;
                self.next = Next::Row(at.saturating_add(1));
            }
        }
        Ok(())
    }

    /// A value, or as much of a long one as is there.
    fn value(&mut self, column: Column, reader: &mut Reader<'_>, own: &Own) -> Result<(), Halt> {
        if self.flow.is_none() {
            match column.begin(reader, own, &mut self.to_upstream)? {
                Begun::Whole => return Ok(()),
                Begun::Flows(flow) | Begun::TooLong(flow) => self.flow = Some(flow),
            }
        }
        if let Some(flow) = &mut self.flow {
            flow.go_on(reader, usize::MAX, &mut self.to_upstream)?;
        }
        self.flow = None;
        Ok(())
    }
}

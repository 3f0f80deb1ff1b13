//! Requests: SQL text, procedure calls, transaction manager requests, bulk loads.

use super::cursor::{Cursor, utf16};
use super::packet::kind;
use super::record::Violation;
use super::value::{Parameter, Unread, parameter};

/// What a client wants.
pub(super) struct Request {
    /// The transaction that it believes to be in; 0 for none. `None` where none is said.
    pub(super) transaction: Option<u64>,
    pub(super) asks: Asks,
}

/// The kinds of requests.
pub(super) enum Asks {
    Batch(String),
    Calls(Vec<Call>),
    Transaction(Transaction),
    /// A bulk load's columns and rows.
    Bulk(Vec<u8>),
    /// Something whose bytes are fine and which the sample does not know.
    Unknown(&'static str),
}

/// A call of a procedure.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
    /// Its name, also of one that was called by its number.
    pub(super) procedure: String,
    pub(super) parameters: Vec<Parameter>,
}

/// A transaction manager request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Transaction {
    Begin,
    /// And another one begins.
    Commit {
        begin: bool,
    },
    /// And another one begins.
    Rollback {
        begin: bool,
    },
    /// One that the sample does not know.
    Other(&'static str),
}

const HEADER_TRANSACTION: u16 = 2;

impl Request {
    pub(super) fn parse(message: u8, data: &[u8]) -> Result<Self, Violation> {
        let mut cursor = Cursor::new(data);
        if message == kind::BULK {
            return Ok(Self {
                transaction: None,
                asks: Asks::Bulk(data.to_vec()),
            });
        }
        let transaction = Some(headers(&mut cursor)?);
        let asks = match message {
            kind::BATCH => Asks::Batch(utf16(cursor.rest())),
            kind::RPC => match calls(&mut cursor) {
                Ok(calls) => Asks::Calls(calls),
                Err(Unread::Unknown(what)) => Asks::Unknown(what),
                Err(Unread::Malformed(violation)) => return Err(violation),
            },
            kind::TRANSACTION => Asks::Transaction(Transaction::parse(&mut cursor)?),
            message => return Err(Violation::UnexpectedMessage(message)),
        };
        Ok(Self { transaction, asks })
    }
}

/// ALL_HEADERS; gives the transaction descriptor.
fn headers(cursor: &mut Cursor<'_>) -> Result<u64, Violation> {
    let total = cursor.length()?;
    let rest = total
        .checked_sub(4)
        .ok_or(Violation::Malformed("ALL_HEADERS"))?;
    let mut all = Cursor::new(cursor.take(rest)?);
    let mut transaction = None;
    while !all.is_empty() {
        let length = all.length()?;
        let rest = length
            .checked_sub(4)
            .ok_or(Violation::Malformed("a header's length"))?;
        let mut header = Cursor::new(all.take(rest)?);
        if header.u16()? == HEADER_TRANSACTION {
            transaction = Some(header.u64()?);
            header.u32()?;
        }
    }
    transaction.ok_or(Violation::Malformed("a request without transaction header"))
}

/// Batch separators between calls: 0xFF, or 0xFE for "do not execute"; 0x80 in old clients.
fn is_separator(byte: u8) -> bool {
    matches!(byte, 0x80 | 0xfe | 0xff)
}

fn calls(cursor: &mut Cursor<'_>) -> Result<Vec<Call>, Unread> {
    let mut calls = Vec::new();
    while !cursor.is_empty() {
        let procedure = match cursor.u16()? {
            0xffff => numbered(cursor.u16()?).to_owned(),
            chars => utf16(cursor.take(usize::from(chars) * 2)?),
        };
        // Options: whether columns are described again.
        cursor.u16()?;
        let mut parameters = Vec::new();
        while let Some(next) = cursor.peek() {
            if is_separator(next) {
                cursor.u8()?;
                break;
            }
            parameters.push(parameter(cursor)?);
        }
        calls.push(Call {
            procedure,
            parameters,
        });
    }
    Ok(calls)
}

/// Name of a procedure that has a number.
fn numbered(number: u16) -> &'static str {
    match number {
        10 => "sp_executesql",
        11 => "sp_prepare",
        12 => "sp_execute",
        13 => "sp_prepexec",
        15 => "sp_unprepare",
        _ => "of a cursor",
    }
}

impl Transaction {
    fn parse(cursor: &mut Cursor<'_>) -> Result<Self, Violation> {
        let kind = cursor.u16()?;
        if kind == 5 {
            return Ok(Self::Begin);
        }
        if !matches!(kind, 7 | 8) {
            return Ok(Self::Other("a savepoint or distributed transaction"));
        }
        let length = usize::from(cursor.u8()?);
        let name = cursor.take(length)?;
        let begin = cursor.u8()? & 1 != 0;
        Ok(match kind {
            7 => Self::Commit { begin },
            _ if name.is_empty() => Self::Rollback { begin },
            _ => Self::Other("a rollback to a savepoint"),
        })
    }
}

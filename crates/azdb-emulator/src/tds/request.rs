//! Requests: SQL text, procedure calls, transaction manager requests, bulk loads.

use super::cursor::{Cursor, utf16};
use super::packet::kind;
use super::record::Violation;
use super::value::{Parameter, parameter};

/// What a client wants.
pub(super) struct Request {
    /// The transaction that it believes to be in; 0 for none. `None` where none is said.
    pub(super) transaction: Option<u64>,
    pub(super) asks: Asks,
}

/// The kinds of requests.
pub(super) enum Asks {
    Batch(String),
    Call(Vec<Call>),
    Transaction(Transaction),
    /// A bulk load's columns and rows.
    Bulk(Vec<u8>),
}

/// A call of a procedure.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
    pub(super) procedure: Procedure,
    /// Column descriptions are known to the client and not sent.
    pub(super) no_metadata: bool,
    pub(super) parameters: Vec<Parameter>,
}

/// Which procedure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Procedure {
    Named(String),
    /// One of the procedures with a number.
    Numbered(u16),
}

/// A transaction manager request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Transaction {
    Begin,
    /// And another one begins.
    Commit {
        begin: bool,
    },
    /// To a savepoint, when it has a name.
    Rollback {
        name: String,
        begin: bool,
    },
    Save(String),
    /// One that this server does not know.
    Other(u16),
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
            kind::RPC => Asks::Call(calls(&mut cursor)?),
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

fn calls(cursor: &mut Cursor<'_>) -> Result<Vec<Call>, Violation> {
    let mut calls = Vec::new();
    while !cursor.is_empty() {
        let procedure = match cursor.u16()? {
            0xffff => Procedure::Numbered(cursor.u16()?),
            chars => Procedure::Named(utf16(cursor.take(usize::from(chars) * 2)?)),
        };
        let options = cursor.u16()?;
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
            no_metadata: options & 2 != 0,
            parameters,
        });
    }
    Ok(calls)
}

impl Transaction {
    fn parse(cursor: &mut Cursor<'_>) -> Result<Self, Violation> {
        let kind = cursor.u16()?;
        Ok(match kind {
            5 => Self::Begin,
            7 => {
                name(cursor)?;
                Self::Commit {
                    begin: cursor.u8()? & 1 != 0,
                }
            }
            8 => Self::Rollback {
                name: name(cursor)?,
                begin: cursor.u8()? & 1 != 0,
            },
            9 => Self::Save(name(cursor)?),
            kind => Self::Other(kind),
        })
    }
}

/// A name with its length in bytes before it.
fn name(cursor: &mut Cursor<'_>) -> Result<String, Violation> {
    let bytes = usize::from(cursor.u8()?);
    Ok(utf16(cursor.take(bytes)?))
}

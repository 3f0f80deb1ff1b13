//! Requests: SQL text, procedure calls, transaction manager requests, bulk loads.

use bytes::Buf as _;

use super::cursor::{length, take, utf16};
use super::packet::kind;
use super::record::Violation;
use super::value::{Parameter, Unread, parameter};
use super::version::Version;

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
    /// Reads a request of a client of this version.
    pub(super) fn parse(message: u8, data: &[u8], version: Version) -> Result<Self, Violation> {
        let mut rest = data;
        if message == kind::BULK {
            return Ok(Self {
                transaction: None,
                asks: Asks::Bulk(data.to_vec()),
            });
        }
        let transaction = match version.is_wide() {
            true => Some(headers(&mut rest)?),
            false => None,
        };
        let asks = match message {
            kind::BATCH => Asks::Batch(utf16(rest)),
            kind::RPC => match calls(&mut rest, version) {
                Ok(calls) => Asks::Calls(calls),
                Err(Unread::Unknown(what)) => Asks::Unknown(what),
                Err(Unread::Malformed(violation)) => return Err(violation),
            },
            kind::TRANSACTION => Asks::Transaction(Transaction::parse(&mut rest)?),
            message => return Err(Violation::UnexpectedMessage(message)),
        };
        Ok(Self { transaction, asks })
    }
}

/// ALL_HEADERS; gives the transaction descriptor.
fn headers(rest: &mut &[u8]) -> Result<u64, Violation> {
    let mut all = sized(rest)?;
    let mut transaction = None;
    while !all.is_empty() {
        let mut header = sized(&mut all)?;
        if header.try_get_u16_le()? == HEADER_TRANSACTION {
            transaction = Some(header.try_get_u64_le()?);
            // How many requests there are at a time.
            header.try_get_u32_le()?;
        }
    }
    transaction.ok_or(Violation::Malformed("a request without transaction header"))
}

/// Bytes after a length of four bytes that counts itself.
fn sized<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], Violation> {
    let length = length(rest)?.checked_sub(4);
    take(
        rest,
        length.ok_or(Violation::Malformed("a header's length"))?,
    )
}

/// What stands between calls: 0xFF, or 0xFE for "do not execute"; 0x80 in old clients, which have no
/// names of so many characters.
fn is_separator(byte: u8, version: Version) -> bool {
    match version.is_wide() {
        true => matches!(byte, 0xfe | 0xff),
        false => byte == 0x80,
    }
}

fn calls(rest: &mut &[u8], version: Version) -> Result<Vec<Call>, Unread> {
    let mut calls = Vec::new();
    while !rest.is_empty() {
        let procedure = match rest.try_get_u16_le()? {
            0xffff => numbered(rest.try_get_u16_le()?).to_owned(),
            chars => utf16(take(rest, usize::from(chars) * 2)?),
        };
        // Options: whether columns are described again.
        rest.try_get_u16_le()?;
        let mut parameters = Vec::new();
        while let Some((next, after)) = rest.split_first() {
            if is_separator(*next, version) {
                *rest = after;
                break;
            }
            parameters.push(parameter(rest, version)?);
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
        2 => "sp_cursoropen",
        4 => "sp_cursorexecute",
        5 => "sp_cursorprepexec",
        6 => "sp_cursorunprepare",
        10 => "sp_executesql",
        11 => "sp_prepare",
        12 => "sp_execute",
        13 => "sp_prepexec",
        15 => "sp_unprepare",
        _ => "of a cursor",
    }
}

impl Transaction {
    fn parse(rest: &mut &[u8]) -> Result<Self, Violation> {
        let kind = rest.try_get_u16_le()?;
        if kind == 5 {
            return Ok(Self::Begin);
        }
        if !matches!(kind, 7 | 8) {
            return Ok(Self::Other("a savepoint or distributed transaction"));
        }
        let length = usize::from(rest.try_get_u8()?);
        let name = take(rest, length)?;
        let begin = rest.try_get_u8()? & 1 != 0;
        Ok(match kind {
            7 => Self::Commit { begin },
            _ if name.is_empty() => Self::Rollback { begin },
            _ => Self::Other("a rollback to a savepoint"),
        })
    }
}

//! What a server of 7.4 reads of a request.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::cursor::{Cursor, Read, bad};
use super::request::{Call, Parameter, Procedure, Request};
use super::server::Column;
use super::types::{Kind, Place, Value};
use super::value::value;

/// A request with the transaction that it belongs to, where its kind says one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Received {
    pub(super) transaction: Option<u64>,
    pub(super) request: Request,
}

pub(super) fn read(kind: u8, payload: &[u8]) -> Read<Received> {
    let cursor = &mut Cursor::new(payload);
    let transaction = match kind {
        0x01 | 0x03 | 0x0e => Some(headers(cursor)?),
        _ => None,
    };
    let request = match kind {
        0x01 => Request::Batch(cursor.text(cursor.rest.len() / 2)?),
        0x03 => calls(cursor)?,
        0x07 => bulk(cursor)?,
        0x0e => Request::Manager {
            number: cursor.u16()?,
            body: cursor.take(cursor.rest.len())?.to_vec(),
        },
        0x11 => Request::Sspi(cursor.take(cursor.rest.len())?.to_vec()),
        kind => return bad(format!("kind {kind:02x}")),
    };
    match cursor.rest {
        [] => Ok(Received {
            transaction,
            request,
        }),
        rest => bad(format!("{} bytes behind {request:?}", rest.len())),
    }
}

/// ALL_HEADERS with the transaction's descriptor, and one request outstanding.
fn headers(cursor: &mut Cursor<'_>) -> Read<u64> {
    let (total, length, kind) = (cursor.u32()?, cursor.u32()?, cursor.u16()?);
    let (transaction, outstanding) = (cursor.u64()?, cursor.u32()?);
    if (total, length, kind, outstanding) == (22, 18, 2, 1) {
        return Ok(transaction);
    }
    bad(format!("headers {total} {length} {kind} {outstanding}"))
}

fn calls(cursor: &mut Cursor<'_>) -> Read<Request> {
    let mut calls = Vec::new();
    loop {
        let procedure = match cursor.u16()? {
            0xffff => Procedure::Numbered(cursor.u16()?),
            units => Procedure::Named(cursor.text(units.into())?),
        };
        let options = cursor.u16()?;
        let mut parameters = Vec::new();
        while !matches!(cursor.rest, [] | [0xff, ..]) {
            parameters.push(parameter(cursor)?);
        }
        calls.push(Call {
            procedure,
            options,
            parameters,
        });
        match cursor.rest {
            [] => {
                return Ok(Request::Calls {
                    calls,
                    is_trailing: false,
                });
            }
            [_] => {
                cursor.u8()?;
                return Ok(Request::Calls {
                    calls,
                    is_trailing: true,
                });
            }
            _ => cursor.u8()?,
        };
    }
}

fn parameter(cursor: &mut Cursor<'_>) -> Read<Parameter> {
    let name = cursor.b_varchar()?;
    let status = cursor.u8()?;
    let kind = kind(cursor)?;
    let value = value(&kind, cursor, Place::ReturnValue)?;
    Ok(Parameter {
        name,
        status,
        kind,
        value,
    })
}

/// The types that an app of 7.1 has, as a server of 7.4 reads them; all text with its collation.
fn kind(cursor: &mut Cursor<'_>) -> Read<Kind> {
    let tag = cursor.u8()?;
    Ok(match tag {
        0x1f => Kind::Fixed { tag, size: 0 },
        0x30 | 0x32 => Kind::Fixed { tag, size: 1 },
        0x34 => Kind::Fixed { tag, size: 2 },
        0x38 | 0x3a | 0x3b | 0x7a => Kind::Fixed { tag, size: 4 },
        0x3c | 0x3d | 0x3e | 0x7f => Kind::Fixed { tag, size: 8 },
        0x24..=0x27 | 0x2d | 0x2f | 0x68 | 0x6d..=0x6f => Kind::Len8 {
            tag,
            max: cursor.u8()?,
        },
        0x37 | 0x3f | 0x6a | 0x6c => Kind::Decimal {
            tag,
            max: cursor.u8()?,
            precision: cursor.u8()?,
            scale: cursor.u8()?,
        },
        0xa5 | 0xad => Kind::Len16 {
            tag,
            max: cursor.u16()?,
            collation: None,
        },
        0xa7 | 0xaf | 0xe7 | 0xef => Kind::Len16 {
            tag,
            max: cursor.u16()?,
            collation: Some(cursor.array()?),
        },
        0x22 | 0x23 | 0x63 => Kind::Long {
            tag,
            max: cursor.u32()?,
            collation: match tag {
                0x22 => None,
                _ => Some(cursor.array()?),
            },
            table: Vec::new(),
        },
        0x62 => Kind::Variant { max: cursor.u32()? },
        tag => return bad(format!("type {tag:02x} of a parameter")),
    })
}

fn bulk(cursor: &mut Cursor<'_>) -> Read<Request> {
    if cursor.u8()? != 0x81 {
        return bad("a bulk load without columns");
    }
    let count = cursor.u16()?;
    let columns: Vec<Column> = (0..count).map(|_| column(cursor)).collect::<Read<_>>()?;
    let mut rows: Vec<Vec<Value>> = Vec::new();
    loop {
        match cursor.u8()? {
            0xd1 => rows.push(
                columns
                    .iter()
                    .map(|column| value(&column.kind, cursor, Place::Row))
                    .collect::<Read<_>>()?,
            ),
            0xfd => break,
            tag => return bad(format!("token {tag:02x} in a bulk load")),
        }
    }
    Ok(Request::Bulk {
        columns,
        rows,
        status: cursor.u16()?,
        command: cursor.u16()?,
        count: cursor.u64()?,
    })
}

fn column(cursor: &mut Cursor<'_>) -> Read<Column> {
    let user_type = cursor.u32()?;
    let flags = cursor.u16()?;
    let mut kind = kind(cursor)?;
    if let Kind::Long { table, .. } = &mut kind {
        *table = cursor.parts()?;
    }
    Ok(Column {
        user_type,
        flags,
        kind,
        name: String::new() + &cursor.b_varchar()?,
    })
}

//! What the server sends: column descriptions and rows.

use super::column::SqlColumn;
use super::data::{self, is_fixed};
use super::datum::Datum;
use super::info::{Place, info};
use super::sql_type::{MAX, SqlType};
use crate::sample::{Fault, unknown};
use crate::tds::token::{first, text8};
use crate::tds::version::Version;

/// What stands for the pointer and the timestamp of a `text` that has none.
const NO_POINTER: &[u8; 24] = b"dummy textptr\0\0\0dummyTS\0";

/// A pointer into a table, and a timestamp.
const POINTER: [u8; 24] = [
    0xfe, 0xff, 0x64, 0, 0, 0, 0, 0, 0x5a, 0, 0, 0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0x07, 0xd1,
];

/// The most bytes of a chunk. It is odd, so that characters lie over its end, as they may.
const CHUNK: usize = 3999;

/// Flags of an output parameter: may be NULL, may be written.
const NULLABLE: u16 = 0x0009;

/// COLMETADATA for these columns.
pub(in crate::tds) fn column_metadata(
    bytes: &mut Vec<u8>,
    columns: &[SqlColumn],
    version: Version,
) {
    bytes.push(first::COLMETADATA);
    let count = u16::try_from(columns.len()).unwrap_or(u16::MAX);
    bytes.extend(count.to_le_bytes());
    for column in columns {
        types_of_user(bytes, column.flags(), version);
        info(
            bytes,
            column.kind.told(version),
            Place::Column(column),
            version,
        );
        text8(bytes, &column.name);
    }
}

/// A row; with a bitmap in front when that is shorter.
pub(in crate::tds) fn row(
    bytes: &mut Vec<u8>,
    columns: &[SqlColumn],
    values: &[Datum],
    version: Version,
) -> Result<(), Fault> {
    let start = bytes.len();
    let cells = || columns.iter().zip(values);
    let nulls = cells().filter(|(_, value)| **value == Datum::Null);
    let saved: usize = nulls
        .map(|(column, _)| null(column.kind.told(version)).len())
        .sum();
    let has_bitmap = version.has_null_bitmaps() && saved > columns.len().div_ceil(8);
    if has_bitmap {
        bytes.push(first::ROW_WITH_NULL_BITMAP);
        let bitmap = values.chunks(8).map(|eight| {
            let bits = eight.iter().enumerate();
            bits.fold(0_u8, |bits, (at, value)| {
                bits | u8::from(*value == Datum::Null) << at
            })
        });
        bytes.extend(bitmap);
    } else {
        bytes.push(first::ROW);
    }
    for (column, value) in cells() {
        if has_bitmap && *value == Datum::Null {
            continue;
        }
        if let Err(fault) = cell(bytes, column, value, version) {
            bytes.truncate(start);
            return Err(fault);
        }
    }
    Ok(())
}

/// RETURNVALUE of an output parameter. A text has a pointer here, as in a row: no driver reads what the
/// specification says.
pub(in crate::tds) fn return_value(
    bytes: &mut Vec<u8>,
    (ordinal, name): (u16, &str),
    kind: SqlType,
    value: &Datum,
    version: Version,
) -> Result<(), Fault> {
    let start = bytes.len();
    bytes.push(first::RETURNVALUE);
    bytes.extend(ordinal.to_le_bytes());
    text8(bytes, name);
    bytes.push(1);
    types_of_user(bytes, NULLABLE, version);
    let told = kind.told(version);
    info(bytes, told, Place::Parameter, version);
    let value = value.told(kind, version);
    let written = value.and_then(|value| put(bytes, told, &value, NO_POINTER, false, version));
    written.ok_or_else(|| {
        bytes.truncate(start);
        inexpressible(kind)
    })
}

/// A column's user type, which is none, and its flags.
fn types_of_user(bytes: &mut Vec<u8>, flags: u16, version: Version) {
    let width = if version.is_wide() { 4 } else { 2 };
    bytes.extend(&[0; 4][..width]);
    // Older clients know the bits of the first byte without that of computed columns.
    let known = if version.is_wide() { u16::MAX } else { 0x00df };
    bytes.extend((flags & known).to_le_bytes());
}

fn inexpressible(kind: SqlType) -> Fault {
    let name = kind.name();
    unknown(
        &format!("how to say this {name} to a client of this version"),
        crate::sample::Dialect::Tds,
    )
}

fn cell(
    bytes: &mut Vec<u8>,
    column: &SqlColumn,
    value: &Datum,
    version: Version,
) -> Result<(), Fault> {
    let told = column.kind.told(version);
    let value = value.told(column.kind, version);
    let written = value.and_then(|value| {
        if column.required && is_fixed(told) && *value != Datum::Null {
            bytes.extend(data::bare(told, &value, version)?);
            return Some(());
        }
        let pointer = match column.table {
            Some(_) => &POINTER,
            None => NO_POINTER,
        };
        put(
            bytes,
            told,
            &value,
            pointer,
            column.is_open_ended(),
            version,
        )
    });
    written.ok_or_else(|| inexpressible(column.kind))
}

/// How NULL is written.
fn null(kind: SqlType) -> &'static [u8] {
    match kind {
        kind if kind.is_chunked() => &[0xff; 8],
        SqlType::Variant => &[0; 4],
        kind if has_long_length(kind) => &[0xff; 2],
        _ => &[0],
    }
}

fn has_long_length(kind: SqlType) -> bool {
    matches!(
        kind,
        SqlType::Char(_) | SqlType::NChar(_) | SqlType::Binary(_)
    ) || matches!(
        kind,
        SqlType::VarChar(Some(_)) | SqlType::NVarChar(Some(_)) | SqlType::VarBinary(Some(_))
    )
}

/// A value with its length. Nobody has been told the length of an open-ended one before its end.
fn put(
    bytes: &mut Vec<u8>,
    kind: SqlType,
    value: &Datum,
    pointer: &[u8; 24],
    is_open_ended: bool,
    version: Version,
) -> Option<()> {
    if *value == Datum::Null {
        bytes.extend(null(kind));
        return Some(());
    }
    let data = data::bare(kind, value, version)?;
    match kind {
        kind if kind.is_chunked() => chunks(bytes, &data, is_open_ended),
        SqlType::Variant => longer(bytes, &data),
        kind if kind.is_pointed() => {
            bytes.push(16);
            bytes.extend(pointer);
            longer(bytes, &data);
        }
        kind if has_long_length(kind) => {
            let length = u16::try_from(data.len()).ok().filter(|len| *len != MAX)?;
            bytes.extend(length.to_le_bytes());
            bytes.extend(data);
        }
        _ => {
            bytes.push(u8::try_from(data.len()).ok()?);
            bytes.extend(data);
        }
    }
    Some(())
}

/// Bytes with their length in four.
fn longer(bytes: &mut Vec<u8>, data: &[u8]) {
    bytes.extend(u32::try_from(data.len()).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend_from_slice(data);
}

/// Bytes in chunks until an empty one.
fn chunks(bytes: &mut Vec<u8>, data: &[u8], is_open_ended: bool) {
    let total = match is_open_ended {
        true => u64::MAX - 1,
        false => data.len() as u64,
    };
    bytes.extend(total.to_le_bytes());
    for chunk in data.chunks(CHUNK) {
        longer(bytes, chunk);
    }
    longer(bytes, &[]);
}

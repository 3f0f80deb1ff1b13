//! The parts of requests that differ between the versions, each as 7.4 has it.

use alloc::vec::Vec;

use super::column::{Column, LONGEST_UTF16};
use super::kind::{self, Place, TypeInfo};
use super::{Halt, Own};
use crate::reader::Reader;
use crate::tds::text::{b_varchar, from_utf16, us_varchar};
use crate::tds::token::tag;

/// A procedure's number follows in place of a name.
const BY_NUMBER: u16 = 0xffff;

/// Appends ALL_HEADERS: of the one header that a server asks for, the transaction's.
pub(super) fn push_headers(transaction: &[u8; 8], out: &mut Vec<u8>) {
    const TRANSACTION: u16 = 2;
    for length in [22u32, 18] {
        out.extend_from_slice(&length.to_le_bytes());
    }
    out.extend_from_slice(&TRANSACTION.to_le_bytes());
    out.extend_from_slice(transaction);
    // Requests that are not answered yet, this one included.
    out.extend_from_slice(&1u32.to_le_bytes());
}

/// Whether a batch is one that writes long text behind it (WRITETEXT, UPDATETEXT); `None` while too little of it is there. One that
/// does names a table, a column and a pointer, and is longer than what is looked at.
pub(super) fn writes_text(batch: &[u8]) -> Option<bool> {
    const LOOK: usize = 64;
    let front = from_utf16(batch.get(..LOOK)?).to_ascii_lowercase();
    let words = front.trim_start();
    Some(words.starts_with("writetext") || words.starts_with("updatetext"))
}

/// ALL_HEADERS: their length counts itself.
pub(super) fn all_headers<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let length = reader.u32_le()?;
    reader.bytes(length.saturating_sub(4))
}

/// A procedure's name or number.
pub(super) fn procedure(reader: &mut Reader<'_>) -> Option<()> {
    match reader.u16_le()? {
        BY_NUMBER => reader.u16_le().map(drop),
        units => {
            let name = usize::from(units).saturating_mul(2);
            reader.bytes(name).map(drop)
        }
    }
}

/// Whether what a procedure gives was described before, when a statement was prepared or a cursor opened. Others describe it
/// whatever is asked of them: Mono.Data.Tds asks every procedure not to, and then reads what it says.
pub(super) fn tells_columns_once(name: &[u8]) -> bool {
    const NUMBERS: [u8; 3] = [4, 7, 12];
    const NAMES: [&str; 3] = ["sp_cursorexecute", "sp_cursorfetch", "sp_execute"];
    match name {
        [0xff, 0xff, number, 0] => NUMBERS.contains(number),
        [_, _, name @ ..] => NAMES.iter().any(|known| {
            name.iter()
                .copied()
                .eq(known.encode_utf16().flat_map(u16::to_le_bytes))
        }),
        _ => false,
    }
}

/// A parameter up to its value.
pub(super) fn parameter(
    reader: &mut Reader<'_>,
    own: &Own,
    out: &mut Vec<u8>,
) -> Result<Column, Halt> {
    let front = reader.raw(|reader| {
        b_varchar(reader)?;
        reader.u8()
    });
    let front = front.ok_or(Halt::Short)?;
    let info = TypeInfo::read(reader, Place::Parameter, own.dialect.has_collations())?;
    out.extend_from_slice(front);
    push_type(&info, own, out);
    Ok(Column::unchanged(info.layout, Place::Parameter))
}

/// A column of a bulk load.
pub(super) fn bulk_column(
    reader: &mut Reader<'_>,
    own: &Own,
    out: &mut Vec<u8>,
) -> Result<Column, Halt> {
    let user_type = reader.u16_le().ok_or(Halt::Short)?;
    let flags = reader.u16_le().ok_or(Halt::Short)?;
    let info = TypeInfo::read(reader, Place::Column, own.dialect.has_collations())?;
    let table = match info.names_table() {
        true => Some(reader.raw(us_varchar).ok_or(Halt::Short)?),
        false => None,
    };
    let name = reader.raw(b_varchar).ok_or(Halt::Short)?;
    out.extend_from_slice(&u32::from(user_type).to_le_bytes());
    out.extend_from_slice(&flags.to_le_bytes());
    push_type(&info, own, out);
    if let Some(table) = table {
        out.push(1);
        out.extend_from_slice(table);
    }
    out.extend_from_slice(name);
    Ok(Column::unchanged(info.layout, Place::Column))
}

/// Appends a type in the form of 7.4.
fn push_type(info: &TypeInfo<'_>, own: &Own, out: &mut Vec<u8>) {
    out.push(info.tag);
    match info.tag {
        // jTDS counts characters here where servers count bytes.
        kind::NTEXT => out.extend_from_slice(&LONGEST_UTF16.to_le_bytes()),
        _ => out.extend_from_slice(info.details),
    }
    if info.is_text() {
        out.extend_from_slice(&info.collation.unwrap_or(own.collation));
    }
}

/// The end of a bulk load, behind its tag.
pub(super) fn push_done(reader: &mut Reader<'_>, out: &mut Vec<u8>) -> Option<()> {
    let front = reader.bytes(4u8)?;
    let rows = reader.u32_le()?;
    out.push(tag::DONE);
    out.extend_from_slice(front);
    out.extend_from_slice(&u64::from(rows).to_le_bytes());
    Some(())
}

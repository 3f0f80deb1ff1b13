//! Values as they begin: short ones whole, long ones with what stands in front of them.

use alloc::vec::Vec;

use super::column::{Change, Column, LONGEST, NULL_LONG};
use super::flow::{BYTE_ORDER_MARK, Chunks, Flow};
use super::kind::{self, Layout};
use super::packet::Outgoing;
use super::{Halt, Own, Untranslatable, literal};
use crate::reader::Reader;
use crate::tds::text::{b_varbyte, push_utf16};

/// The total of a value that is NULL.
const NULL: u64 = u64::MAX;
/// The total of a value that nobody has counted.
const UNKNOWN: u64 = u64::MAX - 1;
/// What SQL Server writes for the pointer and the timestamp of long values that have none.
const POINTER: &[u8; 25] = b"\x10dummy textptr\0\0\0dummyTS\0";

impl Column {
    /// Begins a value: a short one is taken whole, or not at all while it is not all there.
    pub(super) fn begin(
        &self,
        reader: &mut Reader<'_>,
        own: &Own,
        out: &mut Outgoing,
    ) -> Result<Begun, Halt> {
        match self.change {
            Change::None => as_it_is(self.layout, reader, out).ok_or(Halt::Short),
            Change::Joined { is_xml } => joined(is_xml, reader, out),
            Change::Literal { tag, scale } => {
                match b_varbyte(reader).ok_or(Halt::Short)? {
                    [] => self.push_null(out.waiting()),
                    value => push_text(tag, scale, value, out.waiting())?,
                }
                Ok(Begun::Whole)
            }
            Change::Bigint => {
                let value = match self.layout {
                    Layout::Fixed(count) => reader.bytes(count),
                    _ => b_varbyte(reader),
                };
                match value.ok_or(Halt::Short)? {
                    [] => self.push_null(out.waiting()),
                    value => push_decimal(value, out.waiting())?,
                }
                Ok(Begun::Whole)
            }
            Change::Pointed => pointed(reader, out).ok_or(Halt::Short),
            Change::Variant => variant(reader, own, out),
        }
    }
}

/// What comes of a value that begins.
pub(super) enum Begun {
    /// All of it has been written.
    Whole,
    /// The rest of it flows.
    Flows(Flow),
    /// It is longer than an app of this version can have.
    TooLong(Flow),
}

/// The values, up to the first that is not short, not to go as it is, or not all there; and how many they are. Most rows are of nothing
/// else, and go in one piece.
pub(super) fn short_ones<'a>(columns: &[Column], reader: &mut Reader<'a>) -> (usize, &'a [u8]) {
    let mut ahead = *reader;
    let goes = |column: &&Column| {
        column.change == Change::None && short(column.layout, &mut ahead).is_some()
    };
    let count = columns.iter().take_while(goes).count();
    let length = reader.rest().len().saturating_sub(ahead.rest().len());
    (count, reader.bytes(length).unwrap_or_default())
}

/// Takes a value of a layout that has no long ones.
fn short<'a>(layout: Layout, reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let mut ahead = *reader;
    match layout {
        Layout::Fixed(count) => ahead.bytes(count)?,
        Layout::Len8 => b_varbyte(&mut ahead)?,
        Layout::Len16 => match ahead.u16_le()? {
            kind::MAX => &[],
            count => ahead.bytes(count)?,
        },
        _ => return None,
    };
    let length = reader.rest().len().saturating_sub(ahead.rest().len());
    reader.bytes(length)
}

/// Takes a short value whole, and the front of a long one.
fn as_it_is(layout: Layout, reader: &mut Reader<'_>, out: &mut Outgoing) -> Option<Begun> {
    let mut long = None;
    let front = reader.raw(|reader| match layout {
        Layout::Fixed(_) | Layout::Len8 | Layout::Len16 => short(layout, reader).map(drop),
        Layout::Variant => {
            long = Some(reader.u32_le()?);
            Some(())
        }
        Layout::Len32 => {
            long = match reader.u32_le()? {
                u32::MAX => None,
                count => Some(count),
            };
            Some(())
        }
        Layout::Pointed => {
            let pointer = reader.u8()?;
            if pointer != 0 {
                const TIMESTAMP: usize = 8;
                reader.bytes(pointer)?;
                reader.bytes(TIMESTAMP)?;
                long = Some(reader.u32_le()?);
            }
            Some(())
        }
        Layout::Chunked => {
            long = match reader.u64_le()? {
                NULL => None,
                _ => Some(0),
            };
            Some(())
        }
    })?;
    out.waiting().extend_from_slice(front);
    Some(match (layout, long) {
        (Layout::Chunked, Some(_)) => Begun::Flows(Flow::of_chunks(Chunks::Kept)),
        (_, Some(left)) => Begun::Flows(Flow::Bytes { left }),
        (_, None) => Begun::Whole,
    })
}

/// Begins a long value of which an app must hear the length first.
fn joined(is_xml: bool, reader: &mut Reader<'_>, out: &mut Outgoing) -> Result<Begun, Halt> {
    let mut ahead = *reader;
    let begun = match ahead.u64_le().ok_or(Halt::Short)? {
        NULL => {
            out.waiting().extend_from_slice(&NULL_LONG);
            Begun::Whole
        }
        UNKNOWN => {
            let from = out.place();
            out.hold();
            push_front(0, out.waiting());
            let at = out.place();
            Begun::Flows(Flow::of_chunks(Chunks::Held { from, at, is_xml }))
        }
        total if total > u64::from(LONGEST) => Begun::TooLong(Flow::of_chunks(Chunks::Dropped)),
        total => {
            let may_have_mark = is_xml && total >= BYTE_ORDER_MARK.len() as u64;
            let skip = match may_have_mark && has_mark(ahead).ok_or(Halt::Short)? {
                true => BYTE_ORDER_MARK.len(),
                false => 0,
            };
            let length = total.saturating_sub(skip as u64);
            push_front(u32::try_from(length).unwrap_or(LONGEST), out.waiting());
            Begun::Flows(Flow::of_chunks(Chunks::Told { left: total, skip }))
        }
    };
    *reader = ahead;
    Ok(begun)
}

/// Begins a long value that has no pointer where the app reads one.
fn pointed(reader: &mut Reader<'_>, out: &mut Outgoing) -> Option<Begun> {
    let out = out.waiting();
    Some(match reader.u32_le()? {
        u32::MAX => {
            out.extend_from_slice(&NULL_LONG);
            Begun::Whole
        }
        left => {
            push_front(left, out);
            Begun::Flows(Flow::Bytes { left })
        }
    })
}

/// Whether the chunks begin with the mark of XML.
fn has_mark(mut reader: Reader<'_>) -> Option<bool> {
    let mut left = 0u32;
    for byte in BYTE_ORDER_MARK {
        if left == 0 {
            left = reader.u32_le()?;
        }
        if left == 0 || reader.u8()? != byte {
            return Some(false);
        }
        left = left.saturating_sub(1);
    }
    Some(true)
}

/// What stands in front of a long value's bytes.
fn push_front(length: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(POINTER);
    out.extend_from_slice(&length.to_le_bytes());
}

/// An integer of eight bytes as a decimal number: a sign, which is 1 for what is not negative, and as many bytes.
fn push_decimal(value: &[u8], out: &mut Vec<u8>) -> Result<(), Untranslatable> {
    let bytes = value.try_into();
    let number = i64::from_le_bytes(bytes.map_err(|_| Untranslatable::Value(kind::BIGINT))?);
    out.extend_from_slice(&[9, u8::from(!number.is_negative())]);
    out.extend_from_slice(&number.unsigned_abs().to_le_bytes());
    Ok(())
}

/// The text of a date or a time, with its length in two bytes.
fn push_text(tag: u8, scale: u8, value: &[u8], out: &mut Vec<u8>) -> Result<(), Untranslatable> {
    let text = literal::of(tag, scale, value).ok_or(Untranslatable::Value(tag))?;
    let length = u16::try_from(text.len().saturating_mul(2)).unwrap_or(u16::MAX);
    out.extend_from_slice(&length.to_le_bytes());
    push_utf16(&text, out);
    Ok(())
}

/// A variant that holds a date or a time holds text instead.
fn variant(reader: &mut Reader<'_>, own: &Own, out: &mut Outgoing) -> Result<Begun, Halt> {
    /// A collation, and a length in two bytes.
    const PROPERTIES: u8 = 7;
    let mut ahead = *reader;
    let total = ahead.u32_le().ok_or(Halt::Short)?;
    if total > 0 && !kind::is_date(*ahead.rest().first().ok_or(Halt::Short)?) {
        return as_it_is(Layout::Variant, reader, out).ok_or(Halt::Short);
    }
    let held = ahead.bytes(total).ok_or(Halt::Short)?;
    *reader = ahead;
    let out = out.waiting();
    let [tag, properties, rest @ ..] = held else {
        out.extend_from_slice(&total.to_le_bytes());
        out.extend_from_slice(held);
        return Ok(Begun::Whole);
    };
    let parts = rest.split_at_checked(usize::from(*properties));
    let (scale, value) = parts.ok_or(Untranslatable::Value(*tag))?;
    let scale = scale.first().copied().unwrap_or_default();
    let mut text = Vec::new();
    push_text(*tag, scale, value, &mut text)?;
    // Type and count of properties are two more, and the text's own length is a property.
    let total = text.len().saturating_add(usize::from(PROPERTIES));
    out.extend_from_slice(&u32::try_from(total).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(&[kind::NVARCHAR, PROPERTIES]);
    out.extend_from_slice(&own.collation);
    out.extend_from_slice(&text);
    Ok(Begun::Whole)
}

//! UTF-16LE, the text of TDS.

use alloc::string::String;
use alloc::vec::Vec;

use crate::reader::Reader;

/// Bytes of `text` in UTF-16LE.
pub fn utf16_len(text: &str) -> usize {
    text.encode_utf16().count().saturating_mul(2)
}

/// `B_VARCHAR`: a count of UTF-16 units in one byte, and the units.
pub(super) fn b_varchar<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let units = usize::from(reader.u8()?);
    reader.bytes(units.saturating_mul(2))
}

/// `B_VARBYTE`: a count of bytes in one byte, and the bytes.
pub(super) fn b_varbyte<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let mut ahead = *reader;
    let count = ahead.u8()?;
    let bytes = ahead.bytes(count)?;
    *reader = ahead;
    Some(bytes)
}

/// `US_VARCHAR`: a count of UTF-16 units in two bytes, and the units.
pub(super) fn us_varchar<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let units = usize::from(reader.u16_le()?);
    reader.bytes(units.saturating_mul(2))
}

/// Appends `text` in UTF-16LE to `out`; a caller with a secret has reserved [`utf16_len`] bytes.
pub fn push_utf16(text: &str, out: &mut Vec<u8>) {
    for unit in text.encode_utf16() {
        out.extend_from_slice(&unit.to_le_bytes());
    }
}

/// Text of a peer as a `String`: what is no text becomes U+FFFD.
pub fn from_utf16(bytes: &[u8]) -> String {
    let units = bytes.chunks_exact(2).map(|unit| match unit {
        &[low, high] => u16::from_le_bytes([low, high]),
        _ => 0,
    });
    char::decode_utf16(units)
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

/// The first `units` UTF-16 units of `text`.
pub(super) fn first_units(text: &[u8], units: usize) -> &[u8] {
    text.get(..units.saturating_mul(2)).unwrap_or(text)
}

/// `text`, cut after `units` UTF-16 units and never within a pair of surrogates.
pub(super) fn cut(text: &str, units: usize) -> &str {
    let mut left = units;
    let end = text.char_indices().find_map(|(at, c)| {
        match left.checked_sub(c.len_utf16()) {
            Some(rest) => left = rest,
            None => return Some(at),
        }
        None
    });
    end.and_then(|end| text.get(..end)).unwrap_or(text)
}

//! Reading a client's bytes beyond what [`Buf`] reads, never past their end.

use bytes::{Buf, TryGetError};

use super::record::Violation;

impl From<TryGetError> for Violation {
    fn from(_: TryGetError) -> Self {
        Self::Malformed("a message that ends too early")
    }
}

/// So many bytes off the front.
pub(super) fn take<'a>(rest: &mut &'a [u8], count: usize) -> Result<&'a [u8], Violation> {
    let taken = rest.split_off(..count);
    taken.ok_or(Violation::Malformed("a message that ends too early"))
}

/// As many bytes as an array has.
pub(super) fn array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Violation> {
    let mut array = [0; N];
    rest.try_copy_to_slice(&mut array)?;
    Ok(array)
}

/// A count that stands before bytes in four bytes.
pub(super) fn length(rest: &mut &[u8]) -> Result<usize, Violation> {
    usize::try_from(rest.try_get_u32_le()?).map_err(|_| Violation::Malformed("a length"))
}

/// Bytes with their count in four bytes.
pub(super) fn counted<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], Violation> {
    let length = length(rest)?;
    take(rest, length)
}

/// Text with its count of characters in one byte.
pub(super) fn text8(rest: &mut &[u8]) -> Result<String, Violation> {
    let chars = usize::from(rest.try_get_u8()?);
    Ok(utf16(take(rest, chars * 2)?))
}

/// Text with its count of characters in two bytes.
pub(super) fn text16(rest: &mut &[u8]) -> Result<String, Violation> {
    let chars = usize::from(rest.try_get_u16_le()?);
    Ok(utf16(take(rest, chars * 2)?))
}

/// UTF-16LE text; halves of surrogate pairs become U+FFFD.
pub(super) fn utf16(bytes: &[u8]) -> String {
    let (pairs, _) = bytes.as_chunks::<2>();
    let units = pairs.iter().map(|pair| u16::from_le_bytes(*pair));
    char::decode_utf16(units)
        .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

/// Text as UTF-16LE.
pub(super) fn wide(text: &str) -> impl Iterator<Item = u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes)
}

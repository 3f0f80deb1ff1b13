//! What an app says in LOGIN7 to prove who it is.
//!
//! ```text
//!   24: OptionFlags1 to 3 and TypeFlags | ... | 44: offset and length of the password | ... | its text, UTF-16LE, each byte hidden:
//!   the halves of the byte change places, and 0xa5 is taken from it
//! ```
//!
//! Source: MS-TDS 2.2.6.4. To hide is not to encrypt: whoever sees the bytes knows the password.

use alloc::vec::Vec;

use super::login::{INTEGRATED, Login7Error};
use crate::reader::Reader;

/// Where the flags and the place of the password stand.
const FLAGS2: usize = 25;
const PASSWORD: usize = 44;

/// What an app proves with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum AppProof<'a> {
    /// A password, still hidden.
    Password(&'a [u8]),
    /// A ticket of Windows (SSPI, Kerberos).
    Integrated,
}

/// Without the password.
impl core::fmt::Debug for AppProof<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Password(_) => "Password",
            Self::Integrated => "Integrated",
        })
    }
}

impl<'a> AppProof<'a> {
    /// Reads it out of the payload of a LOGIN7 message.
    ///
    /// # Errors
    ///
    /// [`Login7Error`].
    pub fn parse(payload: &'a [u8]) -> Result<Self, Login7Error> {
        let flags = payload.get(FLAGS2).ok_or(Login7Error::Truncated)?;
        if flags & INTEGRATED != 0 {
            return Ok(Self::Integrated);
        }
        let place = payload.get(PASSWORD..).ok_or(Login7Error::Truncated)?;
        let mut place = Reader::new(place);
        let (Some(offset), Some(count)) = (place.u16_le(), place.u16_le()) else {
            return Err(Login7Error::Truncated);
        };
        if count == 0 {
            return Ok(Self::Password(&[]));
        }
        let start = usize::from(offset);
        let end = start.saturating_add(usize::from(count).saturating_mul(2));
        let found = payload.get(start..end);
        found
            .map(Self::Password)
            .ok_or(Login7Error::OutOfRange("Password"))
    }
}

/// A hidden password as UTF-8. What is no text is U+FFFD. The text is in no other place when this returns.
pub fn reveal(hidden_text: &[u8]) -> Vec<u8> {
    // Enough room from the start: growing would leave a part of it behind.
    let mut text = Vec::with_capacity(hidden_text.len().saturating_mul(2));
    let units = hidden_text.chunks_exact(2).map(|unit| match unit {
        &[low, high] => u16::from_le_bytes([shown(low), shown(high)]),
        _ => 0,
    });
    for c in char::decode_utf16(units) {
        let c = c.unwrap_or(char::REPLACEMENT_CHARACTER);
        text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
    text
}

fn shown(byte: u8) -> u8 {
    (byte ^ 0xa5).rotate_left(4)
}

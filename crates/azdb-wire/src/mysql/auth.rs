//! What a server says to an answer, and the packets that carry a login to its end.
//!
//! ```text
//!   0x00 …                          welcome
//!   0x01 | data                     more for the plugin that is running
//!   0x02 …                          another factor is wanted
//!   0xfe | plugin, NUL | data       answer again in the way of that plugin; 0xfe alone: in the way of before 4.1
//!   0xff …                          no
//! ```
//!
//! Source: "Authentication Method Mismatch" and the packets AuthSwitchRequest and AuthMoreData of MySQL's source documentation.

use alloc::vec::Vec;

use super::frame::{Header, PacketError, push_header};
use super::hello::SCRAMBLE;
use super::notice::{self, ErrorPacket};
use crate::reader::Reader;

/// Longest secret that is sent, in bytes. Tokens are a tenth of it.
pub const MAX_SECRET: usize = 64 * 1024;

const OK: u8 = 0x00;
const MORE_DATA: u8 = 0x01;
const NEXT_FACTOR: u8 = 0x02;
const SWITCH: u8 = 0xfe;

/// A server's packet during authentication.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    /// Welcome. What else it says is for the app.
    Ok,
    /// No.
    Error(ErrorPacket<'a>),
    /// Answer again, in the way of another plugin.
    Switch {
        /// Which.
        plugin: &'a [u8],
        /// For it: usually a scramble and a NUL.
        data: &'a [u8],
    },
    /// Answer again in the way of before 4.1.
    OldSwitch,
    /// More for the plugin that is running.
    MoreData(&'a [u8]),
    /// Another factor is wanted.
    NextFactor,
}

impl<'a> Answer<'a> {
    /// Reads a payload.
    ///
    /// # Errors
    ///
    /// [`PacketError::Malformed`] when it is nothing that belongs here.
    pub fn parse(payload: &'a [u8]) -> Result<Self, PacketError> {
        const WHAT: &str = "answer to a login";
        Ok(match payload {
            [OK, ..] => Self::Ok,
            [notice::TAG, ..] => Self::Error(ErrorPacket::parse(payload)?),
            [SWITCH] => Self::OldSwitch,
            [SWITCH, rest @ ..] => {
                let mut reader = Reader::new(rest);
                let plugin = reader.cstring_or_rest();
                let data = reader.rest();
                Self::Switch { plugin, data }
            }
            [MORE_DATA, data @ ..] => Self::MoreData(data),
            [NEXT_FACTOR, ..] => Self::NextFactor,
            _ => return Err(PacketError::Malformed(WHAT)),
        })
    }
}

/// AuthSwitchRequest as a payload.
pub fn encode_switch(plugin: &[u8], scramble: &[u8; SCRAMBLE]) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    out.push(SWITCH);
    out.extend_from_slice(plugin);
    out.push(0);
    out.extend_from_slice(scramble);
    out.push(0);
    out
}

/// Bytes of the packet that carries a secret of `secret` bytes in the clear, so that its buffer never has to grow and leave a
/// copy behind. `None` above [`MAX_SECRET`].
pub const fn clear_password_len(secret: usize) -> Option<usize> {
    match secret {
        0..=MAX_SECRET => Some(secret.saturating_add(Header::LEN + 1)),
        _ => None,
    }
}

/// Appends the packet that carries a secret in the clear to `out`, whose capacity the caller has reserved: the secret and a NUL.
///
/// # Errors
///
/// [`PacketError::Length`] above [`MAX_SECRET`].
pub fn encode_clear_password(
    number: u8,
    secret: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), PacketError> {
    if clear_password_len(secret.len()).is_none() {
        return Err(PacketError::Length(secret.len()));
    }
    push_header(out, number, secret.len().saturating_add(1));
    out.extend_from_slice(secret);
    out.push(0);
    Ok(())
}

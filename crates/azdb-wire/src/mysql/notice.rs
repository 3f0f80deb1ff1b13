//! The ERR packet: the one that reaches a person.
//!
//! ```text
//!   0xff | code: 2, little-endian | `#`, SQLSTATE: 5, or neither | message, to the end
//! ```
//!
//! Source: `page_protocol_basic_err_packet` of MySQL's source documentation.

use alloc::vec::Vec;

use super::frame::PacketError;
use crate::reader::Reader;

/// First byte of an ERR packet.
pub(super) const TAG: u8 = 0xff;

/// An error, the server's or ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorPacket<'a> {
    /// Number of the error. Apps take 2000 to 2999 for errors of their own library.
    pub code: u16,
    /// SQLSTATE; absent before an app has said that it speaks 4.1.
    pub sqlstate: Option<[u8; 5]>,
    /// What happened.
    pub message: &'a [u8],
}

impl<'a> ErrorPacket<'a> {
    /// Reads the payload of an ERR packet.
    ///
    /// # Errors
    ///
    /// [`PacketError::Malformed`] when it is not one.
    pub fn parse(payload: &'a [u8]) -> Result<Self, PacketError> {
        Self::read(Reader::new(payload)).ok_or(PacketError::Malformed("ERR packet"))
    }

    fn read(mut reader: Reader<'a>) -> Option<Self> {
        let TAG = reader.u8()? else { return None };
        let code = reader.u16_le()?;
        let (sqlstate, message) = match reader.rest() {
            [b'#', a, b, c, d, e, message @ ..] => (Some([*a, *b, *c, *d, *e]), message),
            message => (None, message),
        };
        Some(Self {
            code,
            sqlstate,
            message,
        })
    }

    /// The error as a payload.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.message.len().saturating_add(9));
        out.push(TAG);
        out.extend_from_slice(&self.code.to_le_bytes());
        if let Some(sqlstate) = self.sqlstate {
            out.push(b'#');
            out.extend_from_slice(&sqlstate);
        }
        out.extend_from_slice(self.message);
        out
    }
}

//! Length and number: the form of every packet.
//!
//! ```text
//!   length: 3 bytes, little-endian | number: 1 | payload: length bytes
//! ```
//!
//! Source: "MySQL Packets" of the source documentation (`page_protocol_basic_packets`), and "Protocol::LengthEncodedInteger" for
//! strings with a count in front.

use alloc::vec::Vec;

use crate::reader::Reader;

/// Longest payload of one packet; one of exactly this length is continued by the next packet.
pub const MAX_PAYLOAD: usize = 0xFF_FFFF;

/// Longest payload that is read during a login, in bytes.
///
/// Apps send up to 64 KiB of connection attributes; servers send a few hundred bytes.
pub const MAX_LOGIN_PACKET: usize = 128 * 1024;

/// The first four bytes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Bytes of the payload behind the header.
    pub length: usize,
    /// Counts the packets of one exchange from 0, both sides together, and wraps.
    pub number: u8,
}

impl Header {
    /// Bytes of a header.
    pub const LEN: usize = 4;

    /// Reads a header. Every four bytes are one.
    pub fn parse([a, b, c, number]: [u8; Self::LEN]) -> Self {
        let length = usize::try_from(u32::from_le_bytes([a, b, c, 0])).unwrap_or(MAX_PAYLOAD);
        Self { length, number }
    }
}

/// Why bytes are not a packet of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// Longer than a login needs.
    #[error("packet of {0} bytes")]
    Length(usize),
    /// The payload does not have the form that its place demands.
    #[error("malformed {0}")]
    Malformed(&'static str),
}

/// What stands at the front of a buffer.
#[derive(Debug, PartialEq, Eq)]
pub enum Next<'a> {
    /// A whole packet.
    Packet {
        /// Its number.
        number: u8,
        /// What it says.
        payload: &'a [u8],
    },
    /// Not all of it yet: the buffer must hold this many bytes.
    NeedBytes(usize),
}

/// Looks for one whole packet of a login at the front of `buffer`.
///
/// # Errors
///
/// [`PacketError::Length`] above [`MAX_LOGIN_PACKET`].
pub fn next_packet(buffer: &[u8]) -> Result<Next<'_>, PacketError> {
    let Some((header, behind)) = buffer.split_first_chunk() else {
        return Ok(Next::NeedBytes(Header::LEN));
    };
    let Header { length, number } = Header::parse(*header);
    if length > MAX_LOGIN_PACKET {
        return Err(PacketError::Length(length));
    }
    Ok(match behind.get(..length) {
        Some(payload) => Next::Packet { number, payload },
        None => Next::NeedBytes(length.saturating_add(Header::LEN)),
    })
}

/// Reads a number of one, three, four or nine bytes: MySQL's length-encoded integer.
pub(super) fn read_count(reader: &mut Reader<'_>) -> Option<u64> {
    Some(match reader.u8()? {
        short @ 0..=250 => u64::from(short),
        252 => u64::from(reader.u16_le()?),
        253 => u64::from(reader.u24_le()?),
        254 => reader.u64_le()?,
        // 251 is SQL's NULL, 255 begins an error.
        _ => return None,
    })
}

/// Reads bytes behind their count: MySQL's length-encoded string.
pub(super) fn read_counted<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let length = read_count(reader)?;
    reader.bytes(length)
}

/// Appends a packet to `out`. The payload is shorter than [`MAX_PAYLOAD`]; what lies beyond is cut off.
pub fn push_packet(out: &mut Vec<u8>, number: u8, payload: &[u8]) {
    let payload = payload
        .get(..MAX_PAYLOAD.saturating_sub(1))
        .unwrap_or(payload);
    push_header(out, number, payload.len());
    out.extend_from_slice(payload);
}

/// Appends the header of a packet whose payload is shorter than [`MAX_PAYLOAD`].
pub(super) fn push_header(out: &mut Vec<u8>, number: u8, length: usize) {
    let [a, b, c, _] = u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
    out.extend_from_slice(&[a, b, c, number]);
}

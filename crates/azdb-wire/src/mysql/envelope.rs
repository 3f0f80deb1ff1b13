//! The compressed protocol: bytes of packets, one envelope after the other.
//!
//! ```text
//!   length: 3 bytes, little-endian | number: 1 | inflated length: 3 | length bytes
//! ```
//!
//! An inflated length of 0 says that the bytes are as they are. Envelopes know nothing of packets: one may hold many, and a
//! packet may go on over several. They are counted apart from packets and, like those, anew with each command, both sides
//! together.
//!
//! Source: "Compression" of MySQL's source documentation (`page_protocol_basic_compression`). It begins behind the OK that ends
//! the login, in both directions, and stays for COM_CHANGE_USER.

use super::capabilities::Capabilities;

/// How what is in an envelope was made shorter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// A stream of zlib (RFC 1950).
    Zlib,
    /// A frame of zstd (RFC 8878).
    Zstd,
}

impl Capabilities {
    /// What an app that was offered both has chosen. The libraries speak zlib when they have announced both.
    pub const fn compression(self) -> Option<Compression> {
        if self.has(Self::COMPRESS) {
            Some(Compression::Zlib)
        } else if self.has(Self::ZSTD_COMPRESSION) {
            Some(Compression::Zstd)
        } else {
            None
        }
    }
}

/// The first seven bytes of an envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Envelope {
    /// Bytes behind the header.
    pub length: usize,
    /// Counts the envelopes of one exchange from 0, and wraps.
    pub number: u8,
    /// Bytes that they become; 0 when they are what they are.
    pub inflated: usize,
}

impl Envelope {
    /// Bytes of a header.
    pub const LEN: usize = 7;
    /// The most that an envelope can hold, inflated or not.
    pub const MOST: usize = 0xFF_FFFF;
    /// Fewer bytes than this the libraries put into an envelope as they are.
    pub const WORTHWHILE: usize = 50;

    /// Reads a header. Every seven bytes are one.
    pub fn parse([a, b, c, number, d, e, f]: [u8; Self::LEN]) -> Self {
        let length = |bytes| usize::try_from(u32::from_le_bytes(bytes)).unwrap_or(Self::MOST);
        Self {
            length: length([a, b, c, 0]),
            number,
            inflated: length([d, e, f, 0]),
        }
    }

    /// The header as it is sent. No length is above [`Envelope::MOST`].
    pub fn encode(&self) -> [u8; Self::LEN] {
        let bytes = |length| u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
        let ([a, b, c, _], [d, e, f, _]) = (bytes(self.length), bytes(self.inflated));
        [a, b, c, self.number, d, e, f]
    }
}

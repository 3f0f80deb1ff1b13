//! The login of before TDS 7, in a form of its own: DB-Library's, which SQL Server took up to 2008, and Sybase's.
//!
//! Nobody serves it here. It is read so that whoever sends it can be told, in characters of one byte:
//!
//! ```text
//!   aa length:2 number:4 state class | length:2 message | length:1 server | 0 | line:2
//!   fd status:2 command:2 rows:4
//! ```
//!
//! Source: what FreeTDS sends and shows at versions 4.2 and 5.0.

use alloc::vec::Vec;
use core::fmt;

use super::notice::Notice;
use super::token::{Done, push_counted, tag};
use super::version::Width;

/// Most bytes of such a login that are read: 572 of 4.2, 603 of 5.0, and some for what a later Sybase appends.
pub const MAX_OLD_LOGIN: usize = 2048;

/// Where the version stands.
const VERSION: core::ops::Range<usize> = 458..462;
/// Bytes up to the driver's own version, which every such login has.
const LEAST: usize = 480;

/// Most bytes of a packet to such a client, which agrees on none larger before it is in.
const PACKET: usize = 512;
/// Most bytes of a server's name, as clients have room for it.
const MAX_SERVER: usize = 30;
/// Most bytes of a message: what is left of the packet when its header, both tokens and the name have taken theirs.
const MAX_MESSAGE: usize = PACKET - 8 - 14 - 1 - MAX_SERVER - 9;

/// A version of before TDS 7: 4.2 or 5.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OldVersion {
    major: u8,
    minor: u8,
}

impl OldVersion {
    /// Reads the payload of a message of type [`OLD_LOGIN`](super::kind::OLD_LOGIN); `None` if it is no such login.
    pub fn of(payload: &[u8]) -> Option<Self> {
        match payload.get(VERSION)? {
            &[major @ 4..=5, minor @ 0..=9, 0, 0] if payload.len() >= LEAST => {
                Some(Self { major, minor })
            }
            _ => None,
        }
    }
}

impl fmt::Display for OldVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl Notice<'_> {
    /// Appends both tokens to `out` as a client of before TDS 7 reads them: they fit in one packet of its own size.
    pub fn encode_old(&self, out: &mut Vec<u8>) {
        let message = ascii(self.message, MAX_MESSAGE);
        let server = ascii(self.server, MAX_SERVER);
        let mut body = Vec::new();
        body.extend_from_slice(&self.number.to_le_bytes());
        body.extend_from_slice(&[1, self.class]);
        body.extend_from_slice(
            &u16::try_from(message.len())
                .unwrap_or(u16::MAX)
                .to_le_bytes(),
        );
        body.extend_from_slice(&message);
        body.push(u8::try_from(server.len()).unwrap_or(u8::MAX));
        body.extend_from_slice(&server);
        // No procedure, and the first line.
        body.extend_from_slice(&[0, 1, 0]);
        push_counted(tag::ERROR, &body, out);
        Done::ERROR.encode(Width::Narrow, out);
    }
}

/// At most so many bytes that mean the same in every character set of such a client.
fn ascii(text: &str, most: usize) -> Vec<u8> {
    let byte = |c: char| u8::try_from(c).ok().filter(u8::is_ascii).unwrap_or(b'?');
    text.chars().take(most).map(byte).collect()
}

//! HandshakeV10: the server's first packet, which an app reads before it has said a word.
//!
//! ```text
//!   10 | version, NUL | thread id: 4 | scramble: 8 | 0 | capabilities, low: 2 | charset: 1 | status: 2 | capabilities, high: 2
//!      | bytes of scramble: 1 | reserved: 10 | scramble, the rest: at least 13, ends in NUL | plugin, NUL
//! ```
//!
//! Source: `page_protocol_connection_phase_packets_protocol_handshake_v10` of MySQL's source documentation. MariaDB keeps more
//! capabilities in the last four reserved bytes.

use alloc::vec::Vec;

use super::capabilities::Capabilities;
use super::frame::PacketError;
use crate::reader::Reader;

/// Bytes of a scramble, the random number that passwords are mixed with.
pub const SCRAMBLE: usize = 20;

/// Version of the protocol that the first byte names.
const VERSION: u8 = 10;

/// A greeting, borrowed from the payload it was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Greeting<'a> {
    /// The server's version, which drivers switch features by.
    pub version: &'a [u8],
    /// The session's number, for KILL QUERY.
    pub thread_id: u32,
    /// For the authentication plugin.
    pub scramble: [u8; SCRAMBLE],
    /// What the server can do.
    pub capabilities: Capabilities,
    /// Its default collation.
    pub charset: u8,
    /// Status flags.
    pub status: u16,
    /// MariaDB's extended capabilities are the last four of these.
    pub reserved: [u8; 10],
    /// The authentication plugin that the server would like.
    pub plugin: &'a [u8],
}

impl<'a> Greeting<'a> {
    /// Reads the payload of a server's first packet.
    ///
    /// # Errors
    ///
    /// [`PacketError::Malformed`] for anything else than version 10 with a whole scramble.
    pub fn parse(payload: &'a [u8]) -> Result<Self, PacketError> {
        Self::read(Reader::new(payload)).ok_or(PacketError::Malformed("greeting"))
    }

    fn read(mut reader: Reader<'a>) -> Option<Self> {
        let VERSION = reader.u8()? else { return None };
        let version = reader.cstring()?;
        let thread_id = reader.u32_le()?;
        let first: [u8; 8] = reader.array()?;
        reader.u8()?;
        let low = reader.u16_le()?;
        let charset = reader.u8()?;
        let status = reader.u16_le()?;
        let high = reader.u16_le()?;
        let auth_length = usize::from(reader.u8()?);
        let reserved = reader.array()?;
        let second = reader.bytes(auth_length.saturating_sub(first.len()).max(13))?;
        // The name of the plugin lacks its NUL on servers before 5.5.10.
        let plugin = reader.cstring_or_rest();

        let mut scramble = [0; SCRAMBLE];
        for (byte, drawn) in scramble.iter_mut().zip(first.iter().chain(second)) {
            *byte = *drawn;
        }
        Some(Self {
            version,
            thread_id,
            scramble,
            capabilities: Capabilities(u32::from(low) | u32::from(high) << 16),
            charset,
            status,
            reserved,
            plugin,
        })
    }

    /// The greeting as a payload.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(128);
        let [low_a, low_b, high_a, high_b] = self.capabilities.0.to_le_bytes();
        let (first, second) = self.scramble.split_at(8);
        out.push(VERSION);
        out.extend_from_slice(self.version);
        out.push(0);
        out.extend_from_slice(&self.thread_id.to_le_bytes());
        out.extend_from_slice(first);
        out.extend_from_slice(&[0, low_a, low_b, self.charset]);
        out.extend_from_slice(&self.status.to_le_bytes());
        out.extend_from_slice(&[high_a, high_b, 21]);
        out.extend_from_slice(&self.reserved);
        out.extend_from_slice(second);
        out.push(0);
        out.extend_from_slice(self.plugin);
        out.push(0);
        out
    }

    /// Whether this is a server of MySQL before that version. None of MariaDB is, whose older ones call themselves 5.5.5 for the
    /// sake of replicas; nor one whose version cannot be read.
    pub fn is_mysql_before(&self, version: [u32; 3]) -> bool {
        const OF_MARIADB: &[u8] = b"5.5.5-";
        if self.version.starts_with(OF_MARIADB) {
            return false;
        }
        let digits = |part: &[u8]| {
            let count = part.iter().take_while(|byte| byte.is_ascii_digit()).count();
            core::str::from_utf8(part.get(..count)?).ok()?.parse().ok()
        };
        let mut parts = self.version.splitn(3, |byte| *byte == b'.').map(digits);
        let mut next = || parts.next().flatten();
        match (next(), next(), next()) {
            (Some(major), Some(minor), Some(patch)) => [major, minor, patch] < version,
            _ => false,
        }
    }

    /// Whether this is a server of MariaDB, by its name or by its capabilities.
    pub fn is_mariadb(&self) -> bool {
        const NAME: &[u8] = b"mariadb";
        let mut parts = self.version.windows(NAME.len());
        let is_named = parts.any(|part| part.eq_ignore_ascii_case(NAME));
        is_named || !self.capabilities.has(Capabilities::MYSQL)
    }

    /// MariaDB's capabilities above bit 31; MySQL has none.
    pub fn extended(&self) -> u32 {
        match self.reserved.last_chunk() {
            Some(word) if !self.capabilities.has(Capabilities::MYSQL) => u32::from_le_bytes(*word),
            _ => 0,
        }
    }
}

//! StartupMessage: its parameters are bytes, their order and their duplicates are the app's business.
//!
//! ```text
//!   length: 4, big-endian, itself included | version: 4 | (name, NUL | value, NUL) … | NUL
//! ```
//!
//! Source: StartupMessage in chapter 54.7 of the PostgreSQL documentation, and the server's `ProcessStartupPacket`.

use alloc::vec::Vec;

use super::hello::{FirstError, MAX_FIRST, Version};
use crate::reader::Reader;

/// A StartupMessage, borrowed from the bytes it was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Startup<'a> {
    /// As the app sent it; the upstream negotiates, not we.
    pub version: Version,
    /// Names and values in the app's order, `_pq_.*` options included.
    pub parameters: Vec<(&'a [u8], &'a [u8])>,
}

impl<'a> Startup<'a> {
    /// Reads what follows the version word: `(name NUL value NUL)* NUL`.
    pub(super) fn parse(version: Version, payload: &'a [u8]) -> Result<Self, FirstError> {
        const MALFORMED: FirstError = FirstError::Malformed("StartupMessage");
        let mut reader = Reader::new(payload.strip_suffix(b"\0").ok_or(MALFORMED)?);
        let mut parameters = Vec::new();
        while !reader.is_empty() {
            match (reader.cstring(), reader.cstring()) {
                (Some(name @ [_, ..]), Some(value)) => parameters.push((name, value)),
                _ => return Err(MALFORMED),
            }
        }
        Ok(Self {
            version,
            parameters,
        })
    }

    /// The value of a parameter; the last one counts, as on the server.
    pub fn get(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.parameters
            .iter()
            .rev()
            .find(|(known, _)| *known == name)
            .map(|&(_, value)| value)
    }

    /// Who the app says it is; `None` when absent or empty.
    pub fn user(&self) -> Option<&'a [u8]> {
        self.get(b"user").filter(|user| !user.is_empty())
    }

    /// The database that the app names on purpose.
    ///
    /// libpq always sends one, and takes its own user name when none was given; such a name counts as none.
    pub fn database(&self) -> Option<&'a [u8]> {
        self.get(b"database")
            .filter(|name| !name.is_empty() && Some(*name) != self.user())
    }

    /// The same, and with this name where the app says none.
    #[must_use]
    pub fn named(mut self, name: &'a [u8]) -> Self {
        const NAME: &[u8] = b"application_name";
        if self.get(NAME).is_none_or(<[u8]>::is_empty) && !name.contains(&0) {
            self.parameters.push((NAME, name));
        }
        self
    }

    /// The same message as `user` in `database`: every other parameter stays, byte for byte and in its place.
    ///
    /// A database is always written, because a server that is told none takes the user's name, which has just changed.
    ///
    /// # Errors
    ///
    /// [`FirstError::Length`] when the longer names make it longer than a server reads, and
    /// [`FirstError::Malformed`] when a name holds a NUL.
    pub fn encode_as(&self, user: &[u8], database: &[u8]) -> Result<Vec<u8>, FirstError> {
        if user.contains(&0) || database.contains(&0) {
            return Err(FirstError::Malformed("name: it holds a NUL byte"));
        }
        let mut packet = Vec::with_capacity(512);
        packet.extend_from_slice(&[0; 4]);
        packet.extend_from_slice(&self.version.0.to_be_bytes());
        let mut named = false;
        for &(name, value) in &self.parameters {
            let value = match name {
                b"user" => user,
                b"database" => {
                    named = true;
                    database
                }
                _ => value,
            };
            push_parameter(&mut packet, name, value);
        }
        if !named {
            push_parameter(&mut packet, b"database", database);
        }
        packet.push(0);
        let length = u32::try_from(packet.len()).unwrap_or(u32::MAX);
        if packet.len() > MAX_FIRST {
            return Err(FirstError::Length(length));
        }
        if let Some(word) = packet.first_chunk_mut::<4>() {
            *word = length.to_be_bytes();
        }
        Ok(packet)
    }
}

fn push_parameter(packet: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    packet.extend_from_slice(name);
    packet.push(0);
    packet.extend_from_slice(value);
    packet.push(0);
}

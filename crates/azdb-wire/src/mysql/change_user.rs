//! COM_CHANGE_USER: an app logs in anew on the session that it has.
//!
//! ```text
//!   0x11 | user, NUL | answer, counted by one byte | database, NUL | charset: 2 | plugin, NUL | attributes, counted
//! ```
//!
//! Source: `page_protocol_com_change_user` of MySQL's source documentation. From the charset on each part may be missing, and
//! with it all that follow.

use alloc::vec::Vec;

use super::capabilities::Capabilities;
use super::frame::PacketError;
use super::frame::read_counted;
use super::watch::Command;
use crate::reader::Reader;

const WHAT: &str = "COM_CHANGE_USER";

/// The command, borrowed from the payload it was read from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ChangeUser<'a> {
    /// The app's new user.
    pub user: &'a [u8],
    /// Its answer to a scramble that it has not been given; means nothing.
    pub auth: &'a [u8],
    /// The new default database, if one is named.
    pub database: Option<&'a [u8]>,
    /// The new collation; some drivers leave it out, and all that follows it.
    pub charset: Option<u16>,
    /// The plugin that `auth` is for; empty when the app names none.
    pub plugin: &'a [u8],
    /// Connection attributes as they came, their length in front; empty when there are none.
    pub attributes: &'a [u8],
}

impl<'a> ChangeUser<'a> {
    /// Reads the payload of the command, whose first byte is its number, under the flags of the login.
    ///
    /// # Errors
    ///
    /// [`PacketError::Malformed`] when it is another command or ends within its first three parts.
    pub fn parse(payload: &'a [u8], capabilities: Capabilities) -> Result<Self, PacketError> {
        Self::read(Reader::new(payload), capabilities).ok_or(PacketError::Malformed(WHAT))
    }

    fn read(mut reader: Reader<'a>, capabilities: Capabilities) -> Option<Self> {
        if Command(reader.u8()?) != Command::CHANGE_USER {
            return None;
        }
        let user = reader.cstring()?;
        let auth = if capabilities.has(Capabilities::SECURE_CONNECTION) {
            let length = reader.u8()?;
            reader.bytes(length)?
        } else {
            reader.cstring()?
        };
        let database = Some(reader.cstring_or_rest()).filter(|name| !name.is_empty());
        let charset = reader.u16_le();
        let follows = |flag| charset.is_some() && capabilities.has(flag);
        let plugin = if follows(Capabilities::PLUGIN_AUTH) {
            reader.cstring_or_rest()
        } else {
            &[]
        };
        let attributes = if follows(Capabilities::CONNECT_ATTRS) && !reader.is_empty() {
            reader.raw(read_counted)?
        } else {
            &[]
        };
        Some(Self {
            user,
            auth,
            database,
            charset,
            plugin,
            attributes,
        })
    }

    /// The command as a payload for a server with which `capabilities` were agreed. Without a charset everything behind it is
    /// left out.
    ///
    /// # Errors
    ///
    /// [`PacketError::Malformed`] when a name holds a NUL, or the answer is longer than 255 bytes.
    pub fn encode(&self, capabilities: Capabilities) -> Result<Vec<u8>, PacketError> {
        const MALFORMED: PacketError = PacketError::Malformed(WHAT);
        let database = self.database.unwrap_or_default();
        if [self.user, database, self.plugin]
            .iter()
            .any(|name| name.contains(&0))
        {
            return Err(MALFORMED);
        }
        let mut out = Vec::with_capacity(128);
        out.push(Command::CHANGE_USER.0);
        out.extend_from_slice(self.user);
        out.push(0);
        out.push(u8::try_from(self.auth.len()).map_err(|_| MALFORMED)?);
        out.extend_from_slice(self.auth);
        out.extend_from_slice(database);
        out.push(0);
        if let Some(charset) = self.charset {
            out.extend_from_slice(&charset.to_le_bytes());
            out.extend_from_slice(self.plugin);
            out.push(0);
            if capabilities.has(Capabilities::CONNECT_ATTRS) {
                // A server that was promised attributes refuses a packet without.
                let none: &[u8] = &[0];
                let attributes = if self.attributes.is_empty() {
                    none
                } else {
                    self.attributes
                };
                out.extend_from_slice(attributes);
            }
        }
        Ok(out)
    }
}

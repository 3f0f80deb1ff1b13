//! SSLRequest and HandshakeResponse41: an app says what it can do and who it is, and so do we upstream.
//!
//! ```text
//!   capabilities: 4 | longest packet: 4 | charset: 1 | 0: 19 | MariaDB's capabilities or 0: 4      a request for TLS ends here
//!      | user, NUL | answer, counted or ended by NUL | database, NUL | plugin, NUL | attributes, counted | level of zstd: 1
//! ```
//!
//! Source: `page_protocol_connection_phase_packets_protocol_handshake_response` of MySQL's source documentation. Which of the
//! last parts are there the flags say, and drivers leave some out all the same.

use alloc::vec::Vec;

use super::capabilities::Capabilities;
use super::frame::PacketError;
use super::frame::read_counted;
use crate::reader::Reader;

const WHAT: &str = "response to the greeting";

/// Bytes of a request for TLS: what a whole response begins with.
const FIXED: usize = 32;

/// What an app may send after the greeting.
#[derive(Debug, PartialEq, Eq)]
pub enum ResponsePacket<'a> {
    /// It wants TLS first.
    Tls,
    /// Who it is.
    Response(Response<'a>),
    /// It speaks the protocol from before MySQL 4.1.
    TooOld,
}

/// HandshakeResponse41, borrowed from the payload it was read from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Response<'a> {
    /// What the app takes of what it was offered.
    pub capabilities: Capabilities,
    /// Longest packet that the app takes.
    pub max_packet: u32,
    /// Collation for the session; the server decides what to do with one that it does not know.
    pub charset: u8,
    /// MariaDB's capabilities above bit 31, without [`Capabilities::MYSQL`] alone.
    pub extended: u32,
    /// The app's user.
    pub user: &'a [u8],
    /// The answer to the authentication plugin: perhaps a password.
    pub auth: &'a [u8],
    /// The database, if one is named.
    pub database: Option<&'a [u8]>,
    /// The plugin that `auth` is for; empty when the app names none.
    pub plugin: &'a [u8],
    /// Connection attributes as they came, their length in front; empty when there are none.
    pub attributes: &'a [u8],
    /// The level at which the app would have zstd compress; 0 when it names none.
    pub zstd_level: u8,
}

/// Without `auth`, which may be a password.
impl core::fmt::Debug for Response<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Response")
            .field("capabilities", &self.capabilities)
            .field("user", &azdb_quote::Quoted(self.user))
            .field("database", &self.database.map(azdb_quote::Quoted))
            .field("plugin", &azdb_quote::Quoted(self.plugin))
            .finish_non_exhaustive()
    }
}

impl<'a> ResponsePacket<'a> {
    /// Reads the payload of an app's packet.
    ///
    /// # Errors
    ///
    /// [`PacketError::Malformed`] when it ends too early.
    pub fn parse(payload: &'a [u8]) -> Result<Self, PacketError> {
        if let Some(low) = payload.first_chunk() {
            let low = Capabilities(u32::from(u16::from_le_bytes(*low)));
            if !low.has(Capabilities::PROTOCOL_41) {
                return Ok(Self::TooOld);
            }
        }
        Self::read(payload).ok_or(PacketError::Malformed(WHAT))
    }

    fn read(payload: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(payload);
        let capabilities = Capabilities(reader.u32_le()?);
        let max_packet = reader.u32_le()?;
        let charset = reader.u8()?;
        let _reserved: [u8; 19] = reader.array()?;
        let word = reader.u32_le()?;
        if payload.len() == FIXED && capabilities.has(Capabilities::SSL) {
            return Some(Self::Tls);
        }
        let user = reader.cstring()?;
        let auth = read_auth(&mut reader, capabilities)?;
        // What follows may be missing whatever the flags say; drivers differ.
        let has = |flag| capabilities.has(flag);
        let database = has(Capabilities::CONNECT_WITH_DB).then(|| reader.cstring_or_rest());
        let plugin = if has(Capabilities::PLUGIN_AUTH) {
            reader.cstring_or_rest()
        } else {
            &[]
        };
        let attributes = if has(Capabilities::CONNECT_ATTRS) && !reader.is_empty() {
            reader.raw(read_counted)?
        } else {
            &[]
        };
        let zstd_level = match has(Capabilities::ZSTD_COMPRESSION) {
            true => reader.u8().unwrap_or_default(),
            false => 0,
        };
        Some(Self::Response(Response {
            capabilities,
            max_packet,
            charset,
            extended: if has(Capabilities::MYSQL) { 0 } else { word },
            user,
            auth,
            database: database.filter(|name| !name.is_empty()),
            plugin,
            attributes,
            zstd_level,
        }))
    }
}

fn read_auth<'a>(reader: &mut Reader<'a>, capabilities: Capabilities) -> Option<&'a [u8]> {
    if capabilities.has(Capabilities::PLUGIN_AUTH_LENENC) {
        read_counted(reader)
    } else if capabilities.has(Capabilities::SECURE_CONNECTION) {
        let length = reader.u8()?;
        reader.bytes(length)
    } else {
        Some(reader.cstring_or_rest())
    }
}

impl Response<'_> {
    /// The request for TLS that belongs to this response.
    pub fn encode_tls_request(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(512);
        let flags = self.agreed();
        out.extend_from_slice(&flags.0.to_le_bytes());
        out.extend_from_slice(&self.max_packet.to_le_bytes());
        out.push(self.charset);
        out.extend_from_slice(&[0; 19]);
        let extended = if flags.has(Capabilities::MYSQL) {
            0
        } else {
            self.extended
        };
        out.extend_from_slice(&extended.to_le_bytes());
        out
    }

    /// The response as a payload, in the form that a server of 4.1 or later reads.
    ///
    /// # Errors
    ///
    /// [`PacketError::Malformed`] when a name holds a NUL, or the answer is longer than 255 bytes.
    pub fn encode(&self) -> Result<Vec<u8>, PacketError> {
        const MALFORMED: PacketError = PacketError::Malformed(WHAT);
        let database = self.database.unwrap_or_default();
        if [self.user, database, self.plugin]
            .iter()
            .any(|name| name.contains(&0))
        {
            return Err(MALFORMED);
        }
        let mut out = self.encode_tls_request();
        out.extend_from_slice(self.user);
        out.push(0);
        out.push(u8::try_from(self.auth.len()).map_err(|_| MALFORMED)?);
        out.extend_from_slice(self.auth);
        if self.database.is_some() {
            out.extend_from_slice(database);
            out.push(0);
        }
        out.extend_from_slice(self.plugin);
        out.push(0);
        out.extend_from_slice(self.attributes);
        if self.capabilities.has(Capabilities::ZSTD_COMPRESSION) {
            out.push(self.zstd_level);
        }
        Ok(out)
    }

    /// The flags as they are written: they say what follows.
    pub fn agreed(&self) -> Capabilities {
        (self.capabilities
            | Capabilities::PROTOCOL_41
            | Capabilities::SECURE_CONNECTION
            | Capabilities::PLUGIN_AUTH)
            .without(Capabilities::PLUGIN_AUTH_LENENC)
            .with_if(Capabilities::CONNECT_WITH_DB, self.database.is_some())
            .with_if(Capabilities::CONNECT_ATTRS, !self.attributes.is_empty())
    }
}

//! SSLRequest and HandshakeResponse41: an app says what it can do and who it is, and so do we upstream.

use alloc::vec::Vec;

use super::capabilities::Capabilities;
use super::packet::PacketError;
use super::reader::Reader;

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
        let mut reader = Reader::new(payload, WHAT);
        let capabilities = Capabilities(reader.u32()?);
        let max_packet = reader.u32()?;
        let charset = reader.u8()?;
        let _reserved: [u8; 19] = reader.array()?;
        let word = reader.u32()?;
        if payload.len() == FIXED && capabilities.has(Capabilities::SSL) {
            return Ok(Self::Tls);
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
            reader.counted_whole()?
        } else {
            &[]
        };
        Ok(Self::Response(Response {
            capabilities,
            max_packet,
            charset,
            extended: if has(Capabilities::MYSQL) { 0 } else { word },
            user,
            auth,
            database: database.filter(|name| !name.is_empty()),
            plugin,
            attributes,
        }))
    }
}

fn read_auth<'a>(
    reader: &mut Reader<'a>,
    capabilities: Capabilities,
) -> Result<&'a [u8], PacketError> {
    if capabilities.has(Capabilities::PLUGIN_AUTH_LENENC) {
        reader.counted()
    } else if capabilities.has(Capabilities::SECURE_CONNECTION) {
        reader.short()
    } else {
        Ok(reader.cstring_or_rest())
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

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]
mod tests {
    use super::*;
    use alloc::vec;
    use mysql_common::constants::CapabilityFlags;
    use mysql_common::io::ParseBuf;
    use mysql_common::packets::{HandshakeResponse, SslRequest};
    use mysql_common::proto::{MyDeserialize as _, MySerialize as _};
    use proptest::prelude::*;

    fn response(payload: &[u8]) -> Response<'_> {
        match ResponsePacket::parse(payload) {
            Ok(ResponsePacket::Response(response)) => response,
            other => panic!("{other:?}"),
        }
    }

    fn fixed(flags: Capabilities) -> Vec<u8> {
        let mut bytes = flags.0.to_le_bytes().to_vec();
        bytes.extend_from_slice(&[0, 0, 0, 1, 45]);
        bytes.resize(FIXED, 0);
        bytes
    }

    const V41: Capabilities = Capabilities(1 << 9 | 1);

    #[test]
    fn a_request_for_tls_is_the_first_32_bytes_and_no_more() {
        let flags = V41 | Capabilities::SSL;
        let mut payload = fixed(flags);
        assert_eq!(ResponsePacket::parse(&payload), Ok(ResponsePacket::Tls));
        payload.extend_from_slice(b"ann\0\0");
        assert_eq!(response(&payload).user, b"ann");
        assert!(ResponsePacket::parse(&fixed(V41)).is_err());
    }

    #[test]
    fn an_app_from_before_4_1_is_told_apart() {
        let payload = b"\x05\x04\0\0\x01ann\0";
        assert_eq!(ResponsePacket::parse(payload), Ok(ResponsePacket::TooOld));
    }

    #[test]
    fn parts_that_the_flags_promise_may_be_missing() {
        let flags = V41
            | Capabilities::CONNECT_WITH_DB
            | Capabilities::PLUGIN_AUTH
            | Capabilities::CONNECT_ATTRS;
        let mut payload = fixed(flags);
        payload.extend_from_slice(b"ann\0");
        let response = response(&payload);
        assert_eq!(
            (response.database, response.plugin, response.attributes),
            (None, &b""[..], &b""[..])
        );
    }

    #[test]
    fn the_answer_has_three_forms() {
        let long = vec![b'x'; 300];
        let cases: [(Capabilities, Vec<u8>, &[u8]); 3] = [
            (V41, b"pw\0".to_vec(), b"pw"),
            (
                V41 | Capabilities::SECURE_CONNECTION,
                b"\x02pw".to_vec(),
                b"pw",
            ),
            (
                V41 | Capabilities::PLUGIN_AUTH_LENENC,
                [&[252, 44, 1], &long[..]].concat(),
                &long,
            ),
        ];
        for (flags, bytes, auth) in cases {
            let payload = [fixed(flags), b"ann\0".to_vec(), bytes].concat();
            assert_eq!(response(&payload).auth, auth);
        }
    }

    #[test]
    fn what_is_not_there_is_not_announced() {
        let app = Response {
            capabilities: Capabilities(u32::MAX),
            max_packet: 1 << 24,
            charset: 255,
            extended: 7,
            user: b"u",
            auth: b"",
            database: None,
            plugin: b"p",
            attributes: b"",
        };
        let payload = app.encode().unwrap();
        let read = response(&payload);
        assert!(!read.capabilities.has(Capabilities::CONNECT_WITH_DB));
        assert!(!read.capabilities.has(Capabilities::CONNECT_ATTRS));
        assert_eq!(read.extended, 0, "bit 0 says that there are none");
        assert!(
            Response {
                user: b"a\0b",
                ..app
            }
            .encode()
            .is_err()
        );
        assert!(
            Response {
                auth: &[0; 256],
                ..app
            }
            .encode()
            .is_err()
        );
    }

    #[test]
    fn nothing_shows_the_password() {
        let shown = alloc::format!(
            "{:?}",
            response(&[fixed(V41), b"ann\0hunter2\0".to_vec()].concat())
        );
        assert!(
            shown.contains("ann") && !shown.contains("hunter2"),
            "{shown}"
        );
    }

    proptest! {
        #[test]
        fn our_response_is_the_one_that_mysql_common_reads(
            user in "[^\0]{0,40}",
            auth in proptest::collection::vec(any::<u8>(), 0..=255),
            database in proptest::option::of("[^\0]{1,30}"),
            flags: u32,
            max_packet: u32,
            charset: u8,
        ) {
            let ours = Response {
                capabilities: (Capabilities(flags) | Capabilities::PLUGIN_AUTH)
                    .without(Capabilities::ZSTD_COMPRESSION | Capabilities::CONNECT_ATTRS),
                max_packet,
                charset,
                extended: 0,
                user: user.as_bytes(),
                auth: &auth,
                database: database.as_deref().map(str::as_bytes),
                plugin: b"mysql_native_password",
                attributes: b"\x07\x03key\x02vl",
            };
            let payload = ours.encode().unwrap();
            let read = response(&payload);
            prop_assert_eq!(read, Response { capabilities: read.capabilities, ..ours });

            let theirs = HandshakeResponse::deserialize((), &mut ParseBuf(&payload)).unwrap();
            prop_assert_eq!(theirs.user(), user.as_bytes());
            prop_assert_eq!(theirs.scramble_buf(), &auth[..]);
            prop_assert_eq!(theirs.db_name(), database.as_deref().map(str::as_bytes));
            prop_assert_eq!(theirs.collation(), charset);
            let attributes = theirs.connect_attributes().unwrap();
            prop_assert_eq!(attributes.get("key").map(|value| &**value), Some("vl"));

            let request = ours.encode_tls_request();
            let theirs = SslRequest::deserialize((), &mut ParseBuf(&request)).unwrap();
            prop_assert_eq!(theirs.max_packet_size(), max_packet);
        }

        #[test]
        fn an_app_on_mysql_common_is_read(
            user in "[a-z]{1,20}",
            auth in proptest::collection::vec(1..=255u8, 0..=64),
            database in proptest::option::of("[a-z]{1,20}"),
        ) {
            let flags = CapabilityFlags::CLIENT_PROTOCOL_41
                | CapabilityFlags::CLIENT_SECURE_CONNECTION
                | CapabilityFlags::CLIENT_PLUGIN_AUTH;
            let mut payload = Vec::new();
            HandshakeResponse::new(
                Some(&auth[..]),
                (8, 0, 30),
                Some(user.as_bytes()),
                database.as_deref().map(str::as_bytes),
                Some(mysql_common::packets::AuthPlugin::MysqlNativePassword),
                flags,
                None,
                1 << 24,
            )
            .serialize(&mut payload);
            let read = response(&payload);
            prop_assert_eq!(read.user, user.as_bytes());
            prop_assert_eq!(read.auth, &auth[..]);
            prop_assert_eq!(read.database, database.as_deref().map(str::as_bytes));
            prop_assert_eq!(read.plugin, super::super::plugin::NATIVE);
        }

        #[test]
        fn no_bytes_make_the_parser_panic(
            flags: u32,
            bytes in proptest::collection::vec(any::<u8>(), 0..80),
        ) {
            let _ = ResponsePacket::parse(&bytes);
            let payload = [fixed(Capabilities(flags) | V41), bytes].concat();
            let _ = ResponsePacket::parse(&payload);
        }
    }
}

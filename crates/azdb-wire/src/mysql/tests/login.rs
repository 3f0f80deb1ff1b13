use crate::mysql::*;
use alloc::vec;
use alloc::vec::Vec;
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
    bytes.resize(32, 0);
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
        zstd_level: 0,
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

#[test]
fn the_level_of_zstd_is_behind_everything_else() {
    let flags = V41 | Capabilities::CONNECT_ATTRS | Capabilities::ZSTD_COMPRESSION;
    let front = [fixed(flags), b"ann\0\0\x07\x03key\x02vl".to_vec()].concat();
    assert_eq!(response(&front).zstd_level, 0, "it may be missing");
    let payload = [front, vec![7]].concat();
    assert_eq!(response(&payload).zstd_level, 7);
    let written = response(&payload).encode().unwrap();
    assert_eq!(written.last(), Some(&7));
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
            zstd_level: 0,
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

proptest! {
    /// Whatever a cut leaves, it is the app's own or nothing.
    #[test]
    fn half_a_response_says_nothing_that_the_whole_does_not(
        user in "[a-z]{1,20}",
        auth in proptest::collection::vec(any::<u8>(), 0..=40),
        database in proptest::option::of("[a-z]{1,20}"),
    ) {
        let ours = Response {
            capabilities: V41 | Capabilities::PLUGIN_AUTH | Capabilities::SECURE_CONNECTION,
            max_packet: 1 << 24,
            charset: 45,
            extended: 0,
            user: user.as_bytes(),
            auth: &auth,
            database: database.as_deref().map(str::as_bytes),
            plugin: b"mysql_native_password",
            attributes: b"\x07\x03key\x02vl",
            zstd_level: 0,
        };
        let payload = ours.encode().unwrap();
        let named = 32 + user.len() + 2 + auth.len();
        for length in 0..payload.len() {
            match ResponsePacket::parse(&payload[..length]) {
                Ok(ResponsePacket::Response(read)) => {
                    prop_assert!(length >= named);
                    prop_assert_eq!((read.user, read.auth), (ours.user, ours.auth));
                    prop_assert!(read.database.is_none_or(|name| database.as_deref().unwrap().as_bytes().starts_with(name)));
                    prop_assert!(read.attributes.is_empty());
                }
                Ok(other) => prop_assert!(false, "{other:?}"),
                Err(error) => prop_assert_eq!(error, PacketError::Malformed("response to the greeting")),
            }
        }
    }
}

use crate::mysql::*;
use mysql_common::io::ParseBuf;
use mysql_common::packets::HandshakePacket;
use mysql_common::proto::MyDeserialize as _;
use proptest::prelude::*;

/// As MariaDB 10.11 sent it.
const MARIADB: &[u8] =
    b"\x0a5.5.5-10.11.6-MariaDB\0\x1f\0\0\0+hVKLZ1i\0\xfe\xf7\x2d\x02\0\xff\x81\x15\
    \0\0\0\0\0\0\x1d\0\0\0)I6~GM$QKLbX\0mysql_native_password\0";

#[test]
fn mariadb_greets_with_extended_capabilities() {
    let greeting = Greeting::parse(MARIADB).unwrap();
    assert_eq!(greeting.version, b"5.5.5-10.11.6-MariaDB");
    assert_eq!(greeting.thread_id, 31);
    assert_eq!(&greeting.scramble, b"+hVKLZ1i)I6~GM$QKLbX");
    assert_eq!(greeting.capabilities, Capabilities(0x81ff_f7fe));
    assert_eq!(greeting.extended(), 0x1d);
    assert_eq!(greeting.plugin, b"mysql_native_password");
    assert_eq!(greeting.encode(), MARIADB);
}

#[test]
fn versions_are_compared_by_number_and_mariadb_has_none_of_mysql() {
    let mut greeting = Greeting::parse(MARIADB).unwrap();
    for (version, is_before) in [
        (&b"5.7.44-azure-log"[..], true),
        (b"8.0.3", true),
        (b"8.0.4", false),
        (b"8.0.40", false),
        (b"10.0.1", false),
        (b"11.4.2-MariaDB", false),
        (b"5.5.5-10.11.6-MariaDB", false),
        (b"5.5.50", true),
        (b"8.0", false),
        (b"", false),
        (b"99999999999.0.1", false),
        (b"..", false),
    ] {
        greeting.version = version;
        assert_eq!(
            greeting.is_mysql_before([8, 0, 4]),
            is_before,
            "{version:?}"
        );
    }
}

#[test]
fn a_plugins_name_may_lack_its_nul() {
    let unended = MARIADB.strip_suffix(b"\0").unwrap();
    assert_eq!(Greeting::parse(unended), Greeting::parse(MARIADB));
}

#[test]
fn anything_else_is_malformed() {
    for payload in [
        &b""[..],
        b"\x09",
        b"\xff\x10\x04Too many connections",
        b"\x0a8.0",
    ] {
        assert!(Greeting::parse(payload).is_err(), "{payload:?}");
    }
    // Everything up to the plugin's name must be there.
    let named = MARIADB.len() - b"mysql_native_password\0".len();
    for length in 0..named {
        assert!(
            Greeting::parse(MARIADB.get(..length).unwrap()).is_err(),
            "{length}"
        );
    }
}

proptest! {
    #[test]
    fn a_greeting_is_the_one_that_mysql_common_reads(
        version in "[0-9a-zA-Z.-]{1,40}",
        thread_id: u32,
        scramble in proptest::array::uniform20(1..128u8),
        capabilities: u32,
        charset: u8,
        status in prop_oneof![Just(0u16), Just(2), Just(0x4002)],
        extended: [u8; 4],
    ) {
        let [a, b, c, d] = extended;
        let ours = Greeting {
            version: version.as_bytes(),
            thread_id,
            scramble,
            capabilities: Capabilities(capabilities) | Capabilities::PLUGIN_AUTH | Capabilities::SECURE_CONNECTION,
            charset,
            status,
            reserved: [0, 0, 0, 0, 0, 0, a, b, c, d],
            plugin: b"mysql_native_password",
        };
        let payload = ours.encode();
        prop_assert_eq!(Greeting::parse(&payload), Ok(ours));

        let theirs = HandshakePacket::deserialize((), &mut ParseBuf(&payload)).unwrap();
        prop_assert_eq!(theirs.server_version_ref(), version.as_bytes());
        prop_assert_eq!(theirs.connection_id(), thread_id);
        prop_assert_eq!(theirs.scramble_1_ref(), scramble.get(..8).unwrap());
        prop_assert_eq!(theirs.scramble_2_ref().and_then(|rest| rest.get(..12)), scramble.get(8..));
        prop_assert_eq!(theirs.capabilities().bits(), ours.capabilities.0 & theirs.capabilities().bits());
        prop_assert_eq!(theirs.default_collation(), charset);
        prop_assert_eq!(theirs.auth_plugin_name_ref(), Some(&b"mysql_native_password"[..]));
    }

    #[test]
    fn no_bytes_make_the_parser_panic(payload in proptest::collection::vec(any::<u8>(), 0..100)) {
        let _ = Greeting::parse(&payload);
        let _ = Greeting::parse(&[&[10][..], &payload].concat());
    }
}

proptest! {
    #[test]
    fn a_greeting_without_its_scramble_is_none(
        version in "[0-9a-zA-Z.-]{1,40}", plugin in "[a-z_]{0,30}", capabilities: u32, reserved: [u8; 10],
    ) {
        let greeting = Greeting {
            version: version.as_bytes(),
            thread_id: 7,
            scramble: [b's'; SCRAMBLE],
            capabilities: Capabilities(capabilities),
            charset: 45,
            status: 2,
            reserved,
            plugin: plugin.as_bytes(),
        };
        let payload = greeting.encode();
        let scrambled = payload.len() - plugin.len() - 1;
        for length in 0..payload.len() {
            let read = Greeting::parse(&payload[..length]);
            prop_assert_eq!(read.is_ok(), length >= scrambled, "{}", length);
            prop_assert!(read.is_err() || read.unwrap().scramble == greeting.scramble);
        }
        let is_mariadb = !greeting.capabilities.has(Capabilities::MYSQL);
        let extended = u32::from_le_bytes([reserved[6], reserved[7], reserved[8], reserved[9]]);
        prop_assert_eq!(greeting.extended(), if is_mariadb { extended } else { 0 });
    }
}

use crate::mysql::*;
use alloc::vec::Vec;
use mysql_common::packets::ComChangeUser;
use mysql_common::proto::MySerialize as _;
use proptest::prelude::*;

const MODERN: Capabilities = Capabilities(
    Capabilities::SECURE_CONNECTION.0 | Capabilities::PLUGIN_AUTH.0 | Capabilities::CONNECT_ATTRS.0,
);

#[test]
fn trailing_parts_may_be_missing() {
    for (payload, charset, plugin) in [
        (&b"\x11ann\0\0shop\0"[..], None, &b""[..]),
        (b"\x11ann\0\0shop", None, b""),
        (b"\x11ann\0\0shop\0\x2d\0", Some(45), b""),
        (
            b"\x11ann\0\0shop\0\x2d\0mysql_native_password\0",
            Some(45),
            b"mysql_native_password",
        ),
        (
            b"\x11ann\0\0shop\0\x2d\0mysql_native_password",
            Some(45),
            b"mysql_native_password",
        ),
    ] {
        let read = ChangeUser::parse(payload, MODERN).unwrap();
        assert_eq!(
            (read.user, read.database),
            (&b"ann"[..], Some(&b"shop"[..]))
        );
        assert_eq!(
            (read.charset, read.plugin),
            (charset, plugin),
            "{payload:?}"
        );
    }
    for payload in [
        &b""[..],
        b"\x11",
        b"\x11ann",
        b"\x11ann\0",
        b"\x11ann\0\x05pw",
        b"\x03ann\0\0\0",
    ] {
        assert!(ChangeUser::parse(payload, MODERN).is_err(), "{payload:?}");
    }
}

#[test]
fn attributes_that_were_promised_are_there() {
    let command = ChangeUser {
        user: b"ann",
        auth: b"",
        database: None,
        charset: Some(45),
        plugin: b"p",
        attributes: b"",
    };
    assert_eq!(command.encode(MODERN).unwrap(), b"\x11ann\0\0\0\x2d\0p\0\0");
    let without = MODERN.without(Capabilities::CONNECT_ATTRS);
    assert_eq!(command.encode(without).unwrap(), b"\x11ann\0\0\0\x2d\0p\0");
    assert!(
        ChangeUser {
            user: b"a\0b",
            ..command
        }
        .encode(MODERN)
        .is_err()
    );
}

proptest! {
    #[test]
    fn the_command_is_the_one_that_mysql_common_reads(
        user in "[^\0]{0,40}",
        auth in proptest::collection::vec(any::<u8>(), 0..=60),
        database in proptest::option::of("[^\0]{1,30}"),
        charset: u16,
    ) {
        let ours = ChangeUser {
            user: user.as_bytes(),
            auth: &auth,
            database: database.as_deref().map(str::as_bytes),
            charset: Some(charset),
            plugin: b"mysql_native_password",
            attributes: b"\x07\x03key\x02vl",
        };
        let payload = ours.encode(MODERN).unwrap();
        prop_assert!(ChangeUser::parse(&payload, MODERN) == Ok(ours));

        let mut theirs = Vec::new();
        ComChangeUser::new()
            .with_user(Some(user.as_bytes()))
            .with_auth_plugin_data(Some(&auth[..]))
            .with_database(ours.database)
            .serialize(&mut theirs);
        let read = ChangeUser::parse(&theirs, MODERN).unwrap();
        prop_assert!((read.user, read.auth, read.database) == (ours.user, ours.auth, ours.database));
    }

    #[test]
    fn no_bytes_make_the_parser_panic(payload in proptest::collection::vec(any::<u8>(), 0..80), flags: u32) {
        let _ = ChangeUser::parse(&payload, Capabilities(flags));
        let _ = ChangeUser::parse(&[&[0x11][..], &payload].concat(), Capabilities(flags));
    }
}

proptest! {
    #[test]
    fn half_a_command_says_nothing_that_the_whole_does_not(
        user in "[a-z]{0,20}", auth in proptest::collection::vec(any::<u8>(), 0..=20), database in "[a-z]{1,20}",
    ) {
        let ours = ChangeUser {
            user: user.as_bytes(),
            auth: &auth,
            database: Some(database.as_bytes()),
            charset: Some(45),
            plugin: b"mysql_native_password",
            attributes: b"\x07\x03key\x02vl",
        };
        let payload = ours.encode(MODERN).unwrap();
        let named = 1 + user.len() + 2 + auth.len();
        for length in 0..payload.len() {
            let Ok(read) = ChangeUser::parse(&payload[..length], MODERN) else {
                continue;
            };
            prop_assert!(length >= named);
            prop_assert!((read.user, read.auth) == (ours.user, ours.auth));
            prop_assert!(database.as_bytes().starts_with(read.database.unwrap_or_default()));
            prop_assert!(ours.plugin.starts_with(read.plugin));
            prop_assert!(read.charset.is_none_or(|charset| charset == 45));
            prop_assert!(read.attributes.is_empty());
        }
        // Without the last part it is still a command.
        let without = payload.len() - ours.attributes.len();
        prop_assert!(ChangeUser::parse(&payload[..without], MODERN).is_ok());
    }
}

use crate::tds::*;
use proptest::prelude::*;

use super::{PLAIN, Written, hex, utf16};
use alloc::vec::Vec;

const SERVER: &str = "srv.database.windows.net";

/// A LOGIN7 that a server of Microsoft's accepted: token "eyJ0.a.b", echo bit set.
const ACCEPTED: &str = "\
    cf000000040000740010000000000007 d204000000000000e003001000000000 \
    090400005e00050068000000680000006800040070001800a0000400a4000400 \
    ac000000ac000400000000000000b400 0000b4000000b4000000000000006100 \
    70007000300031006400650 06d006f0073007200760 02e006400610074006100 \
    62006100730065002e00770069006e0064006f00770073002e006e0065007400 \
    b40000004f0044004200430 06d00790064006200021500000003 10000000 6500 \
    79004a0030002e0061002e006200ff";

fn with_token<'a>(database: &'a [u8], token: &'a str) -> Relogin<'a> {
    Relogin {
        server: SERVER,
        database,
        secret: LoginSecret::Token { token, echo: true },
    }
}

fn rebuilt(login: &Login7<'_>, relogin: &Relogin<'_>) -> Vec<u8> {
    let length = rebuilt_len(login, relogin).unwrap();
    let mut out = Vec::with_capacity(length);
    let capacity = out.capacity();
    rebuild(login, relogin, &mut out).unwrap();
    assert_eq!(out.len(), length);
    assert_eq!(out.capacity(), capacity, "a copy was left behind");
    out
}

#[test]
fn the_login_that_a_server_accepted_is_rebuilt_byte_for_byte() {
    let accepted = hex(ACCEPTED);
    let login = Login7::parse(&accepted).unwrap();
    assert_eq!(login.fed_auth(), Some(FedAuth::SecurityToken));
    let database = utf16("mydb");
    assert_eq!(
        rebuilt(&login, &with_token(&database, "eyJ0.a.b")),
        accepted
    );
}

#[test]
fn upstream_hears_nothing_of_the_apps_password_or_of_integrated_authentication() {
    let bytes = PLAIN.bytes();
    let login = Login7::parse(&bytes).unwrap();
    let database = utf16("mydb");
    let out = rebuilt(&login, &with_token(&database, "token"));
    let again = Login7::parse(&out).unwrap();
    assert_eq!(again.flags, [0xe0, 0x03, 0, 0x10]);
    assert!(again.user.is_empty());
    assert_eq!(from_utf16(again.server), SERVER);
    assert_eq!(from_utf16(again.host), "app01");
    // Password, SSPI, AtchDBFile and ChangePassword are empty.
    for count in [46, 80, 84, 88] {
        assert_eq!(out.get(count..count + 2), Some(&[0, 0][..]));
    }
    let ntlm = b"NTLMSSP";
    assert!(!out.windows(ntlm.len()).any(|window| window == ntlm));
}

#[test]
fn features_of_the_apps_own_go_upstream_but_three() {
    let features =
        b"\x01\0\0\0\0\x02\x02\0\0\0\x04\x03\x0b\0\0\0\0\x0a\x01\0\0\0\x01\x0f\0\0\0\0\xff";
    let bytes = Written {
        flags: [0xe0, 0x03, 0, 0x10],
        features,
        ..PLAIN
    }
    .bytes();
    let login = Login7::parse(&bytes).unwrap();
    assert_eq!(login.fed_auth(), Some(FedAuth::Negotiated));
    let out = rebuilt(&login, &with_token(&[], "token"));
    let again = Login7::parse(&out).unwrap();
    let ids: Vec<u8> = again.features.iter().map(|(id, _)| id).collect();
    assert_eq!(ids, [0x01, 0x0a, 0x02]);
    assert_eq!(again.features.get(0x0a), Some(&[1][..]));
    assert_eq!(again.fed_auth(), Some(FedAuth::SecurityToken));
}

#[test]
fn a_password_goes_upstream_as_one() {
    let bytes = PLAIN.bytes();
    let login = Login7::parse(&bytes).unwrap();
    let relogin = Relogin {
        server: SERVER,
        database: &[],
        secret: LoginSecret::Password {
            user: "orders",
            password: "pä55",
        },
    };
    let out = rebuilt(&login, &relogin);
    let again = Login7::parse(&out).unwrap();
    assert_eq!(from_utf16(again.user), "orders");
    assert_eq!(again.features.iter().count(), 0);
    assert_eq!(again.flags.last(), Some(&0));
    let start = usize::from(out.get(44).copied().unwrap());
    let hidden = out.get(start..start + 8).unwrap();
    let plain: Vec<u8> = hidden
        .iter()
        .map(|byte| (byte ^ 0xa5).rotate_left(4))
        .collect();
    assert_eq!(from_utf16(&plain), "pä55");
}

#[test]
fn names_that_do_not_fit_are_errors() {
    let bytes = PLAIN.bytes();
    let login = Login7::parse(&bytes).unwrap();
    let long = utf16(&"d".repeat(129));
    assert_eq!(
        rebuilt_len(&login, &with_token(&long, "t")),
        Err(LoginTooLong::Name("the database's name"))
    );
    let token = "t".repeat(70_000);
    assert!(matches!(
        rebuilt_len(&login, &with_token(&[], &token)),
        Err(LoginTooLong::Whole(_))
    ));
}

proptest! {
    #[test]
    fn a_rebuilt_login_reads_as_the_apps(
        host in "\\PC{0,40}", app in "\\PC{0,40}", language in "[a-z]{0,10}",
        database in "\\PC{0,40}", token in "[A-Za-z0-9._-]{0,5000}", echo: bool,
    ) {
        let bytes = PLAIN.bytes();
        let (host, app, language) = (utf16(&host), utf16(&app), utf16(&language));
        let (database, expected) = (utf16(&database), utf16(&token));
        let login = Login7 { host: &host, app: &app, language: &language, ..Login7::parse(&bytes).unwrap() };
        let secret = LoginSecret::Token { token: &token, echo };
        let out = rebuilt(&login, &Relogin { server: SERVER, database: &database, secret });
        let again = Login7::parse(&out).unwrap();
        prop_assert_eq!((again.host, again.app, again.language), (&host[..], &app[..], &language[..]));
        prop_assert_eq!(again.database, &database[..]);
        let data = again.features.get(feature_id::FED_AUTH).unwrap();
        prop_assert_eq!(data.first(), Some(&(2 | u8::from(echo))));
        prop_assert_eq!(data.get(5..), Some(&expected[..]));
    }

    #[test]
    fn no_truncation_and_no_offset_makes_the_parser_panic(
        length in 0usize..300, at in 36usize..94, value: u16,
    ) {
        let mut bytes = Written { features: b"\x0a\x01\0\0\0\x01\xff", flags: [0xe0, 3, 0, 0x10], ..PLAIN }.bytes();
        let cut = bytes.get(..length.min(bytes.len())).unwrap();
        prop_assert_eq!(Login7::parse(cut).is_ok(), cut.len() == bytes.len());
        bytes.get_mut(at..at + 2).unwrap().copy_from_slice(&value.to_le_bytes());
        if let Ok(login) = Login7::parse(&bytes) {
            let _ = rebuilt(&login, &with_token(&[], "token"));
        }
    }
}

use crate::mysql::*;
use alloc::vec::Vec;
use mysql_common::io::ParseBuf;
use mysql_common::packets::{AuthMoreData, AuthSwitchRequest};
use mysql_common::proto::MyDeserialize as _;
use proptest::prelude::*;

#[test]
fn answers_are_told_apart() {
    let parse = Answer::parse;
    assert_eq!(parse(b"\0\0\0\x02\0\0\0"), Ok(Answer::Ok));
    assert_eq!(parse(b"\xfe"), Ok(Answer::OldSwitch));
    assert_eq!(
        parse(b"\xfemysql_clear_password\0"),
        Ok(Answer::Switch {
            plugin: plugin::CLEAR,
            data: b""
        })
    );
    assert_eq!(
        parse(b"\xfemysql_clear_password"),
        Ok(Answer::Switch {
            plugin: plugin::CLEAR,
            data: b""
        })
    );
    assert_eq!(parse(b"\x01\x04"), Ok(Answer::MoreData(b"\x04")));
    assert_eq!(
        parse(b"\x02authentication_webauthn\0"),
        Ok(Answer::NextFactor)
    );
    assert!(matches!(parse(b"\xff\x15\x04no"), Ok(Answer::Error(error)) if error.code == 1045));
    for payload in [&b""[..], b"\x03", b"\xff", b"\xfb"] {
        assert!(parse(payload).is_err(), "{payload:?}");
    }
}

#[test]
fn a_secret_is_never_cut() {
    assert_eq!(clear_password_len(MAX_SECRET + 1), None);
    let mut out = Vec::new();
    let refused = encode_clear_password(3, &[b'x'; MAX_SECRET + 1], &mut out);
    assert_eq!(refused, Err(PacketError::Length(MAX_SECRET + 1)));
    assert!(out.is_empty());
}

proptest! {
    #[test]
    fn a_switch_is_the_one_that_mysql_common_reads(scramble in proptest::array::uniform20(1..128u8)) {
        let payload = encode_switch(plugin::CACHING_SHA2, &scramble);
        let data = [&scramble[..], &[0]].concat();
        prop_assert_eq!(Answer::parse(&payload), Ok(Answer::Switch { plugin: plugin::CACHING_SHA2, data: &data }));
        let theirs = AuthSwitchRequest::deserialize((), &mut ParseBuf(&payload)).unwrap();
        let named = theirs.auth_plugin();
        prop_assert_eq!(named.as_bytes(), plugin::CACHING_SHA2);
        prop_assert_eq!(theirs.plugin_data(), &scramble[..]);
    }

    #[test]
    fn more_data_is_the_same_to_mysql_common(data in proptest::collection::vec(any::<u8>(), 0..40)) {
        let payload = [&[0x01][..], &data].concat();
        prop_assert_eq!(Answer::parse(&payload), Ok(Answer::MoreData(&data)));
        let theirs = AuthMoreData::deserialize((), &mut ParseBuf(&payload)).unwrap();
        prop_assert_eq!(theirs.data(), &data[..]);
    }

    #[test]
    fn a_secret_fills_its_packet_exactly(number: u8, secret in proptest::collection::vec(1..=255u8, 0..17_000)) {
        let mut out = Vec::with_capacity(clear_password_len(secret.len()).unwrap());
        let capacity = out.capacity();
        encode_clear_password(number, &secret, &mut out).unwrap();
        prop_assert_eq!(out.capacity(), capacity);
        prop_assert_eq!(Some(out.len()), clear_password_len(secret.len()));
        let payload = [&secret[..], &[0]].concat();
        prop_assert_eq!(next_packet(&out), Ok(Next::Packet { number, payload: &payload }));
    }

    #[test]
    fn no_bytes_make_the_parser_panic(payload in proptest::collection::vec(any::<u8>(), 0..60)) {
        let _ = Answer::parse(&payload);
    }
}

proptest! {
    #[test]
    fn only_a_first_byte_of_zero_is_welcome(payload in proptest::collection::vec(any::<u8>(), 0..40)) {
        let is_welcome = Answer::parse(&payload) == Ok(Answer::Ok);
        prop_assert_eq!(is_welcome, payload.first() == Some(&0));
    }
}

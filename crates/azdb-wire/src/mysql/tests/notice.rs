use crate::mysql::*;
use mysql_common::constants::CapabilityFlags;
use mysql_common::io::ParseBuf;
use mysql_common::packets::ErrPacket;
use mysql_common::proto::MyDeserialize as _;
use proptest::prelude::*;

#[test]
fn a_state_is_optional() {
    let with = ErrorPacket::parse(b"\xff\x15\x04#28000Access denied").unwrap();
    assert_eq!((with.code, with.sqlstate), (1045, Some(*b"28000")));
    let without = ErrorPacket::parse(b"\xff\x10\x04Too many connections").unwrap();
    assert_eq!((without.code, without.sqlstate), (1040, None));
    assert_eq!(without.message, b"Too many connections");
    for payload in [&b""[..], b"\xff", b"\xff\x10", b"\0\0\0"] {
        assert!(ErrorPacket::parse(payload).is_err(), "{payload:?}");
    }
}

proptest! {
    #[test]
    fn an_error_is_the_one_that_mysql_common_reads(code in 1..2000u16, message in "[^\0]{0,200}") {
        let ours = ErrorPacket { code, sqlstate: Some(*b"08S01"), message: message.as_bytes() };
        let payload = ours.encode();
        prop_assert_eq!(ErrorPacket::parse(&payload), Ok(ours));
        let flags = CapabilityFlags::CLIENT_PROTOCOL_41;
        let ErrPacket::Error(theirs) = ErrPacket::deserialize(flags, &mut ParseBuf(&payload)).unwrap() else {
            panic!("not an error")
        };
        prop_assert_eq!(theirs.error_code(), code);
        prop_assert_eq!(theirs.sql_state_ref().unwrap().as_bytes(), *b"08S01");
        prop_assert_eq!(theirs.message_ref(), message.as_bytes());
    }

    #[test]
    fn no_bytes_make_the_parser_panic(payload in proptest::collection::vec(any::<u8>(), 0..30)) {
        let _ = ErrorPacket::parse(&payload);
    }
}

use crate::postgres::hello::code;
use crate::postgres::*;
use alloc::vec::Vec;
use proptest::prelude::*;

fn packet(code: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len() + 8).unwrap();
    [&length.to_be_bytes(), &code.to_be_bytes(), payload].concat()
}

#[test]
fn requests_are_known_by_their_codes() {
    assert_eq!(SSL_REQUEST, *b"\x00\x00\x00\x08\x04\xd2\x16\x2f");
    assert_eq!(First::parse(&SSL_REQUEST), Ok(First::Tls));
    assert_eq!(First::parse(&GSSENC_REQUEST), Ok(First::GssEnc));
}

#[test]
fn cancel_keys_are_4_to_256_bytes_beside_the_pid() {
    for length in 8..=260 {
        let key: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
        let packet = packet(CANCEL_REQUEST, &key);
        assert_eq!(
            First::parse(&packet),
            Ok(First::Cancel(CancelRequest { key: &key }))
        );
    }
    for length in [0, 4, 7, 261] {
        let packet = packet(CANCEL_REQUEST, &alloc::vec![0; length]);
        assert_eq!(
            First::parse(&packet),
            Err(FirstError::Malformed("CancelRequest"))
        );
    }
}

#[test]
fn an_http_request_has_no_legal_length() {
    assert_eq!(first_length(*b"GET "), Err(FirstError::Length(0x4745_5420)));
    assert_eq!(first_length([0, 0, 0, 7]), Err(FirstError::Length(7)));
    assert_eq!(
        first_length([0, 0, 0x27, 0x11]),
        Err(FirstError::Length(10_001))
    );
    assert_eq!(first_length([0, 0, 0x27, 0x10]), Ok(MAX_FIRST));
}

#[test]
fn other_majors_and_unknown_requests_are_told_apart() {
    let version_2 = packet(code(2, 0), b"\0");
    assert_eq!(
        First::parse(&version_2),
        Err(FirstError::Version(Version(code(2, 0))))
    );
    let unknown = packet(code(1234, 1), b"");
    assert_eq!(
        First::parse(&unknown),
        Err(FirstError::Request(code(1234, 1)))
    );
    // An SSLRequest with a payload is not an SSLRequest.
    let stuffed = packet(code(1234, 5679), b"x");
    assert!(matches!(
        First::parse(&stuffed),
        Err(FirstError::Request(_))
    ));
}

#[test]
fn nothing_shows_a_cancel_key() {
    let packet = packet(CANCEL_REQUEST, b"\0\0\0\x07secret key");
    let shown = alloc::format!("{:?}", First::parse(&packet).unwrap());
    assert_eq!(shown, "Cancel(CancelRequest(14 bytes))");
}

#[test]
fn a_version_is_its_two_halves() {
    let version = Version(code(3, 2));
    assert_eq!((version.major(), version.minor()), (3, 2));
    assert_eq!(alloc::format!("{version}"), "3.2");
    assert_eq!(alloc::format!("{}", Version::V3_0), "3.0");
}

fn first_packet() -> impl Strategy<Value = Vec<u8>> {
    let name = || proptest::collection::vec(1..=255u8, 1..12);
    let parameters = proptest::collection::vec((name(), name()), 0..5);
    prop_oneof![
        Just(SSL_REQUEST.to_vec()),
        Just(GSSENC_REQUEST.to_vec()),
        proptest::collection::vec(any::<u8>(), 8..=260)
            .prop_map(|key| packet(CANCEL_REQUEST, &key)),
        (any::<u16>(), parameters).prop_map(|(minor, parameters)| {
            let mut payload = Vec::new();
            for (name, value) in parameters {
                payload.extend([&name[..], &[0], &value, &[0]].concat());
            }
            payload.push(0);
            packet(code(3, minor), &payload)
        }),
    ]
}

proptest! {
    #[test]
    fn a_first_packet_is_whole_or_none(packet in first_packet(), behind in 1..=255u8) {
        let announced = first_length(*packet.first_chunk().unwrap());
        prop_assert_eq!(announced, Ok(packet.len()));
        prop_assert!(First::parse(&packet).is_ok());
        for length in 0..packet.len() {
            prop_assert!(First::parse(&packet[..length]).is_err(), "{length}");
        }
        prop_assert!(First::parse(&[&packet[..], &[behind]].concat()).is_err());
    }

    #[test]
    fn no_length_is_taken_that_a_server_would_refuse(prefix: [u8; 4]) {
        let length = u32::from_be_bytes(prefix);
        let is_legal = (8..=10_000).contains(&length);
        prop_assert_eq!(first_length(prefix).is_ok(), is_legal);
    }

    #[test]
    fn no_payload_makes_the_parser_panic(
        code in prop_oneof![Just(code(3, 0)), Just(CANCEL_REQUEST), Just(code(1234, 5679)), any::<u32>()],
        payload in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let _ = First::parse(&packet(code, &payload));
    }
}

use crate::postgres::hello::code;
use crate::postgres::*;
use alloc::vec::Vec;

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

use crate::postgres::*;
use proptest::prelude::*;

#[test]
fn a_message_is_whole_or_says_what_it_needs() {
    let bytes = b"Z\0\0\0\x05Inext";
    for (length, need) in [(0, 5), (4, 5), (5, 6)] {
        assert_eq!(
            next_message(bytes.get(..length).unwrap_or_default()),
            Ok(Next::NeedBytes(need))
        );
    }
    assert_eq!(
        next_message(bytes),
        Ok(Next::Message {
            tag: b'Z',
            body: b"I",
            raw: b"Z\0\0\0\x05I"
        })
    );
}

#[test]
fn impossible_lengths_are_errors() {
    for length in [0, 1, 2, 3, 65_536, u32::MAX] {
        let [a, b, c, d] = length.to_be_bytes();
        assert_eq!(
            next_message(&[b'R', a, b, c, d]),
            Err(MessageError::Length { tag: b'R', length })
        );
    }
}

proptest! {
    #[test]
    fn a_message_never_reaches_past_its_length(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        if let Ok(Next::Message { body, raw, .. }) = next_message(&bytes) {
            prop_assert_eq!(raw.len(), body.len().saturating_add(Header::LEN));
            prop_assert!(bytes.starts_with(raw));
        }
    }
}

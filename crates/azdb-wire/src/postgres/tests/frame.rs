use crate::postgres::*;
use alloc::vec::Vec;
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

proptest! {
    /// A reader that always waits for what is needed reads every message, once, wherever reads cut them.
    #[test]
    fn messages_come_out_one_by_one_and_nobody_waits_for_more_than_the_next(
        messages in proptest::collection::vec((any::<u8>(), proptest::collection::vec(any::<u8>(), 0..20)), 0..8),
    ) {
        let whole: Vec<Vec<u8>> = messages
            .iter()
            .map(|(tag, body)| {
                let length = u32::try_from(body.len() + 4).unwrap();
                [&[*tag], &length.to_be_bytes()[..], body].concat()
            })
            .collect();
        let bytes = whole.concat();
        let (mut at, mut read) = (0, Vec::new());
        for end in 0..=bytes.len() {
            match next_message(&bytes[at..end]).unwrap() {
                Next::Message { tag, body, raw } => {
                    read.push((tag, body.to_vec()));
                    at += raw.len();
                }
                Next::NeedBytes(need) => {
                    let next = &whole[read.len()..];
                    prop_assert!(need > end - at);
                    prop_assert!(next.first().is_none_or(|next| need <= next.len().max(Header::LEN)));
                }
            }
        }
        prop_assert_eq!(read, messages);
    }

    #[test]
    fn every_header_is_a_length_or_an_error(header: [u8; 5]) {
        let length = u32::from_be_bytes([header[1], header[2], header[3], header[4]]);
        match Header::parse(header) {
            Ok(Header { tag, body }) => prop_assert_eq!((tag, body + 4), (header[0], length as usize)),
            Err(error) => prop_assert_eq!((error, length < 4), (MessageError::Length { tag: header[0], length }, true)),
        }
    }
}

use super::{PLAIN, Written};
use crate::reader::Reader;
use crate::tds::*;
use alloc::vec::Vec;
use proptest::prelude::*;

/// A list as it is written, its end included.
fn list(features: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (id, data) in features {
        out.push(*id);
        out.extend_from_slice(&u32::try_from(data.len()).unwrap().to_le_bytes());
        out.extend_from_slice(data);
    }
    out.push(feature_id::END);
    out
}

fn any_features() -> impl Strategy<Value = Vec<(u8, Vec<u8>)>> {
    let data = proptest::collection::vec(any::<u8>(), 0..12);
    proptest::collection::vec((0..feature_id::END, data), 0..6)
}

#[test]
fn a_token_is_told_from_a_question_for_one() {
    let asked = |features: &'static [u8]| {
        let flags = [0xe0, 0x03, 0, 0x10];
        let bytes = Written {
            flags,
            features,
            ..PLAIN
        }
        .bytes();
        Login7::parse(&bytes).unwrap().fed_auth()
    };
    assert_eq!(asked(b"\x0a\0\0\0\0\xff"), None);
    assert_eq!(
        asked(b"\x02\x01\0\0\0\x02\xff"),
        Some(FedAuth::SecurityToken)
    );
    // The lowest bit is an echo.
    assert_eq!(
        asked(b"\x02\x01\0\0\0\x03\xff"),
        Some(FedAuth::SecurityToken)
    );
    assert_eq!(
        asked(b"\x02\x02\0\0\0\x04\x01\xff"),
        Some(FedAuth::Negotiated)
    );
    assert_eq!(asked(b"\x02\x01\0\0\0\0\xff"), Some(FedAuth::Unknown(0)));
    assert_eq!(asked(b"\x02\0\0\0\0\xff"), Some(FedAuth::Unknown(0x7f)));
}

proptest! {
    #[test]
    fn a_list_reads_as_it_was_written(features in any_features(), behind in proptest::collection::vec(any::<u8>(), 0..9)) {
        let bytes = [list(&features), behind.clone()].concat();
        let mut reader = Reader::new(&bytes);
        let read = Features::read(&mut reader).unwrap();
        prop_assert_eq!(reader.rest(), behind);
        let again: Vec<_> = read.iter().map(|(id, data)| (id, data.to_vec())).collect();
        prop_assert_eq!(&again, &features);
        for id in 0..=u8::MAX {
            let first = features.iter().find(|(own, _)| *own == id);
            prop_assert_eq!(read.get(id), first.map(|(_, data)| &data[..]));
        }
    }

    #[test]
    fn a_list_may_end_with_its_message_but_not_within_a_feature(features in any_features()) {
        let bytes = list(&features);
        let mut ends = Vec::from([0]);
        for (_, data) in &features {
            ends.push(ends[ends.len() - 1] + 5 + data.len());
        }
        for length in 0..bytes.len() {
            let read = Features::read(&mut Reader::new(&bytes[..length]));
            let whole = ends.iter().position(|end| *end == length);
            prop_assert_eq!(read.map(|read| read.iter().count()), whole);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        if let Some(features) = Features::read(&mut Reader::new(&bytes)) {
            prop_assert!(features.iter().count() * 5 <= bytes.len());
        }
    }
}

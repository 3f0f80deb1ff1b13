use crate::reader::Reader;
use crate::tds::text::{b_varchar, cut, us_varchar};
use crate::tds::*;
use alloc::vec::Vec;
use proptest::prelude::*;

#[test]
fn text_goes_there_and_back() {
    for text in ["", "sa", "Müller", "日本", "😀"] {
        let mut bytes = Vec::new();
        push_utf16(text, &mut bytes);
        assert_eq!(bytes.len(), utf16_len(text));
        assert_eq!(from_utf16(&bytes), text);
    }
}

#[test]
fn what_is_no_text_is_marked() {
    assert_eq!(from_utf16(&[0x3d, 0xd8, b'a', 0]), "\u{fffd}a");
    assert_eq!(from_utf16(b"a\0b"), "a");
}

#[test]
fn a_cut_spares_surrogate_pairs() {
    assert_eq!(cut("ab😀", 3), "ab");
    assert_eq!(cut("ab😀", 4), "ab😀");
    assert_eq!(cut("abc", 2), "ab");
    assert_eq!(cut("abc", 9), "abc");
}

proptest! {
    #[test]
    fn any_text_goes_there_and_back(text in "\\PC{0,60}") {
        let mut bytes = Vec::new();
        push_utf16(&text, &mut bytes);
        prop_assert_eq!(bytes.len(), utf16_len(&text));
        prop_assert_eq!(from_utf16(&bytes), text);
    }

    #[test]
    fn a_cut_is_as_long_as_it_may_be(text in "([a-z]|😀){0,20}", units in 0..24usize) {
        let head = cut(&text, units);
        prop_assert!(text.starts_with(head));
        let rest = text.get(head.len()..).unwrap().chars().next();
        let room = units.checked_sub(utf16_len(head) / 2).unwrap();
        prop_assert!(rest.is_none_or(|next| next.len_utf16() > room));
    }

    #[test]
    fn counted_text_is_read_to_its_end_and_no_further(text in "\\PC{0,40}", behind in proptest::collection::vec(any::<u8>(), 0..9)) {
        let mut units = Vec::new();
        push_utf16(&text, &mut units);
        let count = u8::try_from(units.len() / 2).unwrap();
        let short = [&[count], &units[..], &behind].concat();
        let long = [&[count, 0], &units[..], &behind].concat();
        let (mut short, mut long) = (Reader::new(&short), Reader::new(&long));
        prop_assert_eq!(b_varchar(&mut short), Some(&units[..]));
        prop_assert_eq!(us_varchar(&mut long), Some(&units[..]));
        prop_assert_eq!(short.rest(), &behind);
        prop_assert_eq!(long.rest(), &behind);
        for length in 0..=units.len() {
            let whole = [&[count], &units[..]].concat();
            let cut = whole.get(..length).unwrap();
            prop_assert_eq!(b_varchar(&mut Reader::new(cut)), None);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        prop_assert!(from_utf16(&bytes).encode_utf16().count() <= bytes.len() / 2);
    }
}

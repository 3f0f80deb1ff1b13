use crate::tds::text::cut;
use crate::tds::*;
use alloc::vec::Vec;

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

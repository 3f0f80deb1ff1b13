use crate::tds::*;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

/// What FreeTDS 1.3.17 sends, names apart.
fn login(version: [u8; 4], length: usize) -> Vec<u8> {
    let mut login = Vec::from([0; 603]);
    login[458..462].copy_from_slice(&version);
    login.truncate(length);
    login
}

#[test]
fn both_old_versions_are_known() {
    for (version, length, shown) in [
        ([4, 2, 0, 0], 572, "4.2"),
        ([4, 6, 0, 0], 572, "4.6"),
        ([5, 0, 0, 0], 603, "5.0"),
    ] {
        let version = OldVersion::of(&login(version, length));
        assert_eq!(
            version.map(|version| version.to_string()).as_deref(),
            Some(shown)
        );
    }
}

#[test]
fn what_is_no_old_login_is_none() {
    for (version, length) in [
        ([4, 2, 0, 0], 479),
        ([4, 2, 0, 0], 458),
        ([4, 2, 0, 0], 0),
        ([7, 0, 0, 0], 603),
        ([4, 2, 1, 0], 572),
        ([0; 4], 603),
    ] {
        assert_eq!(
            OldVersion::of(&login(version, length)),
            None,
            "{version:?} {length}"
        );
    }
}

#[test]
fn an_error_has_characters_of_one_byte() {
    let mut out = Vec::new();
    let notice = Notice {
        number: 18456,
        class: 14,
        message: "naïve",
        server: "px",
    };
    notice.encode_old(&mut out);
    let expected = b"\xaa\x13\0\x18\x48\0\0\x01\x0e\x05\0na?ve\x02px\0\x01\0\xfd\x02\0\0\0\0\0\0\0";
    assert_eq!(out, expected);
}

#[test]
fn a_message_of_any_length_fits_in_one_packet_of_512() {
    let long: String = "😀".repeat(40_000);
    let notice = Notice {
        number: 18456,
        class: 14,
        message: &long,
        server: &long,
    };
    let mut out = Vec::new();
    notice.encode_old(&mut out);
    assert_eq!(out.len() + Header::LEN, 512);
}

use super::{PLAIN, Written};
use crate::tds::*;
use alloc::vec;
use tds_protocol::login7::{FeatureExtension, FeatureId, Login7 as TheirLogin7};
use tds_protocol::version::TdsVersion;

#[test]
fn names_are_read_from_headers_of_both_lengths() {
    for fixed in [86, 94] {
        let bytes = Written {
            version: 0x7100_0001,
            fixed,
            ..PLAIN
        }
        .bytes();
        let login = Login7::parse(&bytes).unwrap();
        assert_eq!(login.version, Version::V7_1);
        assert_eq!(from_utf16(login.user), "sa");
        assert_eq!(from_utf16(login.database), "mydb");
        assert!(!login.changes_password);
    }
}

#[test]
fn a_flag_without_features_is_none() {
    let mut bytes = Written {
        flags: [0xe0, 0x03, 0, 0x10],
        ..PLAIN
    }
    .bytes();
    assert_eq!(Login7::parse(&bytes).unwrap().features.iter().count(), 0);
    // ibExtension points far outside: before 7.4 the field was unused.
    bytes.get_mut(56..60).unwrap().fill(0xff);
    assert_eq!(Login7::parse(&bytes).unwrap().features.iter().count(), 0);
}

#[test]
fn an_empty_field_may_point_anywhere_and_others_may_not() {
    let mut bytes = PLAIN.bytes();
    bytes
        .get_mut(64..68)
        .unwrap()
        .copy_from_slice(&[0xff, 0xff, 0, 0]);
    assert!(Login7::parse(&bytes).is_ok());
    bytes
        .get_mut(64..68)
        .unwrap()
        .copy_from_slice(&[0xff, 0xff, 1, 0]);
    assert_eq!(
        Login7::parse(&bytes),
        Err(Login7Error::OutOfRange("Language"))
    );
}

#[test]
fn overlapping_fields_are_read_all_the_same() {
    let mut bytes = PLAIN.bytes();
    let host: [u8; 4] = *bytes.get(36..40).unwrap().first_chunk().unwrap();
    bytes.get_mut(48..52).unwrap().copy_from_slice(&host);
    let login = Login7::parse(&bytes).unwrap();
    assert_eq!(login.app, login.host);
}

#[test]
fn mainframes_are_told_apart() {
    let bytes = Written {
        flags: [0x01, 0, 0, 0],
        ..PLAIN
    }
    .bytes();
    assert_eq!(Login7::parse(&bytes), Err(Login7Error::Machine));
}

#[test]
fn drivers_that_adapt_are_known_by_their_fingerprint() {
    let freetds = Written {
        version: 0x7100_0001,
        fixed: 86,
        program: [0x06, 0x83, 0xf2, 0xf8],
        lcid: 0x436,
        texts: ["h", "sa", "p", "tsql", "s", "TDS-Library", "", ""],
        ..PLAIN
    };
    let jtds = Written {
        program: [7, 0, 0, 0],
        texts: ["h", "sa", "p", "jTDS", "s", "jTDS", "", ""],
        ..freetds
    };
    let tedious = Written {
        version: 0x7209_0002,
        texts: ["h", "sa", "p", "Tedious", "s", "Tedious", "", ""],
        ..PLAIN
    };
    let granted = |written: &Written| {
        let bytes = written.bytes();
        let manner = Manner::of(&Login7::parse(&bytes).unwrap());
        (manner.granted(Version::V7_4), manner.width())
    };
    assert_eq!(granted(&freetds), (Version::V7_1, Width::Narrow));
    assert_eq!(granted(&jtds), (Version::V7_1, Width::Narrow));
    assert_eq!(granted(&tedious), (Version::V7_2, Width::Wide));
    assert_eq!(granted(&PLAIN), (Version::V7_4, Width::Wide));
}

#[test]
fn another_encoder_is_read() {
    let theirs = TheirLogin7::new()
        .with_tds_version(TdsVersion::V7_4)
        .with_sql_auth("sa", "secret")
        .with_database("orders")
        .with_hostname("machine")
        .with_feature(FeatureExtension {
            feature_id: FeatureId::Utf8Support,
            data: vec![1].into(),
        })
        .encode();
    let login = Login7::parse(&theirs).unwrap();
    assert_eq!(from_utf16(login.user), "sa");
    assert_eq!(from_utf16(login.database), "orders");
    assert_eq!(from_utf16(login.host), "machine");
    assert_eq!(login.features.get(0x0a), Some(&[1][..]));
}

//! Every field of a login, changed one at a time.

use super::{PLAIN, Written};
use crate::tds::*;
use alloc::vec::Vec;

fn likeness(login: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let login = Login7::parse(login).unwrap();
    let mut fields = Vec::new();
    login.likeness(login.database, |name, value| {
        fields.push((name, value.to_vec()));
    });
    fields
}

/// The names of what differs between two logins.
fn differs(one: &[u8], other: &[u8]) -> Vec<&'static str> {
    let (one, other) = (likeness(one), likeness(other));
    assert_eq!(one.len(), other.len());
    let pairs = one.iter().zip(&other);
    let differing = pairs.filter(|(one, other)| one != other);
    differing
        .map(|(one, other)| {
            assert_eq!(one.0, other.0);
            one.0
        })
        .collect()
}

fn with_text(index: usize, text: &'static str) -> Vec<u8> {
    let mut texts = PLAIN.texts;
    texts[index] = text;
    Written { texts, ..PLAIN }.bytes()
}

#[test]
fn what_a_session_depends_on_is_told_by_name() {
    let plain = PLAIN.bytes();
    let texts = [
        (0, "host name"),
        (3, "application name"),
        (4, "server name"),
        (5, "driver"),
        (6, "language"),
        (7, "database"),
    ];
    for (index, name) in texts {
        assert_eq!(differs(&plain, &with_text(index, "another")), [name]);
    }
    let version = Written {
        version: 0x730b_0003,
        ..PLAIN
    };
    assert_eq!(differs(&plain, &version.bytes()), ["TDS version"]);
    let program = Written {
        program: [9, 9, 9, 9],
        ..PLAIN
    };
    assert_eq!(differs(&plain, &program.bytes()), ["driver version"]);
    // fReadOnlyIntent.
    let reads = Written {
        flags: [0xe0, 0x83, 0x20, 0],
        ..PLAIN
    };
    assert_eq!(differs(&plain, &reads.bytes()), ["option flags"]);
    let lcid = Written {
        lcid: 0x407,
        ..PLAIN
    };
    assert_eq!(differs(&plain, &lcid.bytes()), ["locale"]);
    for (at, name) in [(8, "packet size"), (28, "time zone")] {
        let mut other = plain.clone();
        other[at] ^= 1;
        assert_eq!(differs(&plain, &other), [name]);
    }
}

#[test]
fn who_it_is_and_in_which_process_makes_no_difference() {
    let plain = PLAIN.bytes();
    assert!(differs(&plain, &with_text(1, "other")).is_empty());
    assert!(differs(&plain, &with_text(2, "another")).is_empty());
    let sspi = Written {
        sspi: b"NTLMSSP\0again",
        ..PLAIN
    };
    assert!(differs(&plain, &sspi.bytes()).is_empty());
    // ClientPID, ConnectionID, ClientID.
    for at in [16, 20, 72] {
        let mut other = plain.clone();
        other[at] ^= 1;
        assert!(differs(&plain, &other).is_empty(), "{at}");
    }
}

const EXTENDED: [u8; 4] = [0xe0, 0x83, 0, 0x10];

fn with_features(features: &'static [u8]) -> Vec<u8> {
    Written {
        flags: EXTENDED,
        features,
        ..PLAIN
    }
    .bytes()
}

#[test]
fn every_byte_of_a_feature_counts_but_the_apps_own_token() {
    let one = with_features(b"\x0a\x01\0\0\0\x01\xff");
    let other = with_features(b"\x0a\x01\0\0\0\x02\xff");
    let third = with_features(b"\x09\x01\0\0\0\x01\xff");
    assert_eq!(differs(&one, &other), ["features"]);
    assert_eq!(differs(&one, &third), ["features"]);
    let token = with_features(b"\x02\x07\0\0\0\x02\x02\0\0\0ab\xff");
    let renewed = with_features(b"\x02\x09\0\0\0\x02\x04\0\0\0abcd\xff");
    assert!(differs(&token, &renewed).is_empty());
    assert!(
        likeness(&token)
            .iter()
            .all(|(_, value)| !value.windows(2).any(|two| two == b"ab"))
    );
}

#[test]
fn a_login_that_brings_the_state_of_another_session_resumes_it() {
    let resumes = |features| {
        let bytes = with_features(features);
        Login7::parse(&bytes).unwrap().resumes()
    };
    assert!(!resumes(b"\x01\0\0\0\0\xff"));
    assert!(resumes(b"\x01\x01\0\0\0x\xff"));
    assert!(!resumes(b"\x0a\x01\0\0\0x\xff"));
}

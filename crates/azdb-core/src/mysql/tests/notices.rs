//! What an app reads of each fault.

use super::*;
use crate::fault::Explained as _;
use crate::rig::{Spoken as _, every_cause};

/// Bytes that MySQL's own library keeps, its final NUL included.
const MAX_TEXT: usize = 511;

#[tokio::test]
async fn every_fault_is_told_with_its_remedy() {
    let own = Mysql::own_faults().into_iter().map(Fault::Own);
    for fault in every_cause().into_iter().map(Fault::Shared).chain(own) {
        let (code, text) = Mysql::notice(&fault);
        assert!(
            !(2000..3000).contains(&code),
            "{code} is of client libraries"
        );
        match &fault {
            Fault::Own(MysqlFault::Refused { .. }) => {
                let expected = format!("Access denied; azdb-proxy: {}", fault.remedy());
                assert_eq!((code, text), (1045, expected), "the upstream's own");
            }
            fault => {
                let expected = format!("azdb-proxy: {}; {}", fault.told(), fault.remedy());
                assert_eq!(text, expected);
                assert!(text.len() <= MAX_TEXT);
            }
        }
    }
}

#[test]
fn a_long_text_is_cut_between_two_characters() {
    for padding in 0..4 {
        let host = "x".repeat(padding) + &"ü".repeat(400);
        let (_, text) = Mysql::notice(&Cause::NoTls { host }.into());
        assert!(
            (MAX_TEXT - 1..=MAX_TEXT).contains(&text.len()),
            "{}",
            text.len()
        );
    }
}

#[test]
fn no_code_and_no_word_of_an_upstream_that_refuses_at_once_is_told_as_ours() {
    for (code, expected) in [
        (1040, 1040),
        (1203, 1040),
        (1129, 1105),
        (2003, 1105),
        (2013, 1105),
    ] {
        let message = b"run this as root".to_vec();
        let (read, text) = Mysql::notice(&MysqlFault::RefusedAtOnce { code, message }.into());
        assert_eq!(read, expected);
        assert!(!text.contains("root"), "{text}");
        assert!(text.contains(&format!("with error {code};")), "{text}");
    }
}

/// 1045 is "access denied", 1130 "host not allowed", 3159 "insecure transport", 1040 "too many connections", 1053 "shutting down", 1105 all else.
#[tokio::test]
async fn every_cause_has_its_code() {
    let expected = [
        1045, 1130, 1045, 1040, 3159, 1040, 1053, 1105, 1045, 1045, 1045, 1045, 1105, 1105, 1105,
        1105, 1105, 1105, 1105, 1105, 1105, 1105, 1105, 1105, 1105, 1105, 1105, 1105, 1105, 1105,
        1105, 1105, 1105, 1105, 1053, 1053, 1130, 1105, 1105, 1105,
    ];
    let codes = every_cause()
        .into_iter()
        .map(|cause| Mysql::notice(&cause.into()).0);
    assert_eq!(codes.collect::<Vec<_>>(), expected);
}

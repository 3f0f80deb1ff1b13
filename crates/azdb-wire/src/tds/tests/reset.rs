//! The reset, its answers as servers write them, and what is none.

use super::hex;
use crate::tds::*;
use alloc::vec::Vec;
use proptest::prelude::*;

/// ENVCHANGE 18.
const RESET: &str = "e3 0300 12 00 00";
/// ENVCHANGE 10, with the descriptor of the transaction that there was.
const ROLLED_BACK: &str = "e3 0b00 0a 00 08 0100000000000000";
const DONE: &str = "fd 0000 f900 0000000000000000";

/// ENVCHANGE 1: the database `a`, after `b`.
const TO_A: &str = "e3 0700 01 01 6100 01 6200";
const TO_B: &str = "e3 0700 01 01 6200 01 6100";
/// LOGINACK of 7.4, by a program `X` of this version.
fn login_ack(major: u8) -> String {
    format!("ad 0c00 01 74000004 01 5800 {major:02x} 000000")
}

use alloc::format;
use alloc::string::String;

fn login() -> Vec<u8> {
    hex(&format!("{TO_B} {TO_A} {} {DONE}", login_ack(12)))
}

fn judged(tokens: &str) -> Result<(), NotClean> {
    judge(&hex(tokens))
}

fn judge(payload: &[u8]) -> Result<(), NotClean> {
    let login = login();
    let login = LoginAnswer::parse(&login, Version::V7_4).unwrap();
    login.judge_reset(payload)
}

#[test]
fn the_request_is_one_batch_with_the_status_of_a_reset() {
    let packet = reset_request();
    let header = Header::parse(*packet.first_chunk().unwrap()).unwrap();
    assert_eq!((header.kind, header.status), (kind::SQL_BATCH, 0x09));
    assert_eq!(usize::from(header.length), packet.len());
    assert!(packet.len() <= 512);
    let (headers, text) = packet[Header::LEN..].split_at(22);
    assert_eq!(
        headers,
        hex("16000000 12000000 0200 0000000000000000 01000000")
    );
    let said = "set transaction isolation level read committed";
    assert_eq!(from_utf16(text), said);
}

#[test]
fn a_reset_that_was_done_says_so() {
    assert_eq!(judged(&format!("{RESET} {DONE}")), Ok(()));
    assert_eq!(judged(&format!("{RESET} {ROLLED_BACK} {DONE}")), Ok(()));
    // INFO 5701, and back to the database of the login.
    let info = "ab 0e00 45160000 02 00 0000 00 00 01000000";
    assert_eq!(judged(&format!("{RESET} {TO_A} {info} {DONE}")), Ok(()));
}

#[test]
fn what_does_not_say_so_is_not_clean() {
    let error = "aa 0e00 d50f0000 01 10 0000 00 00 01000000";
    let more = "fd 0100 f900 0000000000000000";
    let failed = "fd 0200 f900 0000000000000000";
    let in_transaction = "fd 0400 f900 0000000000000000";
    let attention = "fd 2000 f900 0000000000000000";
    let procedure = "fe 0000 f900 0000000000000000";
    for (tokens, why) in [
        (String::new(), NotClean::NoEnd),
        (RESET.into(), NotClean::NoEnd),
        (DONE.into(), NotClean::Unsaid),
        (format!("{RESET} {RESET} {DONE}"), NotClean::Changed(18)),
        (format!("{RESET} {error} {DONE}"), NotClean::Error(4053)),
        (format!("{RESET} {more}"), NotClean::End(1)),
        (format!("{RESET} {more} {DONE}"), NotClean::NoEnd),
        (format!("{RESET} {failed}"), NotClean::End(2)),
        (format!("{RESET} {in_transaction}"), NotClean::End(4)),
        (format!("{RESET} {attention}"), NotClean::End(0x20)),
        (format!("{RESET} {procedure}"), NotClean::End(0)),
        (format!("{RESET} {DONE} {DONE}"), NotClean::NoEnd),
        (format!("{RESET} {TO_B} {DONE}"), NotClean::Changed(1)),
        // A language that the login did not name.
        (
            format!("{RESET} e3 0700 02 01 6100 01 6200 {DONE}"),
            NotClean::Changed(2),
        ),
        // A transaction that has begun.
        (
            format!("{RESET} e3 0b00 08 08 0100000000000000 00 {DONE}"),
            NotClean::Changed(8),
        ),
        (
            format!("{RESET} {} {DONE}", login_ack(12)),
            NotClean::Unexpected(tag::LOGIN_ACK),
        ),
        (
            format!("{RESET} 79 00000000 {DONE}"),
            NotClean::Unexpected(tag::RETURN_STATUS),
        ),
        (
            format!("{RESET} fd 0000"),
            NotClean::Unreadable(StreamTokenError::Truncated(tag::DONE)),
        ),
        // A row of somebody's result.
        (
            format!("{RESET} d1 {DONE}"),
            NotClean::Unreadable(StreamTokenError::Unexpected(tag::ROW)),
        ),
    ] {
        assert_eq!(judged(&tokens), Err(why), "{tokens}");
    }
}

#[test]
fn only_a_session_that_can_be_seen_to_be_reset_is() {
    let allows = |tokens: &str, asked| {
        let payload = hex(tokens);
        LoginAnswer::parse(&payload, asked).unwrap().allows_reset()
    };
    let plain = login_ack(12);
    assert_eq!(allows(&format!("{plain} {DONE}"), Version::V7_4), Ok(()));
    // SESSIONRECOVERY, granted.
    let resumable = "ae 01 02000000 0000 ff";
    let tokens = format!("{plain} {resumable} {DONE}");
    assert_eq!(allows(&tokens, Version::V7_4), Err(NoReset::Resumable));
    let warehouse = login_ack(10);
    let tokens = format!("{warehouse} {DONE}");
    assert_eq!(allows(&tokens, Version::V7_4), Err(NoReset::Warehouse));
    let old = "ad 0c00 01 71000001 01 5800 0c000000 fd 0000 f900 00000000";
    let why = NoReset::Version(Version::V7_1);
    assert_eq!(allows(old, Version::V7_1), Err(why));
}

proptest! {
    /// Whatever bytes are changed, cut or added: clean is an answer that holds the very words.
    #[test]
    fn nothing_else_is_taken_for_a_reset(
        at in 0usize..64, with in any::<u8>(), cut in 0usize..64, behind in proptest::collection::vec(any::<u8>(), 0..12),
    ) {
        let clean = hex(&format!("{RESET} {DONE}"));
        let mut other = clean.clone();
        if let Some(byte) = other.get_mut(at) {
            *byte = with;
        }
        other.truncate(cut.max(1));
        other.extend_from_slice(&behind);
        if judge(&other).is_ok() {
            prop_assert_eq!(&other[..6], &clean[..6]);
            // What may differ is of which statement it is the end, that rows are counted, and how many.
            prop_assert_eq!(other.len(), clean.len());
            prop_assert_eq!((other[6], other[7] & !0x10, other[8]), (0xfd, 0, 0));
        }
    }
}

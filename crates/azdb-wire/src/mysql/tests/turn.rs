use crate::mysql::{Turn, push_packet};
use alloc::vec::Vec;

fn packet(number: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    push_packet(&mut out, number, payload);
    out
}

#[test]
fn an_app_that_has_asked_waits_until_an_answer_begins() {
    let mut turn = Turn::default();
    assert_eq!(turn.answer(), None);
    for byte in packet(0, b"\x03select 1") {
        assert_eq!(turn.answer(), None);
        turn.app_sent(&[byte]);
    }
    assert_eq!(turn.answer(), Some(1));
    let (first, rest) = (packet(1, b"\x01"), packet(2, b"a column"));
    turn.upstream_sent(first.get(..1).unwrap());
    assert_eq!(turn.answer(), None);
    turn.upstream_sent(first.get(1..).unwrap());
    turn.upstream_sent(&rest);
    assert_eq!(turn.answer(), None);
    turn.app_sent(&packet(0, b"\x0e"));
    assert_eq!(turn.answer(), Some(1));
}

#[test]
fn nobody_waits_for_an_answer_to_what_has_none() {
    let mut turn = Turn::default();
    for command in [&b"\x19\x01\0\0\0"[..], b"\x18\x01\0\0\0\0\0data", b"\x01"] {
        turn.app_sent(&packet(0, command));
        assert_eq!(turn.answer(), None);
    }
}

#[test]
fn the_end_of_a_file_is_answered_with_the_number_behind_it() {
    let mut turn = Turn::default();
    turn.app_sent(&packet(0, b"\x03load data local ..."));
    turn.upstream_sent(&packet(1, b"\xfbfile"));
    turn.app_sent(&packet(2, b"\x01looks like COM_QUIT"));
    turn.app_sent(&packet(3, b""));
    assert_eq!(turn.answer(), Some(4));
    turn.app_sent(&packet(255, b"x"));
    assert_eq!(turn.answer(), Some(0));
}

//! What nobody can translate ends the session, before the app has seen any of it. Of requests, that is for the server to say.

use alloc::vec::Vec;

use super::app::{App, Old};
use super::hex;
use super::limit::is_error;
use super::server::{Token, packets};
use super::through::{NO_LIMIT, translator};
use crate::tds::Untranslatable;

/// A column of each of these types, and what a row begins with.
fn columns(types: &[&str]) -> Vec<u8> {
    let mut out = [0x81, u8::try_from(types.len()).unwrap(), 0].to_vec();
    for it in types {
        out.extend(hex("00000000 0900"));
        out.extend(hex(it));
        out.push(0);
    }
    out
}

fn answered(old: Old, payload: &[u8], limit: usize) -> (Result<(), Untranslatable>, Vec<u8>) {
    let mut out = Vec::new();
    let mut translator = translator(old, 4096, limit);
    let mut outcome = Ok(());
    for packet in packets(4, 1, payload, &[4088]) {
        if outcome.is_ok() {
            outcome = translator.from_upstream(&packet, &mut out);
        }
    }
    (outcome, out)
}

#[test]
fn what_an_upstream_says_that_is_no_answer_is_an_error() {
    let narrow = [Old::V70, Old::V71, Old::V71Revision1];
    let max = columns(&["a5ffff"]);
    let row = |columns: &[u8], row: &str| [columns, &hex(row)].concat();
    let cases = [
        (hex("41"), Untranslatable::Token(0x41)),
        // COMPUTE is gone with SQL Server 2012.
        (hex("88 0000"), Untranslatable::Token(0x88)),
        // Fields that do not fit into the length of their token: of an error, a change, and SSPI's neighbour LOGINACK.
        (
            hex("aa 0800 01000000 01 10 0500"),
            Untranslatable::Token(0xaa),
        ),
        (hex("e3 0000"), Untranslatable::Token(0xe3)),
        (hex("ad 0200 0174"), Untranslatable::Token(0xad)),
        // A table is no value of a result.
        (columns(&["f3"]), Untranslatable::Type(0xf3)),
        (columns(&["99"]), Untranslatable::Type(0x99)),
        // The year 10000, a time of two bytes, one of a day too many, one of eight digits.
        (
            row(&columns(&["28"]), "d1 03 dbb937"),
            Untranslatable::Value(0x28),
        ),
        (
            row(&columns(&["2900"]), "d1 02 0000"),
            Untranslatable::Value(0x29),
        ),
        (
            row(&columns(&["2900"]), "d1 03 805101"),
            Untranslatable::Value(0x29),
        ),
        (
            row(&columns(&["2908"]), "d1 05 0000000000"),
            Untranslatable::Value(0x29),
        ),
        // More than was announced, and less.
        (
            row(&max, "d1 0500000000000000 06000000 010203040506"),
            Untranslatable::Length,
        ),
        (
            row(&max, "d1 0500000000000000 04000000 01020304 00000000"),
            Untranslatable::Length,
        ),
    ];
    for old in narrow {
        for (payload, error) in &cases {
            assert_eq!(
                answered(old, payload, NO_LIMIT).0,
                Err(*error),
                "{payload:02x?}"
            );
        }
        let mut out = Vec::new();
        let request = packets(1, 1, b"a\0", &[9]).concat();
        let outcome = translator(old, 512, NO_LIMIT).from_upstream(&request, &mut out);
        assert_eq!(outcome, Err(Untranslatable::PacketKind(1)));
        assert!(out.is_empty());
    }
}

#[test]
fn what_is_kept_of_a_token_has_an_end() {
    // A variant that holds a date of a megabyte.
    let mut payload = [columns(&["62491f0000"]), hex("d1 00001000 28 00")].concat();
    payload.resize(1 << 20, 0);
    let mut translator = translator(Old::V71, 4096, NO_LIMIT);
    let mut out = Vec::new();
    for packet in packets(4, 1, &payload, &[4088]) {
        match translator.from_upstream(&packet, &mut out) {
            // Twice what may wait: memory that grows doubles.
            Ok(()) => assert!(translator.kept() < 1_100_000, "{} kept", translator.kept()),
            Err(error) => return assert_eq!(error, Untranslatable::TooLarge),
        }
    }
    unreachable!("all of it was kept");
}

/// Its length does not fit where an older app reads it.
#[test]
fn a_value_of_three_gigabytes_is_one_beyond_the_limit() {
    let row = hex("d1 00000000c0000000 03000000 010203 00000000");
    let done = hex("fd 1000 c100 0100000000000000");
    let payload = [columns(&["a5ffff"]), row, done].concat();
    let (outcome, out) = answered(Old::V71, &payload, NO_LIMIT);
    assert_eq!(outcome, Ok(()));
    let (tokens, _) = App::new(Old::V71).read(&out[8..]).unwrap();
    assert!(
        matches!(&tokens[..], [Token::Columns(_), error, Token::Done { status: 0x12, .. }] if is_error(error)),
        "{tokens:?}"
    );
}

/// Requests as they go up, without the header of their one packet.
fn asked(old: Old, kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let bytes = packets(kind, 0, payload, &[500]).concat();
    translator(old, 512, NO_LIMIT)
        .from_app(&bytes, &mut out)
        .unwrap();
    out.split_off(8)
}

#[test]
fn what_nobody_knows_in_a_request_goes_up_as_it_is() {
    // A parameter of a type from after 2000, and what looks like a separator behind it.
    let call = hex("0200 7300 7000 0000 00 00 f3 80 80 00");
    let up = asked(Old::V71, 3, &call);
    assert_eq!(up[22..], call);
    // WRITETEXT: a length, and so many bytes.
    let text = hex("03000000 818283");
    assert_eq!(asked(Old::V71, 7, &text), text);
    // A bulk load that ends in the middle of its end.
    let bulk = hex("81 0100 0000 0900 2604 00 d1 04 01000000 fd 0000 00");
    let up = asked(Old::V71, 7, &bulk);
    assert_eq!(
        up,
        hex("81 0100 00000000 0900 2604 00 d1 04 01000000 fd 0000 00")
    );
    // One of nothing.
    let up = asked(Old::V71, 7, &hex("81 0000 fd 0000 0000 02000000"));
    assert_eq!(up, hex("81 0000 fd 0000 0000 0200000000000000"));
}

/// jTDS counts characters where a server counts bytes.
#[test]
fn how_long_a_text_may_be_is_not_what_its_app_says() {
    let call = "ffff 0a00 0000 00 00";
    for (tag, collation, value) in [
        ("63", "0904d00034", "04000000 6100 6200"),
        ("23", "0904d00034", "01000000 61"),
    ] {
        let written = hex(&[call, tag, "02000000", collation, value].concat());
        let max = if tag == "63" { "feffff7f" } else { "02000000" };
        let wanted = hex(&[call, tag, max, collation, value].concat());
        assert_eq!(asked(Old::V71, 3, &written)[22..], wanted);
    }
}

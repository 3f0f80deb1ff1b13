//! Apps that know the columns of a result, as of a cursor that they fetch from, ask not to hear of them again (fNoMetaData of a call:
//! jTDS, FreeTDS and SQLOLEDB do). What they know is not always what the server has said last.

use alloc::vec::Vec;

use super::app::Old;
use super::hex;
use super::server::packets;
use super::through::{NO_LIMIT, Way, packets_of, through, translator};
use crate::tds::Translator;

const DONE: &str = "fd 1000 c100 0100000000000000";

/// Payloads of the packets that come out for one message, each of one packet.
fn passed(translator: &mut Translator, way: Way, kind: u8, payload: &[u8]) -> Vec<Vec<u8>> {
    let bytes = packets(kind, 1, payload, &[500]).concat();
    let out = through(translator, way, bytes.chunks(7)).unwrap();
    let packets = packets_of(&out, 512).unwrap();
    packets.iter().map(|it| it.payload.to_vec()).collect()
}

/// Calls that fetch, with these options, as an app of `old` writes them.
fn fetch(old: Old, options: &[&str]) -> Vec<u8> {
    let headers = "1600000012000000020000000000000000000100 0000";
    let (headers, separator) = match old.is_narrow() {
        true => ("", "80"),
        false => (headers, "ff"),
    };
    let calls: Vec<_> = options
        .iter()
        .map(|options| ["ffff 0700", options, "00 00 26 04 04 15000000"].concat())
        .collect();
    hex(&[headers, &calls.join(separator)].concat())
}

/// Columns and a row of a cursor, as a server of 7.4 says both.
fn cursor(columns: &str, row: &str) -> Vec<u8> {
    let columns = ["81 0100 00000000 0900", columns, "00"].concat();
    hex(&[&columns, row, DONE].concat())
}

fn options_of(old: Old, up: &[u8]) -> Vec<u8> {
    let call = if old.is_narrow() { &up[22..] } else { up };
    let at = if old.is_narrow() { 4 } else { 26 };
    call[at..at + 2].to_vec()
}

/// Where the answer has an end, what an app has heard of columns in it, and the row.
fn heard(answers: &[Vec<u8>]) -> Vec<u8> {
    let answer = answers.concat();
    let row = answer.iter().position(|byte| *byte == 0xd1).unwrap();
    answer[..row + 6].to_vec()
}

#[test]
fn rows_of_a_cursor_are_read_by_its_own_columns() {
    for old in Old::ALL {
        let mut translator = translator(old, 512, NO_LIMIT);
        // Opened last was one of text.
        let text = cursor("a7 0a00 0904d00034", "d1 0300 616263");
        passed(&mut translator, Way::Down, 4, &text);
        let asked = fetch(old, &["0200"]);
        let up = passed(&mut translator, Way::Up, 3, &asked).concat();
        assert_eq!(options_of(old, &up), [0, 0], "{old:?}");
        let numbers = cursor("26 04", "d1 04 07000000");
        let told = passed(&mut translator, Way::Down, 4, &numbers);
        assert_eq!(heard(&told), hex("81 ffff d1 04 07000000"), "{old:?}");
        // Who does not say so hears of them, and so does who cannot say so.
        for (kind, request) in [(3, fetch(old, &["0000"])), (1, fetch(old, &[]))] {
            passed(&mut translator, Way::Up, 3, &asked);
            passed(&mut translator, Way::Up, kind, &request);
            let told = passed(&mut translator, Way::Down, 4, &numbers).concat();
            assert_eq!(told[..3], [0x81, 1, 0], "{old:?}");
        }
    }
}

#[test]
fn an_attention_does_not_make_an_app_forget_columns() {
    let mut translator = translator(Old::V71, 512, NO_LIMIT);
    passed(&mut translator, Way::Up, 3, &fetch(Old::V71, &["0200"]));
    passed(&mut translator, Way::Up, 6, &[]);
    let numbers = cursor("26 04", "d1 04 07000000");
    let told = passed(&mut translator, Way::Down, 4, &numbers);
    assert_eq!(heard(&told), hex("81 ffff d1 04 07000000"));
}

#[test]
fn from_which_tables_known_columns_are_is_known_too() {
    let mut translator = translator(Old::V71, 512, NO_LIMIT);
    passed(&mut translator, Way::Up, 3, &fetch(Old::V71, &["0200"]));
    let columns = "81 0100 00000000 0900 26 04 00 a4 0500 01 0100 7400 a5 0300 010100";
    let answer = hex(&[columns, "d1 04 07000000", DONE].concat());
    let told = passed(&mut translator, Way::Down, 4, &answer);
    assert_eq!(heard(&told), hex("81 ffff d1 04 07000000"));
}

/// Each answer is to one of them, and nothing in it says to which.
#[test]
fn several_calls_that_know_and_do_not_know_hear_of_all_columns() {
    for options in [["0200", "0000"], ["0000", "0200"]] {
        let mut translator = translator(Old::V71, 512, NO_LIMIT);
        let asked = fetch(Old::V71, &options);
        let up = passed(&mut translator, Way::Up, 3, &asked).concat();
        let mut wanted = fetch(Old::V71, &["0000", "0000"]);
        let separator = wanted.iter().position(|byte| *byte == 0x80).unwrap();
        wanted[separator] = 0xff;
        assert_eq!(up[22..], wanted);
        let numbers = cursor("26 04", "d1 04 07000000");
        let told = passed(&mut translator, Way::Down, 4, &numbers).concat();
        assert_eq!(told[..3], [0x81, 1, 0]);
    }
}

/// A request that ends before it has said what it calls.
#[test]
fn who_calls_nothing_hears_of_columns() {
    for old in [Old::V71, Old::V72] {
        let mut translator = translator(old, 512, NO_LIMIT);
        passed(&mut translator, Way::Up, 3, &hex("02"));
        let numbers = cursor("26 04", "d1 04 07000000");
        let told = passed(&mut translator, Way::Down, 4, &numbers).concat();
        assert_eq!(told[..3], [0x81, 1, 0], "{old:?}");
    }
}

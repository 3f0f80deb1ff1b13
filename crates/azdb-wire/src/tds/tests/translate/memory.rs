//! What is kept between two reads: a packet, and a value only where its length has to come first and was not told.

use alloc::vec;
use alloc::vec::Vec;

use super::app::Old;
use super::request::{Call, Parameter, Procedure, Request};
use super::server::{Column, Token, packets, write};
use super::through::{Way, translator};
use super::types::{Kind, Plp, Value};

const PACKET: usize = 4096;
/// Many packets.
const LONG: usize = 1_000_000;
/// What a message leaves behind: its columns, in case that rows of the same ones follow.
const AT_REST: usize = 256;

const KNOWN: Plp = Plp {
    is_total_known: true,
    chunk: 10_000,
};
const UNKNOWN: Plp = Plp {
    is_total_known: false,
    ..KNOWN
};

/// The most that is kept between two packets of a message of `kind`, and what is kept behind it.
fn kept(old: Old, limit: usize, kind: u8, payload: &[u8]) -> (usize, usize) {
    let mut translator = translator(old, PACKET, limit);
    let way = if kind == 4 { Way::Down } else { Way::Up };
    let mut most = 0;
    for packet in packets(kind, 1, payload, &[PACKET - 8]) {
        let mut out = Vec::new();
        match way {
            Way::Down => translator.from_upstream(&packet, &mut out).unwrap(),
            Way::Up => translator.from_app(&packet, &mut out).unwrap(),
        }
        most = most.max(translator.kept());
    }
    (most, translator.kept())
}

fn column(kind: Kind) -> Column {
    Column {
        user_type: 0,
        flags: 9,
        kind,
        name: "c".into(),
    }
}

fn image() -> Kind {
    Kind::Long {
        tag: 0x22,
        max: 0x7fff_ffff,
        collation: None,
        table: vec!["t".into()],
    }
}

fn varbinary_max() -> Kind {
    Kind::Max {
        tag: 0xa5,
        collation: None,
    }
}

fn text(data: Vec<u8>) -> Value {
    Value::Text {
        pointer: vec![7; 16],
        stamp: [7; 8],
        data,
    }
}

/// An answer of one row.
fn answer(kinds: Vec<Kind>, cells: Vec<Value>, manner: Plp) -> Vec<u8> {
    let message = [
        Token::Columns(Some(kinds.into_iter().map(column).collect())),
        Token::Row {
            cells,
            is_compressed: false,
        },
        Token::Done {
            tag: 0xfd,
            status: 0x10,
            command: 0xc1,
            rows: 1,
        },
    ];
    write(&message, &mut Vec::new(), &[manner]).0
}

#[track_caller]
fn passes(old: Old, kind: u8, payload: &[u8]) {
    let (most, at_rest) = kept(old, PACKET, kind, payload);
    assert!(most <= 5 * PACKET, "{most} bytes kept at {old:?}");
    assert!(at_rest <= AT_REST, "{at_rest} bytes kept behind it");
}

#[test]
fn nothing_is_kept_of_a_value_whose_length_was_told() {
    let long = || vec![0x41; LONG];
    for old in Old::ALL {
        let value = Value::Bytes(long());
        let xml = Kind::Xml { schema: None };
        passes(
            old,
            4,
            &answer(vec![varbinary_max()], vec![value.clone()], KNOWN),
        );
        passes(old, 4, &answer(vec![xml], vec![value], KNOWN));
        passes(old, 4, &answer(vec![image()], vec![text(long())], KNOWN));
    }
}

/// A row that may have to be taken back waits, but not with everything in it.
#[test]
fn nothing_is_kept_of_a_long_value_in_front_of_one_that_may_be_held() {
    for old in Old::ALL {
        let kinds = vec![image(), varbinary_max()];
        let cells = vec![text(vec![0x41; LONG]), Value::Bytes(vec![1, 2, 3])];
        passes(old, 4, &answer(kinds, cells, UNKNOWN));
        let short = Kind::Len16 {
            tag: 0xa5,
            max: 8000,
            collation: None,
        };
        let mut kinds = vec![short; 100];
        kinds.push(varbinary_max());
        let mut cells = vec![Value::Bytes(vec![0x41; 8000]); 100];
        cells.push(Value::Bytes(vec![1, 2, 3]));
        let payload = answer(kinds, cells, UNKNOWN);
        let (most, _) = kept(old, PACKET, 4, &payload);
        assert!(most <= 8 * PACKET, "{most} bytes kept at {old:?}");
    }
}

#[test]
fn who_reads_chunks_has_nothing_kept() {
    for old in [Old::V72, Old::V73A] {
        let value = Value::Bytes(vec![0x41; LONG]);
        passes(old, 4, &answer(vec![varbinary_max()], vec![value], UNKNOWN));
    }
}

#[test]
fn of_a_value_whose_length_was_not_told_the_limit_is_kept_and_then_nothing() {
    for length in [LONG / 4 - 1, LONG] {
        let value = Value::Bytes(vec![0x41; length]);
        let payload = answer(vec![varbinary_max()], vec![value], UNKNOWN);
        let (most, at_rest) = kept(Old::V71, LONG / 4, 4, &payload);
        assert!(most <= LONG / 2 + 5 * PACKET, "{most} bytes kept");
        assert!(at_rest <= AT_REST, "{at_rest} bytes kept behind it");
    }
}

/// While the message that it stood in goes on.
#[test]
fn the_memory_of_a_long_value_goes_with_it() {
    let row = |length| Token::Row {
        cells: vec![Value::Bytes(vec![0x41; length])],
        is_compressed: false,
    };
    let columns = Token::Columns(Some(vec![column(varbinary_max())]));
    let mut message = vec![columns, row(LONG)];
    message.extend((0..200).map(|_| row(50)));
    let (payload, _) = write(&message, &mut Vec::new(), &[UNKNOWN]);
    let mut translator = translator(Old::V71, PACKET, 2 * LONG);
    let mut kept = Vec::new();
    for packet in packets(4, 1, &payload, &[PACKET - 8]) {
        let mut out = Vec::new();
        translator.from_upstream(&packet, &mut out).unwrap();
        kept.push(translator.kept());
    }
    assert!(kept.iter().max() > Some(&LONG));
    let before_the_end = kept.iter().rev().nth(1).unwrap();
    assert!(
        *before_the_end <= 20 * PACKET,
        "{before_the_end} bytes kept"
    );
}

#[test]
fn nothing_is_kept_of_requests() {
    for old in [Old::V70, Old::V71] {
        let kind = image().of_parameter();
        let value = Value::Bytes(vec![0x41; LONG]);
        let parameter = Parameter {
            name: "@p".into(),
            status: 0,
            kind,
            value,
        };
        let call = Request::Calls {
            calls: vec![Call {
                procedure: Procedure::Numbered(10),
                options: 0,
                parameters: vec![parameter; 2],
            }],
            is_trailing: false,
        };
        let bulk = Request::Bulk {
            columns: vec![column(image())],
            rows: vec![vec![text(vec![0x41; LONG])]; 2],
            status: 0,
            command: 0,
            count: 2,
        };
        let batch = Request::Batch("a".repeat(LONG));
        for request in [call, bulk, batch] {
            passes(old, request.kind(), &request.write(old));
        }
    }
}

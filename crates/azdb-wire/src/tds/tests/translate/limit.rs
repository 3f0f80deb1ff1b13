//! A value whose length is not told before it, and is more than may be held: the row is given up, and everything behind it stands.

use alloc::vec;
use alloc::vec::Vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::any_stream::{Session, any_session};
use super::app::Old;
use super::expected::Oracle;
use super::server::{Column, Token, packets, write};
use super::through::{Checked, NO_LIMIT, Way, read, through, translator};
use super::types::{Kind, Plp, Value};

const UNKNOWN: [Plp; 1] = [Plp {
    is_total_known: false,
    chunk: 7,
}];
const KNOWN: [Plp; 1] = [Plp {
    is_total_known: true,
    chunk: 7,
}];

const ERROR_BIT: u16 = 2;

fn column(kind: Kind) -> Column {
    Column {
        user_type: 0,
        flags: 9,
        kind,
        name: "c".into(),
    }
}

fn number(number: u8) -> Value {
    Value::Bytes(vec![number, 0, 0, 0])
}

fn text(length: usize) -> Value {
    Value::Bytes(vec![0x41; length])
}

fn row(cells: [Value; 3]) -> Token {
    Token::Row {
        cells: cells.to_vec(),
        is_compressed: false,
    }
}

fn done(status: u16, rows: u64) -> Token {
    Token::Done {
        tag: 0xfd,
        status,
        command: 0xc1,
        rows,
    }
}

/// A number, a varchar(max), a number; three rows, the second with so many bytes of text; then another result.
fn two_results(length: usize) -> Vec<Token> {
    let collation = Some([1, 2, 3, 4, 5]);
    let int = || column(Kind::Len8 { tag: 0x26, max: 4 });
    let columns = vec![
        int(),
        column(Kind::Max {
            tag: 0xa7,
            collation,
        }),
        int(),
    ];
    vec![
        Token::Columns(Some(columns)),
        row([number(1), text(2), number(2)]),
        row([number(3), text(length), number(4)]),
        row([number(5), text(4), number(6)]),
        done(0x11, 3),
        Token::Columns(Some(vec![int()])),
        Token::Row {
            cells: vec![number(7)],
            is_compressed: false,
        },
        done(0x10, 1),
    ]
}

fn answered(
    old: Old,
    message: &[Token],
    manners: &[Plp],
    share: usize,
    limit: usize,
) -> Vec<Token> {
    let (payload, _) = write(message, &mut Vec::new(), manners);
    let bytes = packets(4, 9, &payload, &[share]).concat();
    let out = through(&mut translator(old, 512, limit), Way::Down, [&bytes[..]]).unwrap();
    let mut messages = read(old, &out, 512, 9).unwrap();
    assert_eq!(messages.len(), 1);
    messages.remove(0)
}

#[test]
fn a_value_of_unknown_length_up_to_the_limit_arrives() {
    for old in [Old::V70, Old::V71, Old::V71Revision1] {
        for length in [0, 99, 100] {
            let message = two_results(length);
            let wanted = Oracle::new(old).hears(&message);
            assert_eq!(answered(old, &message, &UNKNOWN, 504, 100), wanted);
        }
    }
}

#[test]
fn a_value_of_known_length_has_no_limit() {
    for old in Old::ALL {
        let message = two_results(10_000);
        let wanted = Oracle::new(old).hears(&message);
        assert_eq!(answered(old, &message, &KNOWN, 504, 100), wanted, "{old:?}");
    }
}

#[test]
fn who_reads_values_in_chunks_has_no_limit() {
    for old in [Old::V72, Old::V73A] {
        let message = two_results(10_000);
        let wanted = Oracle::new(old).hears(&message);
        assert_eq!(
            answered(old, &message, &UNKNOWN, 504, 100),
            wanted,
            "{old:?}"
        );
    }
}

pub(super) fn is_error(token: &Token) -> bool {
    matches!(
        token,
        Token::Report {
            tag: 0xaa,
            class: 11..,
            ..
        }
    )
}

/// None of it has left: a short row waits for what may have to be taken back, in however many packets it comes.
#[test]
fn a_value_beyond_the_limit_ends_its_result_with_an_error() {
    for old in [Old::V70, Old::V71, Old::V71Revision1] {
        for share in [1, 2, 3, 11, 60, 504] {
            let message = two_results(101);
            let wanted = Oracle::new(old).hears(&message);
            let have = answered(old, &message, &UNKNOWN, share, 100);
            let mut rest = have.iter();
            assert_eq!(rest.next(), Some(&wanted[0]));
            assert_eq!(rest.next(), Some(&wanted[1]));
            let next = rest.next();
            assert!(next.is_some_and(is_error), "{next:?} at {share}");
            let Some(Token::Done { tag, status, .. }) = rest.next() else {
                unreachable!("no end of the result");
            };
            assert_eq!((*tag, *status & !0x10), (0xfd, 1 | ERROR_BIT));
            assert_eq!(rest.as_slice(), &wanted[5..], "{old:?} {share}");
        }
    }
}

/// More than a packet of the row has left.
#[test]
fn a_value_beyond_the_limit_in_a_long_row_is_null_and_ends_its_result_with_an_error() {
    for old in [Old::V70, Old::V71, Old::V71Revision1] {
        for share in [1, 60, 504] {
            let front = column(Kind::Long {
                tag: 0x22,
                max: 0x7fff_ffff,
                collation: None,
                table: Vec::new(),
            });
            let long = || Value::Text {
                pointer: vec![7; 16],
                stamp: [7; 8],
                data: vec![0x42; 3000],
            };
            let max = || {
                column(Kind::Max {
                    tag: 0xa5,
                    collation: None,
                })
            };
            let message = [
                Token::Columns(Some(vec![front, max(), max()])),
                row([long(), text(101), text(3)]),
                row([long(), text(1), text(3)]),
                done(0x10, 2),
            ];
            let have = answered(old, &message, &UNKNOWN, share, 100);
            let [Token::Columns(_), Token::Row { cells, .. }, error, end] = &have[..] else {
                unreachable!("{have:?}");
            };
            assert_eq!(cells[..2], [long(), Value::Null]);
            assert!(matches!(&cells[2], Value::Text { data, .. } if data.len() == 3));
            assert!(is_error(error));
            assert!(matches!(end, Token::Done { status, .. } if status & ERROR_BIT != 0));
        }
    }
}

#[test]
fn a_procedure_gives_back_null_in_place_of_each_value_beyond_the_limit() {
    for old in [Old::V70, Old::V71, Old::V71Revision1] {
        for share in [1, 504] {
            let returned = |length| Token::Returned {
                ordinal: 1,
                status: 1,
                column: column(Kind::Max {
                    tag: 0xa5,
                    collation: None,
                }),
                value: text(length),
            };
            let message = [returned(300), returned(200), returned(100), done(0, 0)];
            let have = answered(old, &message, &UNKNOWN, share, 100);
            let values = have.iter().filter_map(|token| match token {
                Token::Returned { value, .. } => Some(value.clone()),
                _ => None,
            });
            let [Value::Null, Value::Null, Value::Text { data, .. }] =
                &values.collect::<Vec<_>>()[..]
            else {
                unreachable!("{have:?}");
            };
            assert_eq!(data.len(), 100);
            assert!(have.iter().any(is_error), "{have:?}");
            assert!(
                matches!(have.last(), Some(Token::Done { status, .. }) if status & ERROR_BIT != 0)
            );
        }
    }
}

/// Whether a value takes more than may be held; the mark of UTF-16 in xml counts or does not.
fn is_beyond(kind: &Kind, value: &Value, limit: usize) -> bool {
    match (kind, value) {
        (Kind::Max { .. } | Kind::Xml { .. } | Kind::Udt { .. }, Value::Bytes(bytes)) => {
            bytes.len() > limit
        }
        _ => false,
    }
}

fn is_doubtful(kind: &Kind, value: &Value, limit: usize) -> bool {
    matches!((kind, value), (Kind::Xml { .. }, Value::Bytes(bytes))
        if bytes.len() > limit && bytes.len() <= limit + 2)
}

/// One message with its rows thinned out as they must be: the row beyond the limit has NULL there, and none follow it in its result.
/// Reports are left out, as are counts of rows.
fn thinned(message: &[Token], columns: &mut Vec<Column>, limit: usize) -> Vec<(Token, bool)> {
    let mut out = Vec::new();
    let mut is_over = false;
    for token in message {
        match token.clone() {
            Token::Row { .. } if is_over => {}
            Token::Row {
                mut cells,
                is_compressed,
            } => {
                for (cell, column) in cells.iter_mut().zip(&*columns) {
                    if is_beyond(&column.kind, cell, limit) {
                        *cell = Value::Null;
                        is_over = true;
                    }
                }
                let row = Token::Row {
                    cells,
                    is_compressed,
                };
                out.push((row, is_over));
            }
            Token::Returned {
                ordinal,
                status,
                column,
                value,
            } => {
                let is_beyond = is_beyond(&column.kind, &value, limit);
                // Nothing but its end should follow.
                is_over |= is_beyond;
                let value = if is_beyond { Value::Null } else { value };
                out.push((
                    Token::Returned {
                        ordinal,
                        status,
                        column,
                        value,
                    },
                    is_beyond,
                ));
            }
            Token::Report { .. } => {}
            token => {
                if let Token::Columns(Some(list)) = &token {
                    columns.clone_from(list);
                }
                if matches!(token, Token::Done { .. }) {
                    is_over = false;
                }
                out.push((token, false));
            }
        }
    }
    out
}

fn without_counts(token: &Token) -> Token {
    match token.clone() {
        Token::Done {
            tag,
            status,
            command,
            ..
        } => Token::Done {
            tag,
            status: status & !(ERROR_BIT | 0x10),
            command,
            rows: 0,
        },
        same => same,
    }
}

fn limited(old: Old, session: &Session, limit: usize) -> Checked<()> {
    let begin = || translator(old, session.packet_size, limit);
    let bytes = session.bytes();
    let out = through(&mut begin(), Way::Down, [&bytes[..]])?;
    let cut = through(&mut begin(), Way::Down, bytes.chunks(1))?;
    prop_assert_eq!(&out, &cut);
    let have = read(old, &out, session.packet_size, session.spid)?;
    prop_assert_eq!(have.len(), session.messages.len());
    let mut columns = Vec::new();
    let mut oracle = Oracle::new(old);
    for (message, have) in session.messages.iter().zip(have) {
        let wanted = thinned(message, &mut columns, limit);
        let is_said = have
            .iter()
            .filter(|it| matches!(it, Token::Report { .. }))
            .count();
        let was_said = message
            .iter()
            .filter(|it| matches!(it, Token::Report { .. }))
            .count();
        let is_beyond = wanted.iter().any(|(_, is_beyond)| *is_beyond);
        prop_assert_eq!(is_said > was_said, is_beyond, "an error is said, or none");
        let is_report = |token: &&Token| !matches!(token, Token::Report { .. });
        let mut have = have.iter().filter(is_report).map(without_counts).peekable();
        for (token, may_lack) in wanted {
            for token in oracle.hears(&[token]).iter().map(without_counts) {
                match have.peek() {
                    Some(it) if *it == token => drop(have.next()),
                    other => prop_assert!(may_lack, "{token:?}, and not {other:?}"),
                }
            }
        }
        prop_assert_eq!(have.next(), None);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn whatever_is_beyond_the_limit_everything_else_arrives(
        old in select(&[Old::V70, Old::V71, Old::V71Revision1][..]),
        mut session in any_session(5),
        limit in 0..40usize,
    ) {
        for manner in &mut session.manners {
            manner.is_total_known = false;
        }
        let mut columns = Vec::new();
        for token in session.messages.iter().flatten() {
            match token {
                Token::Columns(Some(list)) => columns.clone_from(list),
                Token::Row { cells, .. } => {
                    let mut cells = columns.iter().zip(cells);
                    prop_assume!(!cells.any(|(it, cell)| is_doubtful(&it.kind, cell, limit)));
                }
                Token::Returned { column, value, .. } => {
                    prop_assume!(!is_doubtful(&column.kind, value, limit));
                }
                _ => {}
            }
        }
        limited(old, &session, limit)?;
        limited(old, &session, NO_LIMIT)?;
    }
}

//! Any answers of a server: results, values that a procedure returns, what happens beside them.

use alloc::vec;
use alloc::vec::Vec;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::any_types::{Seed, any_kind, any_name, any_plp, any_seed};
use super::server::{Column, Message, Token, packets, write};
use super::types::{Place, Plp};

/// Columns of a result at most.
const COLUMNS: usize = 10;

/// A server's side of a session, and how it writes it.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) messages: Vec<Message>,
    pub(super) manners: Vec<Plp>,
    pub(super) shares: Vec<usize>,
    pub(super) spid: u16,
    pub(super) packet_size: usize,
}

impl Session {
    /// The session's packets, each with the number of tokens that are whole when it has come.
    pub(super) fn packets(&self) -> Vec<(Vec<u8>, usize)> {
        let mut columns = Vec::new();
        let mut out = Vec::new();
        let mut before = 0;
        for message in &self.messages {
            let (payload, ends) = write(message, &mut columns, &self.manners);
            let mut have = 0;
            for packet in packets(4, self.spid, &payload, &self.shares) {
                have += packet.len() - 8;
                let whole = ends.iter().filter(|end| **end <= have).count();
                out.push((packet, before + whole));
            }
            before += message.len();
        }
        out
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        self.packets()
            .into_iter()
            .flat_map(|(packet, _)| packet)
            .collect()
    }
}

/// What a message is made of.
#[derive(Debug, Clone)]
enum Part {
    Result {
        columns: Manner,
        beside: Vec<Token>,
        rows: Vec<(bool, Vec<Seed>)>,
        end: Token,
    },
    Returned {
        ordinal: u16,
        status: u8,
        column: Column,
        seed: Seed,
    },
    Token(Token),
}

/// How a result says what its columns are.
#[derive(Debug, Clone)]
enum Manner {
    New(Vec<Column>),
    AsBefore,
    Silent,
}

impl Part {
    fn tokens(self, columns: &mut Vec<Column>) -> Vec<Token> {
        match self {
            Self::Token(token) => vec![token],
            Self::Returned {
                ordinal,
                status,
                column,
                seed,
            } => vec![Token::Returned {
                ordinal,
                status,
                value: seed.value(&column.kind, Place::ReturnValue),
                column,
            }],
            Self::Result {
                columns: manner,
                beside,
                rows,
                end,
            } => {
                let mut tokens = match manner {
                    Manner::New(new) => {
                        columns.clone_from(&new);
                        vec![Token::Columns(Some(new))]
                    }
                    Manner::AsBefore => vec![Token::Columns(None)],
                    Manner::Silent => Vec::new(),
                };
                tokens.extend(beside);
                if !columns.is_empty() {
                    let rows = rows.iter().map(|(is_compressed, seeds)| Token::Row {
                        cells: columns
                            .iter()
                            .zip(seeds)
                            .map(|(column, seed)| seed.value(&column.kind, Place::Row))
                            .collect(),
                        is_compressed: *is_compressed,
                    });
                    tokens.extend(rows);
                }
                tokens.push(end);
                tokens
            }
        }
    }
}

fn any_column() -> impl Strategy<Value = Column> {
    (any::<u32>(), any::<u16>(), any_kind(), any_name()).prop_map(
        |(user_type, flags, kind, name)| Column {
            user_type,
            flags,
            kind,
            name,
        },
    )
}

fn any_done() -> impl Strategy<Value = Token> {
    let rows = prop_oneof![0..9u64, Just(u64::from(u32::MAX)), any::<u64>()];
    (0xfd..=0xffu8, any::<u16>(), any::<u16>(), rows).prop_map(|(tag, status, command, rows)| {
        Token::Done {
            tag,
            status,
            command,
            rows,
        }
    })
}

/// COLINFO has a name where bit 5 of its status says that the column's own is another.
fn any_column_info() -> impl Strategy<Value = Token> {
    vec((any::<[u8; 3]>(), any_name()), 0..4).prop_map(|columns| {
        let mut body = Vec::new();
        for (info, name) in columns {
            body.extend_from_slice(&info);
            if info[2] & 0x20 != 0 {
                body.push(u8::try_from(name.encode_utf16().count()).unwrap());
                crate::tds::push_utf16(&name, &mut body);
            }
        }
        Token::Counted { tag: 0xa5, body }
    })
}

fn any_beside() -> impl Strategy<Value = Vec<Token>> {
    let tables = vec(vec(any_name(), 1..5), 1..3).prop_map(Token::Tables);
    let order = vec(any::<u16>(), 0..4).prop_map(|columns| Token::Counted {
        tag: 0xa9,
        body: columns.into_iter().flat_map(u16::to_le_bytes).collect(),
    });
    let some = proptest::option::weighted(0.3, tables);
    let info = proptest::option::weighted(0.3, any_column_info());
    (some, info, proptest::option::weighted(0.3, order))
        .prop_map(|(tables, info, order)| [tables, info, order].into_iter().flatten().collect())
}

fn any_report() -> impl Strategy<Value = Token> {
    let line = prop_oneof![0..100u32, Just(0xffff), Just(0x1_0000), any::<u32>()];
    let names = [any_name(), any_name()];
    (
        0xaa..=0xabu8,
        any::<(u32, u8, u8)>(),
        ".{0,40}",
        names,
        line,
    )
        .prop_map(
            |(tag, (number, state, class), text, names, line)| Token::Report {
                tag,
                number,
                state,
                class,
                text,
                names,
                line,
            },
        )
}

fn b_varbyte(bytes: &[u8]) -> Vec<u8> {
    [&[u8::try_from(bytes.len()).unwrap()], bytes].concat()
}

fn b_varchar(text: &str) -> Vec<u8> {
    let mut out = vec![u8::try_from(text.encode_utf16().count()).unwrap()];
    crate::tds::push_utf16(text, &mut out);
    out
}

/// New value, then old value (MS-TDS 2.2.7.9).
fn any_change() -> impl Strategy<Value = Token> {
    let kinds = &[1u8, 2, 4, 7, 8, 9, 10, 11, 12, 13, 15, 16, 17, 18, 19][..];
    (select(kinds), [any_name(), any_name()], any::<[u8; 8]>()).prop_map(|(kind, names, number)| {
        let values = match kind {
            1..=4 | 13 | 19 => names.iter().flat_map(|name| b_varchar(name)).collect(),
            7 => [b_varbyte(&number[..5]), b_varbyte(&number[3..])].concat(),
            8 | 11 | 16 => [&b_varbyte(&number)[..], &[0]].concat(),
            9 | 10 | 12 | 17 => [&[0], &b_varbyte(&number)[..]].concat(),
            15 => [&[3, 0, 0, 0], &number[..3], &[0]].concat(),
            _ => vec![0, 0],
        };
        Token::Change { kind, values }
    })
}

/// SESSIONSTATE and FEDAUTHINFO.
fn any_unasked() -> impl Strategy<Value = Token> {
    (select(&[0xe4u8, 0xee][..]), vec(any::<u8>(), 0..9)).prop_map(|(tag, body)| {
        let length = u32::try_from(body.len()).unwrap().to_le_bytes();
        Token::Unasked([&[tag][..], &length, &body].concat())
    })
}

fn any_part() -> impl Strategy<Value = Part> {
    let columns = prop_oneof![
        8 => vec(any_column(), 1..=COLUMNS).prop_map(Manner::New),
        1 => Just(Manner::New(Vec::new())),
        1 => Just(Manner::AsBefore),
        1 => Just(Manner::Silent),
    ];
    let row = (any::<bool>(), vec(any_seed(), COLUMNS));
    let result = (columns, any_beside(), vec(row, 0..4), any_done());
    let result = result.prop_map(|(columns, beside, rows, end)| Part::Result {
        columns,
        beside,
        rows,
        end,
    });
    let parameter = any_column().prop_map(|column| Column {
        kind: column.kind.of_parameter(),
        ..column
    });
    let returned = (any::<(u16, u8)>(), parameter, any_seed());
    let returned = returned.prop_map(|((ordinal, status), column, seed)| Part::Returned {
        ordinal,
        status,
        column,
        seed,
    });
    let four = (select(&[0x78u8, 0x79][..]), any::<[u8; 4]>());
    prop_oneof![
        6 => result,
        3 => returned,
        2 => any_report().prop_map(Part::Token),
        2 => any_change().prop_map(Part::Token),
        1 => any_done().prop_map(Part::Token),
        1 => four.prop_map(|(tag, body)| Part::Token(Token::Four { tag, body })),
        1 => vec(any::<u8>(), 0..20)
            .prop_map(|body| Part::Token(Token::Counted { tag: 0xed, body })),
        1 => any_unasked().prop_map(Part::Token),
    ]
}

/// Any session, with so many parts to a message at most.
pub(super) fn any_session(parts: usize) -> impl Strategy<Value = Session> {
    let shares = prop_oneof![
        vec(1..40usize, 1..4),
        vec(1..504usize, 1..4),
        Just(vec![504])
    ];
    (
        vec(vec(any_part(), 0..parts), 1..4),
        vec(any_plp(), 1..4),
        shares,
        any::<u16>(),
        prop_oneof![Just(512usize), Just(4096), 512..600usize],
    )
        .prop_map(|(messages, manners, shares, spid, packet_size)| {
            let mut columns = Vec::new();
            let messages = messages.into_iter().map(|parts| {
                let tokens = parts.into_iter();
                tokens.flat_map(|part| part.tokens(&mut columns)).collect()
            });
            Session {
                messages: messages.collect(),
                manners,
                shares,
                spid,
                packet_size,
            }
        })
}

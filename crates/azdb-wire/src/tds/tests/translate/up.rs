//! Any request of an app of 7.0 or 7.1 reaches a server of 7.4 as what it was, in packets as such a server wants them.

use alloc::vec::Vec;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::any_request::any_sent;
use super::app::Old;
use super::expected::COLLATION;
use super::request::{End, Request, Sent};
use super::request_reader::{self, Received};
use super::server::{Token, packets, write};
use super::through::{Checked, NO_LIMIT, Packet, Way, cut, packets_of, through, translator};
use super::types::Kind;

fn any_old() -> impl Strategy<Value = Old> {
    select(&[Old::V70, Old::V71, Old::V71Revision1][..])
}

/// A transaction begins, or ends, in an answer in front of a request.
#[derive(Debug, Clone, Copy)]
enum Change {
    None,
    Begins(u8, u64),
    Ends(u8),
}

fn any_change() -> impl Strategy<Value = Change> {
    prop_oneof![
        Just(Change::None),
        (select(&[8u8, 11][..]), any::<u64>()).prop_map(|(kind, it)| Change::Begins(kind, it)),
        select(&[9u8, 10, 12, 17][..]).prop_map(Change::Ends),
    ]
}

impl Change {
    fn answer(self) -> Vec<u8> {
        let values = |new: &[u8], old: &[u8]| {
            let lengths = [new, old].map(|it| [u8::try_from(it.len()).unwrap()]);
            [&lengths[0], new, &lengths[1], old].concat()
        };
        let token = match self {
            Self::None => Token::Change {
                kind: 18,
                values: values(&[], &[]),
            },
            Self::Begins(kind, it) => Token::Change {
                kind,
                values: values(&it.to_le_bytes(), &[]),
            },
            Self::Ends(kind) => Token::Change {
                kind,
                values: values(&[], &[7; 8]),
            },
        };
        let (payload, _) = write(&[token], &mut Vec::new(), &[]);
        packets(4, 51, &payload, &[5]).concat()
    }
}

/// What a server must understand: collations of the login where the app wrote none, and no opinion on how long a text may be
/// or on whether columns are known.
fn wanted(old: Old, request: &Request) -> Request {
    let mut request = request.clone();
    request.forget_columns();
    let kinds: Vec<&mut Kind> = match &mut request {
        Request::Calls { calls, .. } => calls
            .iter_mut()
            .flat_map(|call| call.parameters.iter_mut().map(|it| &mut it.kind))
            .collect(),
        Request::Bulk { columns, .. } => columns.iter_mut().map(|it| &mut it.kind).collect(),
        _ => Vec::new(),
    };
    for kind in kinds {
        match kind {
            Kind::Len16 {
                collation: Some(collation),
                ..
            }
            | Kind::Long {
                collation: Some(collation),
                ..
            } if old == Old::V70 => *collation = COLLATION,
            _ => {}
        }
    }
    request
}

/// One message as a server receives it: at most what an Attention has left of it.
struct Heard {
    kind: u8,
    first: u8,
    last: u8,
    payload: Vec<u8>,
    is_whole: bool,
}

fn heard(packets: &[Packet<'_>], packet_size: usize) -> Checked<Vec<Heard>> {
    let mut messages: Vec<Heard> = Vec::new();
    let mut is_open = false;
    for (index, packet) in packets.iter().enumerate() {
        let is_last = packet.status & 1 == 1;
        prop_assert!(
            is_last || packet.payload.len() + 8 == packet_size,
            "packet {index} of {} bytes is not a message's last",
            packet.payload.len() + 8,
        );
        if is_open && packet.kind != 6 {
            let message = messages.last_mut().unwrap();
            prop_assert_eq!(packet.kind, message.kind);
            prop_assert!(
                !packet.payload.is_empty() || packet.status & 2 == 2,
                "an empty last packet"
            );
            prop_assert!(packet.status & 0x18 == 0, "a reset inside a message");
            message.payload.extend_from_slice(packet.payload);
            message.last = packet.status;
            message.is_whole = is_last;
        } else {
            messages.push(Heard {
                kind: packet.kind,
                first: packet.status,
                last: packet.status,
                payload: packet.payload.to_vec(),
                is_whole: is_last,
            });
        }
        is_open = !is_last;
    }
    Ok(messages)
}

fn check(old: Old, sent: &Sent, transaction: u64, out: &[u8], packet_size: usize) -> Checked<()> {
    let messages = heard(&packets_of(out, packet_size)?, packet_size)?;
    let kind = sent.request.kind();
    if let [message, ..] = &messages[..]
        && message.kind != 6
    {
        prop_assert_eq!(message.first & 0x18, sent.reset, "reset");
    }
    match (sent.end, &messages[..]) {
        (End::Whole, [message]) => {
            prop_assert_eq!((message.kind, message.last & !0x18), (kind, 1));
            let read = request_reader::read(kind, &message.payload);
            let read = read.map_err(|stop| TestCaseError::fail(alloc::format!("{stop:?}")))?;
            let transaction = matches!(kind, 1 | 3 | 14).then_some(transaction);
            let request = wanted(old, &sent.request);
            prop_assert_eq!(
                read,
                Received {
                    transaction,
                    request
                }
            );
        }
        (End::Ignored(_), [message]) => {
            prop_assert_eq!((message.kind, message.last & !0x18), (kind, 3));
        }
        (End::Stopped(_), [attention]) => prop_assert_eq!(attention.kind, 6),
        (End::Stopped(_), [half, attention]) => {
            prop_assert!(!half.is_whole && half.kind == kind);
            prop_assert_eq!((attention.kind, attention.payload.len()), (6, 0));
        }
        (end, messages) => prop_assert!(false, "{} messages for {end:?}", messages.len()),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_server_reads_what_an_app_asked(
        old in any_old(),
        asked in vec((any_change(), any_sent()), 1..5),
        shares in prop_oneof![vec(1..504usize, 1..4), Just([504].to_vec())],
        packet_size in 512..600usize,
        sizes in vec(1..900usize, 1..4),
    ) {
        let mut translator = translator(old, packet_size, NO_LIMIT);
        let mut transaction = 0;
        for (change, sent) in &asked {
            through(&mut translator, Way::Down, [&change.answer()[..]])?;
            transaction = match change {
                Change::None => transaction,
                Change::Begins(_, it) => *it,
                Change::Ends(_) => 0,
            };
            let bytes = sent.packets(old, &shares).concat();
            let out = through(&mut translator, Way::Up, cut(&bytes, &sizes))?;
            // A reset that an Attention has overtaken is none: the server has not heard of it.
            if sent.reset == 8 && out.first() != Some(&6) {
                transaction = 0;
            }
            check(old, sent, transaction, &out, packet_size)?;
        }
    }

    /// What a translator makes of them is what apps from 7.2 on write.
    #[test]
    fn requests_of_7_4_pass_as_they_are(
        old in select(&[Old::V72, Old::V73A][..]), mut sent in any_sent(),
        sizes in vec(1..900usize, 1..4),
    ) {
        sent.request.forget_columns();
        // Of one that is stopped, the server hears as much as does not wait for more.
        prop_assume!(!matches!(sent.end, End::Stopped(_)));
        let written = sent.packets(Old::V71, &[200]).concat();
        let written = through(&mut translator(Old::V71, 512, NO_LIMIT), Way::Up, [&written[..]])?;
        let passed = through(&mut translator(old, 512, NO_LIMIT), Way::Up, cut(&written, &sizes))?;
        prop_assert_eq!(passed, written);
    }

    #[test]
    fn requests_do_not_depend_on_how_reads_cut_them(old in any_old(), sent in any_sent()) {
        let bytes = sent.packets(old, &[100]).concat();
        let whole = through(&mut translator(old, 512, NO_LIMIT), Way::Up, [&bytes[..]])?;
        let cut = through(&mut translator(old, 512, NO_LIMIT), Way::Up, bytes.chunks(1))?;
        prop_assert_eq!(whole, cut);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    #[test]
    fn a_small_request_may_be_cut_at_any_one_place(old in any_old(), sent in any_sent()) {
        let bytes = sent.packets(old, &[300]).concat();
        prop_assume!(bytes.len() < 1500);
        let whole = through(&mut translator(old, 512, NO_LIMIT), Way::Up, [&bytes[..]])?;
        for at in 0..bytes.len() {
            let (front, back) = bytes.split_at(at);
            let cut = through(&mut translator(old, 512, NO_LIMIT), Way::Up, [front, back])?;
            prop_assert_eq!(&whole, &cut);
        }
    }
}

#[test]
fn requests_of_7_2_are_those_of_7_4() {
    for old in [Old::V72, Old::V73A] {
        let mut translator = translator(old, 512, NO_LIMIT);
        for kind in [1, 3, 6, 7, 14] {
            // ALL_HEADERS of four bytes, and a call by number.
            let payload = [&[4, 0, 0, 0, 0xff, 0xff, 10, 0, 5, 0], &[0x80; 2000][..]].concat();
            let mut asked = packets(kind, 0, &payload, &[504]);
            asked[0][1] |= 0x08;
            let asked = asked.concat();
            let heard = through(&mut translator, Way::Up, cut(&asked, &[300])).unwrap();
            assert_eq!(heard, asked, "{old:?}, type {kind}");
        }
    }
}

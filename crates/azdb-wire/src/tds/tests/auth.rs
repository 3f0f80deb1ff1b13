use crate::tds::*;
use proptest::prelude::*;
use tds_protocol::token::{Token as TheirToken, TokenParser};

use super::{PLAIN, Written, utf16};
use alloc::vec;
use alloc::vec::Vec;

/// ENVCHANGE database, INFO, a DONEINPROC before it all, LOGINACK, features, routing, mirror, DONE.
fn answer_of_a_server() -> Vec<u8> {
    let mut out = Vec::new();
    Done {
        tag: tag::DONE_IN_PROC,
        ..Done::ERROR
    }
    .encode(Width::Wide, &mut out);
    let envchange = |kind: u8, values: &[u8], out: &mut Vec<u8>| {
        out.push(tag::ENV_CHANGE);
        out.extend_from_slice(&u16::try_from(values.len() + 1).unwrap().to_le_bytes());
        out.push(kind);
        out.extend_from_slice(values);
    };
    let strings = |new: &str, old: &str| {
        let mut values = vec![u8::try_from(new.len()).unwrap()];
        push_utf16(new, &mut values);
        values.push(u8::try_from(old.len()).unwrap());
        push_utf16(old, &mut values);
        values
    };
    envchange(1, &strings("orders", "master"), &mut out);
    envchange(13, &strings("mirror", ""), &mut out);
    Report {
        is_error: false,
        number: 5701,
        state: 2,
        class: 0,
        message: &utf16("Changed database context to 'orders'."),
        server: &utf16("srv"),
        procedure: &[],
        line: 70_000,
    }
    .encode(Width::Wide, &mut out);
    let program = [&[20][..], &utf16("Microsoft SQL Server"), &[12, 0, 7, 0xd0]].concat();
    let length = u16::try_from(program.len() + 5).unwrap();
    out.push(tag::LOGIN_ACK);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&[1, 0x74, 0, 0, 4]);
    out.extend_from_slice(&program);
    envchange(change::PACKET_SIZE, &strings("8000", "4096"), &mut out);
    out.extend_from_slice(b"\xae\x02\0\0\0\0\x0a\x01\0\0\0\x01\x09\x02\0\0\0\x02\x01\xff");
    Done {
        status: 0,
        ..Done::ERROR
    }
    .encode(Width::Wide, &mut out);
    out
}

fn routing(host: &str, port: u16) -> Vec<u8> {
    let mut block = vec![0];
    block.extend_from_slice(&port.to_le_bytes());
    block.extend_from_slice(&u16::try_from(host.len()).unwrap().to_le_bytes());
    push_utf16(host, &mut block);
    let mut out = vec![tag::ENV_CHANGE];
    out.extend_from_slice(&u16::try_from(block.len() + 5).unwrap().to_le_bytes());
    out.push(change::ROUTING);
    out.extend_from_slice(&u16::try_from(block.len()).unwrap().to_le_bytes());
    out.extend_from_slice(&block);
    out.extend_from_slice(&[0, 0]);
    out
}

#[test]
fn an_answer_is_understood() {
    let payload = answer_of_a_server();
    let answer = LoginAnswer::parse(&payload, Version::V7_4).unwrap();
    assert!(answer.version.is_some());
    assert_eq!(answer.fed_auth, FedAuthAck::Taken);
    assert_eq!(answer.packet_size, Some(8000));
    assert_eq!(answer.routing, None);
    assert_eq!(answer.error, None);

    let routed = [routing("db1.tr1.database.windows.net", 11_000), payload].concat();
    let answer = LoginAnswer::parse(&routed, Version::V7_4).unwrap();
    let routing = answer.routing.unwrap();
    assert_eq!(routing.port, 11_000);
    assert_eq!(from_utf16(routing.server), "db1.tr1.database.windows.net");
}

#[test]
fn an_app_reads_only_what_it_asked_for_in_its_own_widths() {
    let bytes = Written {
        version: 0x7100_0001,
        fixed: 86,
        program: [0x06, 0x83, 0xf2, 0xf8],
        lcid: 0x436,
        texts: ["h", "sa", "p", "tsql", "s", "TDS-Library", "", ""],
        ..PLAIN
    }
    .bytes();
    let manner = Manner::of(&Login7::parse(&bytes).unwrap());
    let payload = [
        routing("db1.tr1.database.windows.net", 11_000),
        answer_of_a_server(),
    ]
    .concat();
    let mut out = Vec::new();
    LoginAnswer::parse(&payload, Version::V7_4)
        .unwrap()
        .rewrite(&manner, None, &mut out);
    // DONEINPROC before LOGINACK is narrow, and so is DONE behind it; line 70,000 does not fit in two bytes.
    assert_eq!(out.get(..9), Some(&[0xff, 2, 0, 0, 0, 0, 0, 0, 0][..]));
    assert!(!out.ends_with(&[0; 10]));
    assert!(out.ends_with(&[0xfd, 0, 0, 0, 0, 0, 0, 0, 0]));
    let ack = [0x71, 0, 0, 1];
    assert!(out.windows(4).any(|window| window == ack));
    let info = out.windows(2).position(|pair| pair == [0xff, 0xff]);
    assert!(info.is_some());
    assert!(!out.contains(&tag::FEATURE_EXT_ACK));
    for gone in ["mirror", "db1.tr1"] {
        let gone = utf16(gone);
        assert!(!out.windows(gone.len()).any(|window| window == gone));
    }
}

#[test]
fn what_a_modern_app_reads_is_what_another_decoder_reads() {
    let features = b"\x02\x0c\0\0\0\x02\x07\0\0\0t\0o\0k\0\0\x0a\x01\0\0\0\x01\xff";
    let bytes = Written {
        version: 0x0800_0000,
        flags: [0xe0, 0x03, 0, 0x10],
        features,
        ..PLAIN
    }
    .bytes();
    let manner = Manner::of(&Login7::parse(&bytes).unwrap());
    let payload = answer_of_a_server();
    let mut out = Vec::new();
    LoginAnswer::parse(&payload, Version::V7_4)
        .unwrap()
        .rewrite(&manner, None, &mut out);
    let mut theirs = TokenParser::new(out.into());
    let (mut version, mut features) = (None, Vec::new());
    while let Some(token) = theirs.next_token().unwrap() {
        match token {
            TheirToken::LoginAck(ack) => version = Some(ack.tds_version),
            TheirToken::FeatureExtAck(ack) => {
                features.extend(ack.features.iter().map(|ack| ack.feature_id));
            }
            _ => {}
        }
    }
    // That decoder reads the bytes in the other order.
    assert_eq!(version.map(u32::swap_bytes), Some(0x0800_0000));
    assert_eq!(features, [0x02, 0x0a]);
}

#[test]
fn errors_of_the_upstream_arrive_verbatim() {
    let report = Report {
        is_error: true,
        number: 40_615,
        state: 1,
        class: 14,
        message: &utf16("Cannot open server 'srv' requested by the login."),
        server: &utf16("srv"),
        procedure: &[],
        line: 1,
    };
    let mut payload = Vec::new();
    report.encode(Width::Wide, &mut payload);
    Done::ERROR.encode(Width::Wide, &mut payload);
    let answer = LoginAnswer::parse(&payload, Version::V7_4).unwrap();
    assert_eq!(answer.error, Some(report));
    let mut out = Vec::new();
    answer.rewrite(&Manner::UNKNOWN, None, &mut out);
    assert_eq!(out, payload);
}

proptest! {
    #[test]
    fn no_bytes_make_the_token_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = LoginAnswer::parse(&bytes, Version::V7_4);
        let _ = Login7::parse(&bytes);
    }

    #[test]
    fn an_answer_that_is_cut_off_is_an_error(length in 0usize..400) {
        let payload = answer_of_a_server();
        let cut = payload.get(..length.min(payload.len())).unwrap();
        let whole: Vec<_> = StreamTokens::of(&payload, Width::Wide).collect();
        let tokens: Vec<_> = StreamTokens::of(cut, Width::Wide).collect();
        let good = tokens.iter().filter(|token| token.is_ok()).count();
        prop_assert!(good >= tokens.len().saturating_sub(1));
        for (token, expected) in tokens.iter().zip(&whole) {
            // A list of features may end with its message.
            if let Ok(token) = token && !matches!(token, StreamToken::Features(_)) {
                prop_assert_eq!(Ok(*token), *expected);
            }
        }
    }
}

/// A token of an answer, by what becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// ENVCHANGE database.
    Change,
    Routing,
    Mirror,
    Info,
    /// LOGINACK for 7.4.
    Ack,
    /// A grant of these features, empty ones.
    Features([u8; 2]),
    Done,
}

fn any_part() -> impl Strategy<Value = Part> {
    let id = || prop::sample::select([feature_id::FED_AUTH, 0x01, 0x04, 0x0a].as_slice());
    prop_oneof![
        Just(Part::Change),
        Just(Part::Routing),
        Just(Part::Mirror),
        Just(Part::Info),
        Just(Part::Ack),
        [id(), id()].prop_map(Part::Features),
        Just(Part::Done),
    ]
}

impl Part {
    fn push(self, out: &mut Vec<u8>) {
        let change = |kind: u8, out: &mut Vec<u8>| {
            out.extend_from_slice(&[tag::ENV_CHANGE, 3, 0, kind, 0, 0]);
        };
        match self {
            Self::Change => change(1, out),
            Self::Routing => out.extend(routing("db1", 11_000)),
            Self::Mirror => change(change::MIRROR, out),
            Self::Info => Report {
                is_error: false,
                number: 5701,
                state: 1,
                class: 0,
                message: &utf16("m"),
                server: &[],
                procedure: &[],
                line: 1,
            }
            .encode(Width::Wide, out),
            Self::Ack => {
                out.extend_from_slice(&[tag::LOGIN_ACK, 7, 0, 1, 0x74, 0, 0, 4, 0, 0]);
            }
            Self::Features([one, other]) => {
                out.extend_from_slice(&[tag::FEATURE_EXT_ACK, one, 0, 0, 0, 0]);
                out.extend_from_slice(&[other, 0, 0, 0, 0, feature_id::END]);
            }
            Self::Done => Done {
                status: 0,
                ..Done::ERROR
            }
            .encode(Width::Wide, out),
        }
    }
}

proptest! {
    /// In whichever order a server says what it says.
    #[test]
    fn a_modern_app_reads_all_but_what_would_lead_it_past_us_or_was_not_asked_for(
        parts in proptest::collection::vec(any_part(), 0..10), sends_token: bool,
    ) {
        // It asks for features 1 and 10, and perhaps it sends a token of its own.
        let asked: &'static [u8] = match sends_token {
            true => b"\x01\0\0\0\0\x0a\x01\0\0\0\x01\x02\x01\0\0\0\x02\xff",
            false => b"\x01\0\0\0\0\x0a\x01\0\0\0\x01\xff",
        };
        let login = Written { flags: [0xe0, 0x03, 0, 0x10], features: asked, ..PLAIN }.bytes();
        let manner = Manner::of(&Login7::parse(&login).unwrap());
        let (mut payload, mut out) = (Vec::new(), Vec::new());
        parts.iter().for_each(|part| part.push(&mut payload));
        LoginAnswer::parse(&payload, Version::V7_4).unwrap().rewrite(&manner, None, &mut out);

        let answer = LoginAnswer::parse(&out, Version::V7_4).unwrap();
        prop_assert_eq!(answer.routing, None);
        let mut fed_auth_acks = 0;
        let mut kept = Vec::new();
        for token in StreamTokens::of(&out, Width::Wide).map(|token| token.unwrap()) {
            match token {
                StreamToken::Features(features) => for (id, _) in features.iter() {
                    fed_auth_acks += usize::from(id == feature_id::FED_AUTH);
                    prop_assert!([0x01, 0x0a, feature_id::FED_AUTH].contains(&id));
                },
                StreamToken::Change { kind, .. } => kept.push(if kind == 1 { Part::Change } else { Part::Mirror }),
                StreamToken::Report(_) => kept.push(Part::Info),
                StreamToken::LoginAck { version, .. } => {
                    prop_assert_eq!(version, Version::V7_4.to_ack());
                    kept.push(Part::Ack);
                }
                StreamToken::Done(_) => kept.push(Part::Done),
                StreamToken::Other { .. } => prop_assert!(false),
            }
        }
        let gone = |part: &&Part| matches!(part, Part::Routing | Part::Mirror | Part::Features(_));
        prop_assert_eq!(kept, parts.iter().filter(|part| !gone(part)).copied().collect::<Vec<_>>());
        // The driver of an app with a token waits for this word, once, before the end.
        let granted = parts.contains(&Part::Ack) && parts.contains(&Part::Done);
        prop_assert!(fed_auth_acks <= usize::from(sends_token));
        prop_assert!(!granted || fed_auth_acks == usize::from(sends_token));
    }
}

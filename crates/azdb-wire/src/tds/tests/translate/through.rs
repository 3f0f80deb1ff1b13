//! Bytes through a translator, and packets as whoever receives them checks them.

use alloc::format;
use alloc::vec::Vec;
use proptest::prelude::*;

use super::app::{App, Old};
use super::cursor::Stop;
use super::expected::{COLLATION, is_comparable};
use super::server::Token;
use crate::tds::{Dialect, Terms, Translator, Version};

pub(super) type Checked<T> = Result<T, TestCaseError>;

/// More than any value of these tests.
pub(super) const NO_LIMIT: usize = 1 << 20;

pub(super) fn translator(old: Old, packet_size: usize, value_limit: usize) -> Translator {
    Translator::new(&Terms {
        dialect: Dialect::between(old.version(), Version::V7_4).unwrap(),
        packet_size,
        collation: COLLATION,
        value_limit,
    })
}

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Down,
    Up,
}

/// Everything that comes out for pieces that go in.
pub(super) fn through<'a>(
    translator: &mut Translator,
    way: Way,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Checked<Vec<u8>> {
    let mut out = Vec::new();
    for piece in pieces {
        let done = match way {
            Way::Down => translator.from_upstream(piece, &mut out),
            Way::Up => translator.from_app(piece, &mut out),
        };
        done.map_err(|error| TestCaseError::fail(format!("{error} at {piece:02x?}")))?;
    }
    Ok(out)
}

/// Cuts bytes into pieces of these sizes, over and over.
pub(super) fn cut<'a>(bytes: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut rest = bytes;
    let mut pieces = Vec::new();
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, behind) = rest.split_at((*size).min(rest.len()));
        pieces.push(piece);
        rest = behind;
    }
    pieces
}

/// A packet as it is received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Packet<'a> {
    pub(super) kind: u8,
    pub(super) status: u8,
    pub(super) spid: u16,
    pub(super) id: u8,
    pub(super) payload: &'a [u8],
}

/// Whole packets, none larger than was agreed.
pub(super) fn packets_of(bytes: &[u8], packet_size: usize) -> Checked<Vec<Packet<'_>>> {
    let mut rest = bytes;
    let mut packets = Vec::new();
    while !rest.is_empty() {
        prop_assert!(rest.len() >= 8, "half a header");
        let length = usize::from(u16::from_be_bytes([rest[2], rest[3]]));
        prop_assert!((8..=packet_size).contains(&length), "a packet of {length}");
        prop_assert!(rest.len() >= length, "half a packet");
        let (packet, behind) = rest.split_at(length);
        packets.push(Packet {
            kind: packet[0],
            status: packet[1],
            spid: u16::from_be_bytes([packet[4], packet[5]]),
            id: packet[6],
            payload: &packet[8..],
        });
        rest = behind;
    }
    Ok(packets)
}

/// Payloads of the messages in a server's packets; what is behind the last end is the second value.
pub(super) fn messages_of(packets: &[Packet<'_>], spid: u16) -> Checked<(Vec<Vec<u8>>, Vec<u8>)> {
    let mut messages = Vec::new();
    let (mut now, mut id) = (Vec::new(), 0u8);
    for packet in packets {
        prop_assert_eq!((packet.kind, packet.spid), (4, spid));
        id = id.wrapping_add(1);
        prop_assert_eq!(packet.id, id);
        prop_assert!(packet.status <= 1, "status {:02x}", packet.status);
        prop_assert!(
            packet.status == 1 || !packet.payload.is_empty(),
            "an empty packet inside a message"
        );
        now.extend_from_slice(packet.payload);
        if packet.status == 1 {
            messages.push(core::mem::take(&mut now));
            id = 0;
        }
    }
    Ok((messages, now))
}

/// What an app reads of a server's bytes that ends with a message.
pub(super) fn read(
    old: Old,
    bytes: &[u8],
    packet_size: usize,
    spid: u16,
) -> Checked<Vec<Vec<Token>>> {
    let (messages, behind) = messages_of(&packets_of(bytes, packet_size)?, spid)?;
    prop_assert!(behind.is_empty(), "no end of message");
    let mut app = App::new(old);
    let mut all = Vec::new();
    for message in messages {
        let (mut tokens, read) = read_some(&mut app, &message)?;
        prop_assert_eq!(read, message.len(), "half a token behind {:?}", tokens);
        tokens.retain(|token| is_comparable(old, token));
        all.push(tokens);
    }
    Ok(all)
}

/// Whole tokens, and how many bytes they are.
pub(super) fn read_some(app: &mut App, payload: &[u8]) -> Checked<(Vec<Token>, usize)> {
    app.read(payload).map_err(|stop| match stop {
        Stop::Short => TestCaseError::fail("half a token"),
        Stop::Bad(what) => TestCaseError::fail(what),
    })
}

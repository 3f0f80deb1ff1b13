//! What a peer says, by the book and against it.

use proptest::collection::vec;
use proptest::prelude::*;

use super::acts::text;
use super::forge::{
    ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, Keys, LONGEST, handshake, in_the_clear,
    key_update, ticket,
};

/// By the book. Some of it is of one version alone: in the other it is a flaw.
#[derive(Debug, Clone)]
pub(super) enum Line {
    Data { length: usize, padding: usize },
    KeyUpdate { asks: bool },
    SplitKeyUpdate,
    Ticket { length: usize, pieces: usize },
    HelloRequest,
    UserCanceled,
}

/// What is the last of it, nearly always.
#[derive(Debug, Clone)]
pub(super) enum Last {
    Alert {
        level: u8,
        description: u8,
    },
    /// What should come in a record under the next key.
    KeyUpdateAndMore,
    ClientHello,
    ChangeCipherSpec(u8),
    /// A handshake message that is none, or not one for here.
    Handshake {
        kind: u8,
        length: usize,
    },
    /// Data in the midst of a handshake message.
    Interleaved,
    /// One bit is another.
    Flipped {
        length: usize,
        bit: usize,
    },
    /// A record from before, once more.
    Again {
        length: usize,
    },
    TooLong {
        by: usize,
    },
    /// Inside a record's contents of TLS 1.3 there is no kind.
    NoKind,
    /// A kind that is none.
    Kind(u8),
    Clear {
        kind: u8,
        length: usize,
    },
    Header([u8; 5]),
    Garbage(Vec<u8>),
}

pub(super) fn line() -> impl Strategy<Value = Line> {
    let length = prop_oneof![
        4 => 0..64_usize,
        2 => 0..3000_usize,
        1 => (LONGEST - 2)..=LONGEST,
    ];
    prop_oneof![
        8 => length.prop_map(|length| Line::Data { length, padding: 0 }),
        2 => (0..64_usize, 0..300_usize)
            .prop_map(|(length, padding)| Line::Data { length, padding }),
        2 => any::<bool>().prop_map(|asks| Line::KeyUpdate { asks }),
        1 => Just(Line::SplitKeyUpdate),
        1 => (1..60_000_usize, 1..40_usize)
            .prop_map(|(length, pieces)| Line::Ticket { length, pieces }),
        1 => Just(Line::HelloRequest),
        1 => Just(Line::UserCanceled),
    ]
}

pub(super) fn last() -> impl Strategy<Value = Last> {
    prop_oneof![
        // close_notify, as a warning as it should be, and as some have it.
        4 => (1..=2_u8).prop_map(|level| Last::Alert { level, description: 0 }),
        2 => (0..=3_u8, any::<u8>())
            .prop_map(|(level, description)| Last::Alert { level, description }),
        1 => Just(Last::KeyUpdateAndMore),
        1 => Just(Last::ClientHello),
        1 => (0..3_u8).prop_map(Last::ChangeCipherSpec),
        2 => (any::<u8>(), 0..300_usize)
            .prop_map(|(kind, length)| Last::Handshake { kind, length }),
        1 => Just(Last::Interleaved),
        4 => (0..300_usize, any::<usize>())
            .prop_map(|(length, bit)| Last::Flipped { length, bit }),
        1 => (0..300_usize).prop_map(|length| Last::Again { length }),
        2 => (1..400_usize).prop_map(|by| Last::TooLong { by }),
        1 => Just(Last::NoKind),
        1 => any::<u8>().prop_map(Last::Kind),
        2 => (20..25_u8, 0..40_usize).prop_map(|(kind, length)| Last::Clear { kind, length }),
        2 => any::<[u8; 5]>().prop_map(Last::Header),
        2 => vec(any::<u8>(), 1..100).prop_map(Last::Garbage),
    ]
}

/// A record of the next `length` bytes of data.
fn data(keys: &mut Keys, said: &mut usize, length: usize, padding: usize) -> Vec<u8> {
    let data = text(1, *said, length);
    *said += length;
    keys.seal(APPLICATION_DATA, &data, padding)
}

impl Line {
    /// Its records, behind so much data.
    pub(super) fn records(&self, keys: &mut Keys, said: &mut usize) -> Vec<Vec<u8>> {
        let record = match self {
            Self::Data { length, padding } => {
                data(keys, said, *length, (*padding).min(LONGEST - length))
            }
            Self::KeyUpdate { asks } => {
                let record = keys.seal(HANDSHAKE, &key_update(*asks), 0);
                keys.update();
                record
            }
            Self::SplitKeyUpdate => {
                let update = key_update(false);
                let halves = [&update[..2], &update[2..]];
                let halves = halves.map(|half| keys.seal(HANDSHAKE, half, 0));
                keys.update();
                return halves.to_vec();
            }
            Self::Ticket { length, pieces } => {
                let ticket = ticket(*length);
                let pieces = ticket.chunks((ticket.len() / pieces + 1).min(LONGEST));
                return pieces.map(|piece| keys.seal(HANDSHAKE, piece, 0)).collect();
            }
            Self::HelloRequest => keys.seal(HANDSHAKE, &handshake(0, b""), 0),
            Self::UserCanceled => keys.seal(ALERT, &[1, 90], 0),
        };
        vec![record]
    }
}

impl Last {
    /// Its records, behind so much data.
    pub(super) fn records(&self, keys: &mut Keys, said: &mut usize) -> Vec<Vec<u8>> {
        let update = key_update(false);
        let record = match self {
            Self::Alert { level, description } => keys.seal(ALERT, &[*level, *description], 0),
            Self::KeyUpdateAndMore => {
                let record = keys.seal(HANDSHAKE, &[update, update].concat(), 0);
                keys.update();
                record
            }
            Self::ClientHello => keys.seal(HANDSHAKE, &hello(), 0),
            Self::ChangeCipherSpec(byte) => in_the_clear(CHANGE_CIPHER_SPEC, &[*byte]),
            Self::Handshake { kind, length } => {
                keys.seal(HANDSHAKE, &handshake(*kind, &vec![7; *length]), 0)
            }
            Self::Interleaved => {
                let half = keys.seal(HANDSHAKE, &update[..2], 0);
                return vec![half, keys.seal(APPLICATION_DATA, b"between", 0)];
            }
            Self::Flipped { length, bit } => {
                let mut record = data(keys, said, *length, 0);
                // Of the body alone: a header's length is another story.
                let at = 5 + bit / 8 % (record.len() - 5);
                record[at] ^= 1 << (bit % 8);
                record
            }
            Self::Again { length } => {
                let record = data(keys, said, *length, 0);
                return vec![record.clone(), record];
            }
            Self::TooLong { by } => data(keys, said, LONGEST + by, 0),
            Self::NoKind => keys.seal(0, b"", 5),
            Self::Kind(kind) => keys.seal(*kind, b"what", 0),
            Self::Clear { kind, length } => in_the_clear(*kind, &vec![2; *length]),
            Self::Header(bytes) => [&bytes[..], &vec![0; 20_000]].concat(),
            Self::Garbage(bytes) => bytes.clone(),
        };
        vec![record]
    }
}

/// The beginning of a handshake, as far as it matters to whoever refuses one.
fn hello() -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([5; 32]);
    body.extend([0, 0, 2, 0x13, 0x01, 1, 0]);
    handshake(1, &body)
}

//! What servers say, for the model: answers as lists of packets, and their bytes. Written from the protocol's documentation, and
//! without the code that is tried.

use crate::mysql::Form;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use proptest::prelude::*;

pub(super) const IN_TRANSACTION: u16 = 1;
const MORE: u16 = 8;
pub(super) const CURSOR: u16 = 64;
const OUT: u16 = 4096;

/// A packet of a server's.
#[derive(Debug, Clone)]
pub(super) enum Packet {
    /// With such flags, and so many rows changed.
    Ok(u16, u64),
    /// The end of a result set, an EOF or an OK.
    End(u16),
    /// The EOF behind definitions.
    Eof(u16),
    Error,
    Progress,
    /// The head of a result set, and whether definitions follow.
    Columns(u16, bool),
    Definition(usize),
    Row(Vec<u8>),
    /// Columns, parameters, and whether definitions follow.
    Prepared(u16, u16, bool),
    WantsFile,
    /// What has no form.
    Bare(Vec<u8>),
}

/// A packet, and whether an app would take an error in its place.
pub(super) type Place = (Packet, bool);

fn counted(number: u64) -> Vec<u8> {
    let bytes = number.to_le_bytes();
    match number {
        0..=250 => bytes[..1].to_vec(),
        251..=0xffff => [&[252], &bytes[..2]].concat(),
        0x1_0000..=0xff_ffff => [&[253], &bytes[..3]].concat(),
        _ => [&[254], &bytes[..]].concat(),
    }
}

impl Packet {
    pub(super) fn payload(&self, form: Form) -> Vec<u8> {
        let ok = |first: u8, flags: u16, rows: u64| {
            let id = counted(rows.rotate_left(7));
            let flags = flags.to_le_bytes();
            [&[first], &counted(rows)[..], &id, &flags, &[0, 0]].concat()
        };
        let eof = |flags: u16| [&[0xfe, 1, 0], &flags.to_le_bytes()[..]].concat();
        match self {
            Self::Ok(flags, rows) => ok(0, *flags, *rows),
            Self::End(flags) if form.no_eof => ok(0xfe, *flags, 3),
            Self::End(flags) | Self::Eof(flags) => eof(*flags),
            Self::Error => b"\xff\x7a\x04#42S02no such table".to_vec(),
            Self::Progress => b"\xff\xff\xff\x01\x01\x02\0\0\0\x05alter".to_vec(),
            Self::Columns(count, told) => {
                let mut payload = counted(u64::from(*count));
                payload.extend(form.says_columns.then_some(u8::from(*told)));
                payload
            }
            Self::Definition(more) => [b"\x03def", &alloc::vec![b'x'; *more][..]].concat(),
            Self::Row(bytes) | Self::Bare(bytes) => bytes.clone(),
            Self::Prepared(columns, parameters, told) => {
                let counts = [columns.to_le_bytes(), parameters.to_le_bytes()].concat();
                let mut payload = [&[0, 7, 0, 0, 0], &counts[..], &[0, 0, 0]].concat();
                payload.extend(form.says_prepared.then_some(u8::from(*told)));
                payload
            }
            Self::WantsFile => b"\xfbfile.csv".to_vec(),
        }
    }

    /// The flags that a driver remembers.
    pub(super) fn flags(&self) -> Option<u16> {
        match self {
            Self::Ok(flags, _) | Self::End(flags) | Self::Eof(flags) => Some(*flags),
            _ => None,
        }
    }
}

/// One of the answers to a command that may have several.
#[derive(Debug, Clone)]
pub(super) enum Outcome {
    Done(u64),
    Set {
        columns: u16,
        told: bool,
        rows: Vec<Vec<u8>>,
    },
    File,
}

/// What may come of a command.
#[derive(Debug, Clone)]
pub(super) struct Fate {
    outcomes: Vec<Outcome>,
    /// A procedure's output parameters come last, whose end may have forgotten them.
    out: Option<bool>,
    cursor: bool,
    /// It ends in an error at this packet.
    fails_at: Option<usize>,
    /// It tells how far it is before this packet.
    tells_at: Option<usize>,
    flags: u16,
    told: bool,
}

impl Fate {
    pub(super) fn wants_file(&self) -> bool {
        self.outcomes
            .iter()
            .any(|outcome| matches!(outcome, Outcome::File))
    }

    /// The packets that answer a command.
    pub(super) fn packets(&self, command: u8, form: Form) -> VecDeque<Place> {
        let mut places = match command {
            0x03 | 0x0a | 0x17 | 0xfa => self.results(form),
            0x16 => self.prepared(form),
            0x1c => rows(&self.rows(), self.flags).collect(),
            0x04 => {
                let definitions = (0..3).map(|more| (Packet::Definition(more * 9), false));
                definitions
                    .chain([(Packet::End(self.flags), false)])
                    .collect()
            }
            0x09 => [(Packet::Bare(b"Uptime: 5".to_vec()), false)].to_vec(),
            0x0d | 0x1b => [(Packet::End(self.flags), false)].to_vec(),
            0x02 | 0x05..=0x08 | 0x0c | 0x0e | 0x15 | 0x1a | 0x1f => {
                [(Packet::Ok(self.flags, 0), false)].to_vec()
            }
            _ => [(Packet::Error, false)].to_vec(),
        };
        if let Some(at) = self.fails_at.filter(|at| *at < places.len()) {
            places.truncate(at + 1);
            places[at].0 = Packet::Error;
        }
        // A text may begin with anything.
        if let Some(at) = self.tells_at.filter(|_| command != 0x09) {
            let at = at % places.len();
            places.insert(at, (Packet::Progress, places[at].1));
        }
        places.into()
    }

    fn rows(&self) -> Vec<Vec<u8>> {
        let sets = self.outcomes.iter().filter_map(|outcome| match outcome {
            Outcome::Set { rows, .. } => Some(rows.clone()),
            _ => None,
        });
        sets.flatten().collect()
    }

    fn prepared(&self, form: Form) -> Vec<Place> {
        let counts = [self.flags % 4, self.flags / 4 % 3];
        let told = self.told || !form.says_prepared;
        let mut places = [(Packet::Prepared(counts[0], counts[1], told), false)].to_vec();
        for count in counts.into_iter().filter(|count| *count > 0) {
            let definitions = (0..count).filter(|_| told);
            places.extend(definitions.map(|_| (Packet::Definition(1), false)));
            places.extend((!form.no_eof).then_some((Packet::Eof(self.flags), false)));
        }
        // Nobody takes these flags for those of a statement.
        for (packet, _) in &mut places {
            if let Packet::Eof(_) = packet {
                *packet = Packet::Bare(packet.payload(form));
            }
        }
        places
    }

    fn results(&self, form: Form) -> Vec<Place> {
        let mut places = Vec::new();
        if self.cursor {
            head(&mut places, 2, self.told, self.flags | CURSOR, form);
            if form.no_eof {
                places.push((Packet::End(self.flags | CURSOR), true));
            }
            return places;
        }
        let last = self.outcomes.len() - 1;
        for (at, outcome) in self.outcomes.iter().enumerate() {
            let is_last = at == last && self.out.is_none();
            let flags = self.flags | if is_last { 0 } else { MORE };
            match outcome {
                Outcome::Done(count) => places.push((Packet::Ok(flags, *count), true)),
                Outcome::Set {
                    columns,
                    told,
                    rows: these,
                } => {
                    head(&mut places, *columns, *told, flags, form);
                    places.extend(rows(these, flags));
                }
                Outcome::File => {
                    places.push((Packet::WantsFile, true));
                    places.push((Packet::Ok(flags, 5), true));
                }
            }
        }
        if let Some(forgets) = self.out {
            let flags = self.flags | OUT | MORE;
            head(&mut places, 1, true, flags, form);
            let forgets = forgets && !form.no_eof;
            let end = if forgets { self.flags } else { flags };
            places.extend(rows(&[b"\0\0\x07".to_vec()], end));
            places.push((Packet::Ok(self.flags, 0), true));
        }
        places
    }
}

/// The head of a result set, up to its rows.
fn head(places: &mut Vec<Place>, columns: u16, told: bool, flags: u16, form: Form) {
    let told = told || !form.says_columns;
    places.push((Packet::Columns(columns, told), true));
    let definitions = (0..columns).filter(|_| told);
    places.extend(definitions.map(|more| (Packet::Definition(more.into()), false)));
    places.extend((!form.no_eof).then_some((Packet::Eof(flags), false)));
}

fn rows(rows: &[Vec<u8>], flags: u16) -> impl Iterator<Item = Place> {
    let rows = rows.iter().map(|row| (Packet::Row(row.clone()), true));
    rows.chain([(Packet::End(flags), true)])
}

fn any_row() -> impl Strategy<Value = Vec<u8>> {
    // Of text, binary, and of text whose first value is NULL.
    let first = prop_oneof![Just(0u8), Just(0xfb), 1..0xfeu8];
    (first, proptest::collection::vec(any::<u8>(), 0..40))
        .prop_map(|(first, rest)| [&[first], &rest[..]].concat())
}

fn any_outcome() -> impl Strategy<Value = Outcome> {
    let columns = prop_oneof![9 => 1..5u16, 1 => 250..254u16];
    let set = (
        columns,
        any::<bool>(),
        proptest::collection::vec(any_row(), 0..5),
    );
    prop_oneof![
        3 => prop_oneof![0..10u64, any::<u64>()].prop_map(Outcome::Done),
        5 => set.prop_map(|(columns, told, rows)| Outcome::Set { columns, told, rows }),
        1 => Just(Outcome::File),
    ]
}

pub(super) fn any_fate() -> impl Strategy<Value = Fate> {
    let maybe = |most| prop_oneof![3 => Just(None), 1 => (0..most).prop_map(Some)];
    // Neither "more", nor a cursor, nor output parameters.
    let flags = any::<u16>().prop_map(|flags| flags & 0x2033);
    let outcomes = proptest::collection::vec(any_outcome(), 1..4);
    let out = prop_oneof![5 => Just(None), 1 => any::<bool>().prop_map(Some)];
    let cursor = prop::bool::weighted(0.1);
    let all = (
        outcomes,
        out,
        cursor,
        maybe(8usize),
        maybe(8),
        flags,
        any::<bool>(),
    );
    all.prop_map(
        |(outcomes, out, cursor, fails_at, tells_at, flags, told)| Fate {
            outcomes,
            out,
            cursor,
            fails_at,
            tells_at,
            flags,
            told,
        },
    )
}

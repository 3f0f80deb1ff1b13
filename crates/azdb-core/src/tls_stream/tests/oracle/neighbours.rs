//! Many sessions on one thread, which share its scratch: no byte of one is seen by another, wherever each of them stands.

use proptest::collection::vec;
use proptest::prelude::*;
use tokio::io::AsyncReadExt as _;

use super::acts::{End, text};
use super::forge::APPLICATION_DATA;
use super::play::{paces, setup};
use super::setup::{Pair, Session};
use super::subject::{Ours, Subject as _};
use super::wire::{Pace, Wire};

/// One of them, and what it must hear.
struct Neighbour {
    session: Option<Session<Ours>>,
    number: u8,
    said: usize,
    heard: Vec<u8>,
    written: usize,
    /// Records on their way, in pieces.
    coming: Vec<u8>,
}

#[derive(Debug, Clone)]
enum Turn {
    Says(usize),
    /// So many bytes of what was said arrive.
    Arrives(usize),
    Reads(usize),
    Writes(usize),
    /// It is gone, wherever it stood, and another one in its place.
    Leaves,
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        3 => prop_oneof![0..50_usize, 0..16_384_usize].prop_map(Turn::Says),
        5 => prop_oneof![0..30_usize, 0..20_000_usize].prop_map(Turn::Arrives),
        5 => prop_oneof![1..30_usize, 1..70_000_usize].prop_map(Turn::Reads),
        2 => prop_oneof![1..30_usize, 1..70_000_usize].prop_map(Turn::Writes),
        1 => Just(Turn::Leaves),
    ]
}

impl Neighbour {
    fn new(pair: &Pair, number: u8, gives: &[usize], takes: &[usize]) -> Self {
        let session = pair.session::<Ours>();
        session.wire.pace(Pace::of(gives), Pace::of(takes));
        Self {
            session: Some(session),
            number,
            said: 0,
            heard: Vec::new(),
            written: 0,
            coming: Vec::new(),
        }
    }

    fn check(&self) {
        let expected = text(self.number, 0, self.heard.len());
        assert!(self.heard == expected, "it hears what nobody said to it");
        let session = self.session.as_ref().unwrap();
        let data = session.forge.data();
        assert!(
            data == text(!self.number, 0, data.len()),
            "it says what nobody gave it"
        );
    }

    fn take(&mut self, turn: &Turn) {
        let session = self.session.as_mut().unwrap();
        match turn {
            Turn::Says(length) => {
                let data = text(self.number, self.said, *length);
                self.said += length;
                let record = session.forge.says.seal(APPLICATION_DATA, &data, 0);
                self.coming.extend(record);
            }
            Turn::Arrives(count) => {
                let count = (*count).min(self.coming.len());
                let piece: Vec<u8> = self.coming.drain(..count).collect();
                session.wire.give(&piece);
            }
            Turn::Reads(room) => {
                if let Some(read) = session.read(*room) {
                    self.heard.extend(read.unwrap());
                }
            }
            Turn::Writes(length) => {
                let data = text(!self.number, self.written, *length);
                self.written += session.write(&data).unwrap();
            }
            Turn::Leaves => {}
        }
        self.check();
    }

    fn finish(mut self) {
        let session = self.session.as_mut().unwrap();
        session.wire.give(&self.coming);
        assert_eq!(session.hear(&mut self.heard, &[1 << 16]), End::Open);
        session.flush().unwrap().unwrap();
        assert_eq!(
            (self.heard.len(), session.forge.data().len()),
            (self.said, self.written)
        );
        self.check();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn neighbours_hear_their_own_alone(
        setups in vec((setup(), paces(), paces()), 2..5),
        turns in vec((any::<usize>(), turn()), 0..80),
    ) {
        let pairs: Vec<_> = setups.iter().map(|(setup, ..)| Pair::new(setup)).collect();
        let begin = |at: usize, number| {
            let (_, gives, takes) = &setups[at];
            Neighbour::new(&pairs[at], number, gives, takes)
        };
        let mut number = 0..=u8::MAX;
        let mut next = || number.next().unwrap_or(0);
        let mut neighbours: Vec<_> = (0..pairs.len()).map(|at| begin(at, next())).collect();
        for (at, turn) in &turns {
            let at = at % neighbours.len();
            if let Turn::Leaves = turn {
                neighbours[at] = begin(at, next());
            }
            neighbours[at].take(turn);
        }
        neighbours.into_iter().for_each(Neighbour::finish);
    }

    #[test]
    fn handshakes_that_take_turns_come_out_right(
        setups in vec((setup(), paces()), 2..5),
        order in vec(any::<usize>(), 0..60),
    ) {
        let mut shaking: Vec<_> = setups.iter().map(|(setup, gives)| {
            let (pair, wire) = (Pair::new(setup), Wire::new(Pace::of(gives), Pace::whole()));
            let peer = pair.peer();
            (pair.start::<Ours>(&wire), peer, wire, None, Vec::new())
        }).collect();
        let rounds = order.into_iter().chain((0..40).flat_map(|_| 0..setups.len()));
        for at in rounds {
            let at = at % setups.len();
            let (future, peer, wire, outcome, coming) = &mut shaking[at];
            super::setup::feed(peer, &wire.taken(), &mut None);
            coming.extend(super::setup::written(peer));
            // Half of what there is, so that the others come in between.
            let half: Vec<u8> = coming.drain(..coming.len().div_ceil(2)).collect();
            wire.give(&half);
            if outcome.is_none() {
                *outcome = wire.poll(future);
            }
        }
        for (at, (_, _, wire, outcome, coming)) in shaking.into_iter().enumerate() {
            wire.give(&coming);
            let mut stream = outcome.expect("an end").expect("a session");
            prop_assert!(stream.facts().version.is_some());
            let mut buffer = [0; 8];
            prop_assert!(wire.run(stream.read(&mut buffer)).is_none(), "{at} hears something");
        }
    }
}

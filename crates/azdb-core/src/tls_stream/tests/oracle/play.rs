//! A peer after the handshake, who keeps to the specification or does not, in every cut; with the oracle in our place, and
//! with us.
//!
//! The oracle is given line by line, in whole, so that there is one answer. How the same lines are cut, how much room a reader
//! has and how much a sink takes must make no difference to us.

use proptest::collection::vec;
use proptest::prelude::*;

use super::acts::{End, text};
use super::lines::{Last, Line, last, line};
use super::setup::{Pair, Session, Setup, Suite};
use super::subject::{Oracle, Ours, Subject};
use super::wire::{Behind, Pace};

/// An alert takes fewer bytes.
const ALERT_RECORD: usize = 64;

/// What happens.
#[derive(Debug, Clone)]
enum Act {
    Says(Line),
    Reads(usize),
    Writes(usize),
    Flushes,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => line().prop_map(Act::Says),
        2 => (1..5000_usize).prop_map(Act::Reads),
        2 => prop_oneof![0..40_usize, 0..40_000_usize].prop_map(Act::Writes),
        1 => Just(Act::Flushes),
    ]
}

pub(super) fn setup() -> impl Strategy<Value = Setup> {
    let suite = prop_oneof![
        3 => Just(Suite::Aes128),
        1 => Just(Suite::Aes256),
        1 => Just(Suite::Chacha),
    ];
    (0..4_usize, suite).prop_map(|(which, suite)| {
        let [a, b, c, d] = Setup::four();
        let mut setup = [a, b, c, d].into_iter().nth(which).unwrap();
        setup.suite = suite;
        setup
    })
}

pub(super) fn paces() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![
        vec(0..4_usize, 1..4),
        vec(0..40_usize, 1..8),
        vec(0..40_000_usize, 1..6),
        Just(vec![usize::MAX]),
    ]
}

fn behind() -> impl Strategy<Value = Behind> {
    prop_oneof![
        Just(Behind::Nothing),
        Just(Behind::End),
        Just(Behind::Break(std::io::ErrorKind::ConnectionReset)),
    ]
}

/// How it is cut.
#[derive(Debug, Clone)]
struct Manner {
    gives: Vec<usize>,
    takes: Vec<usize>,
    room: Vec<usize>,
    /// The reader waits for the end of all lines, apart from what the script says.
    is_lazy: bool,
}

fn manner() -> impl Strategy<Value = Manner> {
    let room = prop_oneof![
        Just(vec![1]),
        vec(1..10_usize, 1..4),
        vec(1..70_000_usize, 1..4),
        Just(vec![1 << 16]),
    ];
    (paces(), paces(), room, any::<bool>()).prop_map(|(gives, takes, room, is_lazy)| Manner {
        gives,
        takes,
        room,
        is_lazy,
    })
}

/// What came of it.
#[derive(Debug, PartialEq)]
struct Came {
    heard: Vec<u8>,
    end: End,
    alerts: Vec<Vec<u8>>,
}

/// A play with one subject.
struct Stage<T> {
    session: Session<T>,
    /// Data that was said so far.
    said: usize,
    written: usize,
    is_refused: bool,
    heard: Vec<u8>,
    end: End,
}

impl<T: Subject> Stage<T> {
    /// The peer says it; where somebody is careful, record by record.
    fn give(&mut self, records: &[Vec<u8>], careful: Option<&[usize]>) {
        for record in records {
            self.session.wire.give(record);
            if let Some(room) = careful {
                self.drain(room);
            }
        }
    }

    fn says(&mut self, line: &Line, careful: Option<&[usize]>) {
        let records = line.records(&mut self.session.forge.says, &mut self.said);
        self.give(&records, careful);
    }

    fn says_last(&mut self, last: &Last, careful: Option<&[usize]>) {
        let records = last.records(&mut self.session.forge.says, &mut self.said);
        self.give(&records, careful);
    }

    fn drain(&mut self, room: &[usize]) {
        if !matches!(self.end, End::Error(..)) {
            self.end = self.session.hear(&mut self.heard, room);
        }
    }

    fn act(&mut self, act: &Act, careful: Option<&[usize]>) {
        match act {
            Act::Says(line) => self.says(line, careful),
            Act::Reads(room) => {
                if !matches!(self.end, End::Error(..)) {
                    match self.session.read(*room) {
                        None => {}
                        Some(Ok(read)) if read.is_empty() => self.end = End::Closed,
                        Some(Ok(read)) => self.heard.extend(read),
                        Some(Err(error)) => self.end = End::of(&error),
                    }
                }
            }
            Act::Writes(length) => {
                if !matches!(self.end, End::Error(..)) {
                    let bytes = text(2, self.written, *length);
                    match self.session.write(&bytes) {
                        Ok(taken) => {
                            assert_eq!(
                                taken, *length,
                                "a sink that takes, and a writer that waits"
                            );
                            self.written += taken;
                        }
                        // A flaw has come, behind data that nobody has read yet.
                        Err(error) => {
                            assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
                            self.is_refused = true;
                        }
                    }
                }
            }
            Act::Flushes => {
                if !matches!(self.end, End::Error(..)) {
                    self.session.flush().unwrap().unwrap();
                }
            }
        }
    }

    fn finish(mut self, room: &[usize], is_whole: bool) -> Came {
        self.drain(room);
        assert!(
            !self.is_refused || matches!(self.end, End::Error(..)),
            "refused without a flaw"
        );
        if let End::Error(..) = self.end {
            // Nothing comes behind an error, and never an end that looks good.
            let mut more = Vec::new();
            let after = self.session.hear(&mut more, room);
            assert!(more.is_empty(), "data behind an error");
            assert_ne!(after, End::Closed, "an end behind an error");
        }
        let flushed = self.session.flush();
        assert!(flushed.is_some(), "an open sink");
        if self.end == End::Open && is_whole {
            assert_eq!(
                self.session.stream.holds(),
                0,
                "an idle session owns a buffer"
            );
        }
        let data = self.session.forge.data();
        assert!(
            data == text(2, 0, self.written),
            "what was written is not what was said"
        );
        Came {
            heard: self.heard,
            end: self.end,
            alerts: self.session.forge.alerts(),
        }
    }
}

fn stage<T: Subject>(pair: &Pair) -> Stage<T> {
    Stage {
        session: pair.session(),
        said: 0,
        written: 0,
        is_refused: false,
        heard: Vec::new(),
        end: End::Open,
    }
}

fn canonical(pair: &Pair, acts: &[Act], lasts: &[Last], behind: Behind) -> Came {
    let mut stage = stage::<Oracle>(pair);
    let room = [1 << 16];
    stage.drain(&room);
    for act in acts {
        stage.act(act, Some(&room));
        stage.drain(&room);
    }
    for last in lasts {
        stage.says_last(last, Some(&room));
    }
    stage.session.wire.end_with(behind);
    stage.finish(&room, lasts.is_empty())
}

fn ours(pair: &Pair, acts: &[Act], lasts: &[Last], behind: Behind, manner: &Manner) -> Came {
    let mut stage = stage::<Ours>(pair);
    stage
        .session
        .wire
        .pace(Pace::of(&manner.gives), Pace::of(&manner.takes));
    for act in acts {
        stage.act(act, None);
        if !manner.is_lazy {
            stage.drain(&manner.room);
        }
    }
    for last in lasts {
        stage.says_last(last, None);
    }
    stage.session.wire.end_with(behind);
    stage.finish(&manner.room, lasts.is_empty())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn however_it_is_cut_the_oracle_says_the_same(
        setup in setup(),
        acts in vec(act(), 0..10),
        lasts in vec(last(), 0..3),
        behind in behind(),
        manner in manner(),
    ) {
        let expected = canonical(&Pair::new(&setup), &acts, &lasts, behind);
        let came = ours(&Pair::new(&setup), &acts, &lasts, behind, &manner);
        prop_assert!(expected.heard == came.heard, "{} for {} bytes", came.heard.len(), expected.heard.len());
        prop_assert_eq!(expected.end, came.end);
        if manner.takes.iter().all(|takes| *takes > ALERT_RECORD) {
            prop_assert_eq!(expected.alerts, came.alerts);
        } else {
            // Whoever does not take an alert at once is not waited for.
            prop_assert!(expected.alerts.starts_with(&came.alerts), "{:?}", came.alerts);
        }
    }
}

//! The watch against a model of the protocol: a server that answers, fails, begins COPYs and skips messages where it may, and
//! apps that send anything at all, with both directions as late as the network makes them.

use crate::postgres::*;
use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;
use proptest::prelude::*;

/// Where a server is in its protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Normal,
    /// After an error in an extended query: everything is discarded up to Sync.
    Skipping,
    /// Reading the data of a COPY that a simple or an extended query began.
    Copying {
        extended: bool,
    },
}

/// A server, the messages on their way to it and its own on their way back.
#[derive(Clone)]
struct Server {
    mode: Mode,
    /// An extended query has begun and no Sync has ended it: answers may lie in its buffer.
    unsynced: bool,
    inbox: VecDeque<u8>,
    outbox: VecDeque<u8>,
    /// Where it has a choice.
    dice: VecDeque<u8>,
}

impl Server {
    fn new(dice: Vec<u8>) -> Self {
        Self {
            mode: Mode::Normal,
            unsynced: false,
            inbox: VecDeque::new(),
            outbox: VecDeque::new(),
            dice: dice.into(),
        }
    }

    /// A number below `sides`; the dice go round.
    fn roll(&mut self, sides: u8) -> u8 {
        self.dice.rotate_left(1);
        self.dice.front().copied().unwrap_or_default() % sides
    }

    fn says(&mut self, tags: &str) {
        self.outbox.extend(tags.bytes());
    }

    fn fails(&mut self, extended: bool) {
        self.says("E");
        self.mode = Mode::Skipping;
        if !extended {
            self.ready();
        }
    }

    fn ready(&mut self) {
        self.says("Z");
        (self.mode, self.unsynced) = (Mode::Normal, false);
    }

    /// Reads one message.
    fn step(&mut self) {
        let Some(tag) = self.inbox.pop_front() else {
            return;
        };
        match (self.mode, tag) {
            (Mode::Skipping, b'S') | (Mode::Normal, b'S') => self.ready(),
            (Mode::Skipping, _) => {}
            (Mode::Copying { extended }, tag) => self.copy(extended, tag),
            (Mode::Normal, b'Q') => self.query(),
            (Mode::Normal, b'E') => self.execute(),
            // The rest of a COPY that has failed.
            (Mode::Normal, b'd' | b'c' | b'f' | b'H') => {}
            (Mode::Normal, tag) => {
                self.unsynced = true;
                match (self.roll(4), tag) {
                    (0, _) => self.fails(true),
                    (_, b'P') => self.says("1"),
                    (_, b'B') => self.says("2"),
                    (_, b'D') => self.says("T"),
                    _ => self.says("3"),
                }
            }
        }
    }

    fn query(&mut self) {
        match self.roll(5) {
            0 => self.says("EZ"),
            1 => self.says("IZ"),
            2 => self.says("TDDCZ"),
            3 => self.says("NCZ"),
            _ => {
                self.says("G");
                self.mode = Mode::Copying { extended: false };
            }
        }
    }

    fn execute(&mut self) {
        self.unsynced = true;
        match self.roll(6) {
            0 => self.fails(true),
            1 => self.says("DDC"),
            2 => self.says("s"),
            3 => {
                // It fails before it reads any data.
                self.says("G");
                self.fails(true);
            }
            _ => {
                self.says("G");
                self.mode = Mode::Copying { extended: true };
            }
        }
    }

    fn copy(&mut self, extended: bool, tag: u8) {
        match tag {
            b'S' | b'H' => {}
            b'd' if self.roll(4) > 0 => {}
            b'c' if self.roll(4) > 0 => {
                self.says("C");
                self.mode = Mode::Normal;
                if !extended {
                    self.ready();
                }
            }
            // Bad data, CopyFail, or a message that has no place here.
            _ => self.fails(extended),
        }
    }

    /// A time limit.
    fn interrupt(&mut self) {
        if let Mode::Copying { extended } = self.mode {
            self.fails(extended);
        }
    }

    /// Whether nothing is owed, and nothing on its way but what has no answer.
    fn is_at_rest(&self) -> bool {
        let mut later = self.clone();
        while !later.inbox.is_empty() {
            later.step();
        }
        later.outbox.is_empty() && later.mode == Mode::Normal && !later.unsynced
    }
}

/// A session as the relay sees it.
struct Session {
    server: Server,
    watch: Exchange,
}

fn message(tag: u8) -> Vec<u8> {
    match tag {
        b'Z' => vec![b'Z', 0, 0, 0, 5, b'I'],
        _ => vec![tag, 0, 0, 0, 6, b'-', b'-'],
    }
}

impl Session {
    fn new(dice: Vec<u8>) -> Self {
        Self {
            server: Server::new(dice),
            watch: Exchange::default(),
        }
    }

    fn app_sends(&mut self, tags: &str) {
        for tag in tags.bytes() {
            self.watch.app_sent(&message(tag));
            self.server.inbox.push_back(tag);
        }
    }

    /// One message of the server's passes, if there is one.
    fn deliver(&mut self) -> Option<u8> {
        let tag = self.server.outbox.pop_front()?;
        self.watch.upstream_sent(&message(tag));
        Some(tag)
    }

    /// The server reads all and its answers pass.
    fn drain(&mut self) -> Vec<u8> {
        while !self.server.inbox.is_empty() {
            self.server.step();
        }
        core::iter::from_fn(|| self.deliver()).collect()
    }

    fn is_true(&self) -> bool {
        (!self.watch.at_rest() || self.server.is_at_rest()) && self.is_whole_in_truth()
    }

    /// A session that is given to another app is at rest and waits for no data, in its server, too.
    fn is_whole_in_truth(&self) -> bool {
        let is_certain = self.server.is_at_rest() && self.watch.at_rest();
        !self.watch.is_whole() || is_certain && self.server.inbox.is_empty()
    }

    /// libpq: a COPY's data goes when the server wants it, and the next request when it is ready.
    fn visit(&mut self, request: Request, chunks: u8) {
        self.app_sends(match request {
            Request::Simple => "Q",
            Request::Extended => "PBDES",
            Request::Flushed => "PBDEH",
            Request::SyncFlush => "PBESH",
        });
        let mut said = self.drain();
        let refused = |said: &[u8]| said.contains(&b'E');
        if said.contains(&b'G') && !said.contains(&b'Z') {
            for _ in 0..chunks {
                self.app_sends("d");
            }
            self.app_sends("c");
            if request != Request::Simple {
                self.app_sends("S");
            }
            said.extend(self.drain());
        } else if request == Request::Flushed {
            self.app_sends("S");
            said.extend(self.drain());
        }
        assert!(said.contains(&b'Z') || refused(&said), "{said:?}");
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Request {
    Simple,
    Extended,
    Flushed,
    /// What psycopg sends for `executemany`.
    SyncFlush,
}

/// What happens next.
#[derive(Debug, Clone, Copy)]
enum Event {
    App(char),
    Server,
    Interrupt,
    Deliver,
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => prop::sample::select("QQFPBDEEHSSSdccfC".chars().collect::<Vec<_>>()).prop_map(Event::App),
        5 => Just(Event::Server),
        1 => Just(Event::Interrupt),
        6 => Just(Event::Deliver),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn at_rest_is_at_rest_whatever_an_app_sends(
        dice in proptest::collection::vec(any::<u8>(), 1..24),
        events in proptest::collection::vec(any_event(), 0..60),
    ) {
        let mut session = Session::new(dice);
        for event in events {
            match event {
                Event::App('F') => session.app_sends("Q"),
                Event::App(tag) => session.app_sends(tag.encode_utf8(&mut [0; 4])),
                Event::Server => session.server.step(),
                Event::Interrupt => session.server.interrupt(),
                Event::Deliver => {
                    session.deliver();
                }
            }
            prop_assert!(session.is_true(), "{:?}", session.watch);
        }
    }

    /// The doubtful part of the protocol, on purpose: a COPY with a Sync in front of its data.
    #[test]
    fn at_rest_is_at_rest_around_a_copy(
        dice in proptest::collection::vec(any::<u8>(), 1..24),
        passed in 2..5u8,
        parts in proptest::collection::vec(prop::sample::select(
            vec!["PBES", "PBE", "Q", "S", "c", "dcS", "cS", "dcS", "fS", "H"]
        ), 0..6),
        steps in proptest::collection::vec((0..4u8, 0..4u8, 0..3u8), 6),
    ) {
        let mut session = Session::new(dice);
        // The server has read all but the Sync.
        session.app_sends("PBES");
        (0..3).for_each(|_| session.server.step());
        for _ in 0..passed {
            session.deliver();
        }
        for (part, (reads, passes, interrupt)) in parts.iter().zip(steps) {
            for tag in part.chars() {
                session.app_sends(tag.encode_utf8(&mut [0; 4]));
                prop_assert!(session.is_true(), "{:?}", session.watch);
            }
            for _ in 0..reads {
                session.server.step();
            }
            if interrupt == 0 {
                session.server.interrupt();
            }
            for _ in 0..passes {
                session.deliver();
                prop_assert!(session.is_true(), "{:?}", session.watch);
            }
        }
        loop {
            session.server.step();
            let passed = session.deliver();
            prop_assert!(session.is_true(), "{:?}", session.watch);
            if passed.is_none() && session.server.inbox.is_empty() {
                break;
            }
        }
    }

    #[test]
    fn a_driver_that_waits_for_its_answers_is_seen_at_rest(
        dice in proptest::collection::vec(any::<u8>(), 1..24),
        visits in proptest::collection::vec((prop::sample::select(vec![
            Request::Simple, Request::Extended, Request::Flushed, Request::SyncFlush,
        ]), 0..3u8), 1..8),
    ) {
        let mut session = Session::new(dice);
        for (request, chunks) in visits {
            session.visit(request, chunks);
            prop_assert!(session.server.is_at_rest());
            prop_assert!(session.is_true());
        }
        // A failed COPY leaves a doubt, and an answer of whatever kind ends it.
        session.app_sends("Q");
        session.server.inbox.clear();
        session.server.says("CZ");
        session.drain();
        prop_assert!(session.watch.at_rest(), "{:?}", session.watch);
    }

    /// What drivers send leaves a session that can be given to another app, but for what failed within a COPY.
    #[test]
    fn a_driver_that_has_its_answers_leaves_a_whole_session(
        visits in proptest::collection::vec(prop::sample::select(vec![
            Request::Simple, Request::Extended, Request::Flushed, Request::SyncFlush,
        ]), 0..8),
    ) {
        // Nothing fails and nothing is copied.
        let mut session = Session::new(vec![2]);
        for request in visits {
            session.visit(request, 0);
            if request == Request::SyncFlush {
                session.app_sends("S");
                session.drain();
            }
            prop_assert!(session.watch.is_whole(), "{:?}", session.watch);
        }
    }
}

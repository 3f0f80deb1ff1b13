//! The watch against a model of the protocol: sessions inside a session, requests of several packets, answers that come early,
//! and "stop" at any time, with both directions as late as the network makes them.

use crate::tds::*;
use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;
use proptest::prelude::*;

/// One packet on its way.
#[derive(Debug, Clone, Copy)]
struct Packet {
    sid: usize,
    kind: u8,
    is_last: bool,
}

impl Packet {
    fn bytes(self, mars: bool) -> Vec<u8> {
        let status = if self.is_last { Header::LAST } else { 0 };
        let header = Header {
            kind: self.kind,
            status,
            length: 11,
            spid: 0,
            id: 1,
        };
        let packet = [&header.encode()[..], b"abc"].concat();
        if !mars {
            return packet;
        }
        let sid = u16::try_from(self.sid).unwrap().to_le_bytes();
        let smp = [kind::SMP, SmpHeader::DATA, sid[0], sid[1], 27, 0, 0, 0];
        [&smp[..], &[0; 8], &packet].concat()
    }
}

/// How far an app is with a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum App {
    #[default]
    Idle,
    Asking,
    /// It has read the answer to a request that it has not ended.
    Refused,
    /// It reads until the end of the answer.
    Reading,
    /// It has said "stop", and reads until the server has said that it did.
    Stopping,
}

/// How far a server is with a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Server {
    #[default]
    Idle,
    Asked,
    Answering,
    /// It has answered a request that had not ended; there is one answer to a request.
    Refused,
}

/// One session inside the session, both ends.
#[derive(Debug, Clone, Copy, Default)]
struct Session {
    app: App,
    server: Server,
}

#[derive(Debug)]
struct World {
    mars: bool,
    sessions: Vec<Session>,
    /// Packets to the server and to the app; the second value says what an answer's last packet acknowledges.
    there: VecDeque<Packet>,
    back: VecDeque<(Packet, bool)>,
    watch: Exchange,
}

impl World {
    fn new(sessions: usize) -> Self {
        Self {
            mars: sessions > 1,
            sessions: vec![Session::default(); sessions],
            there: VecDeque::new(),
            back: VecDeque::new(),
            watch: Exchange::default(),
        }
    }

    fn sends(&mut self, sid: usize, kind: u8, is_last: bool) {
        let packet = Packet { sid, kind, is_last };
        self.watch.app_sent(&packet.bytes(self.mars));
        self.there.push_back(packet);
    }

    /// The app goes on with a session, or stops what it has asked.
    fn app(&mut self, sid: usize, choice: u8) {
        let stops = choice.is_multiple_of(4);
        self.sessions[sid].app = match self.sessions[sid].app {
            App::Idle | App::Asking => {
                let is_last = !choice.is_multiple_of(3);
                self.sends(sid, kind::SQL_BATCH, is_last);
                if is_last { App::Reading } else { App::Asking }
            }
            App::Refused => {
                self.sends(sid, kind::SQL_BATCH, true);
                App::Idle
            }
            App::Reading if stops => {
                self.sends(sid, kind::ATTENTION, true);
                App::Stopping
            }
            waiting => waiting,
        };
    }

    fn answers(&mut self, sid: usize, is_last: bool, is_end: bool) {
        let kind = kind::RESPONSE;
        self.back.push_back((Packet { sid, kind, is_last }, is_end));
    }

    /// The server reads a packet.
    fn read(&mut self, choice: u8) {
        let Some(Packet { sid, kind, is_last }) = self.there.pop_front() else {
            return;
        };
        let before = self.sessions[sid].server;
        self.sessions[sid].server = match (before, kind) {
            (Server::Answering, kind::ATTENTION) if choice.is_multiple_of(2) => {
                // In one message with what it was saying.
                self.answers(sid, true, true);
                Server::Idle
            }
            (Server::Answering, kind::ATTENTION) => {
                self.answers(sid, true, false);
                self.answers(sid, true, true);
                Server::Idle
            }
            (_, kind::ATTENTION) => {
                self.answers(sid, true, true);
                Server::Idle
            }
            (Server::Refused, _) if is_last => Server::Idle,
            (Server::Refused, _) => Server::Refused,
            (_, _) if is_last => Server::Answering,
            (_, _) if choice.is_multiple_of(3) => {
                self.answers(sid, true, false);
                Server::Refused
            }
            _ => Server::Asked,
        };
    }

    /// The server says more of an answer.
    fn write(&mut self, sid: usize, choice: u8) {
        if self.sessions[sid].server == Server::Answering {
            let is_last = choice.is_multiple_of(3);
            self.answers(sid, is_last, false);
            if is_last {
                self.sessions[sid].server = Server::Idle;
            }
        }
    }

    /// One packet of the server's passes, and the app reads it.
    fn deliver(&mut self) {
        let Some((packet, stopped)) = self.back.pop_front() else {
            return;
        };
        self.watch.upstream_sent(&packet.bytes(self.mars));
        let session = &mut self.sessions[packet.sid];
        session.app = match session.app {
            App::Reading if packet.is_last => App::Idle,
            // It has read a refusal, and sends the rest of its request.
            App::Asking if packet.is_last => App::Refused,
            App::Stopping if stopped => App::Idle,
            app => app,
        };
    }

    /// Whether no answer is owed or on its way, and no request half sent.
    fn is_at_rest(&self) -> bool {
        let mut servers: Vec<Server> = self.sessions.iter().map(|it| it.server).collect();
        for packet in &self.there {
            match servers[packet.sid] {
                // The rest of a refused request is discarded.
                Server::Refused if packet.kind != kind::ATTENTION && packet.is_last => {
                    servers[packet.sid] = Server::Idle;
                }
                Server::Refused if packet.kind != kind::ATTENTION => {}
                _ => return false,
            }
        }
        let idle = self.sessions.iter().all(|it| it.app == App::Idle);
        idle && self.back.is_empty() && servers.iter().all(|it| *it == Server::Idle)
    }

    fn drain(&mut self) {
        while !self.is_at_rest() || !self.there.is_empty() {
            for sid in 0..self.sessions.len() {
                if matches!(self.sessions[sid].app, App::Asking | App::Refused) {
                    self.app(sid, 1);
                }
                self.write(sid, 0);
            }
            self.read(1);
            self.deliver();
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Event {
    App(usize),
    Read,
    Write(usize),
    Deliver,
}

fn any_event() -> impl Strategy<Value = (Event, u8)> {
    let event = prop_oneof![
        (0..3usize).prop_map(Event::App),
        Just(Event::Read),
        (0..3usize).prop_map(Event::Write),
        Just(Event::Deliver),
    ];
    (event, any::<u8>())
}

fn play(sessions: usize, events: &[(Event, u8)]) -> Result<World, TestCaseError> {
    let mut world = World::new(sessions);
    for (event, choice) in events {
        match event {
            Event::App(sid) => world.app(sid % sessions, *choice),
            Event::Read => world.read(*choice),
            Event::Write(sid) => world.write(sid % sessions, *choice),
            Event::Deliver => world.deliver(),
        }
        prop_assert!(!world.watch.at_rest() || world.is_at_rest(), "{world:?}");
        prop_assert!(!world.watch.is_whole() || world.is_at_rest(), "{world:?}");
    }
    Ok(world)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn at_rest_is_at_rest(
        sessions in 1..4usize, events in proptest::collection::vec(any_event(), 0..120),
    ) {
        play(sessions, &events)?;
    }

    #[test]
    fn one_more_request_in_each_session_is_enough_to_be_seen_at_rest(
        sessions in 1..4usize, events in proptest::collection::vec(any_event(), 0..60),
    ) {
        let mut world = play(sessions, &events)?;
        world.drain();
        for sid in 0..sessions {
            world.app(sid, 1);
        }
        world.drain();
        prop_assert!(world.watch.at_rest(), "{world:?}");
    }
}

//! The watch against a model of what drivers send: commands, long ones in several packets, and files that a server has asked for.

use crate::mysql::*;
use alloc::vec::Vec;
use proptest::prelude::*;

/// What an app does next.
#[derive(Debug, Clone)]
enum Act {
    /// A command of one packet; its first byte is one of a command's.
    Command(Vec<u8>),
    /// A command of this many full packets and a last one.
    LongCommand(u8),
    /// LOAD DATA LOCAL, and the file in packets of these bytes. What a server says between them is not ours.
    Load(Vec<Vec<u8>>),
    /// LOAD DATA LOCAL with packets that are as long as packets can be, each continued.
    LongLoad(u8),
    ChangeUser(Vec<u8>),
}

/// An app's stream in pieces: bytes that are there, and payloads that nobody would want to keep in memory.
#[derive(Default)]
struct Stream {
    pieces: Vec<Piece>,
    /// What follows it is told where the first COM_CHANGE_USER begins.
    change_user: Option<usize>,
    length: usize,
}

enum Piece {
    Bytes(Vec<u8>),
    Payload(usize),
}

impl Stream {
    fn bytes(&mut self, bytes: Vec<u8>) {
        self.length += bytes.len();
        self.pieces.push(Piece::Bytes(bytes));
    }

    fn packet(&mut self, number: u8, payload: &[u8]) {
        let mut out = Vec::new();
        push_packet(&mut out, number, payload);
        self.bytes(out);
    }

    /// A packet that the next one continues; 0x11 is its first byte.
    fn full(&mut self, number: u8, first: u8) {
        self.bytes([0xff, 0xff, 0xff, number, first].to_vec());
        self.length += MAX_PAYLOAD - 1;
        self.pieces.push(Piece::Payload(MAX_PAYLOAD - 1));
    }

    fn of(acts: &[Act]) -> Self {
        let mut stream = Self::default();
        for act in acts {
            stream.act(act);
        }
        stream
    }

    fn act(&mut self, act: &Act) {
        let load = b"\x03load data local infile";
        match act {
            Act::Command(payload) => self.packet(0, payload),
            Act::LongCommand(packets) => {
                self.full(0, 0x03);
                (1..*packets).for_each(|number| self.full(number, 0x11));
                self.packet(*packets, b"\x11");
            }
            Act::Load(chunks) => {
                self.packet(0, load);
                let mut number = 1u8;
                for chunk in chunks.iter().map(|chunk| &chunk[..]).chain([&b""[..]]) {
                    number = number.wrapping_add(1);
                    self.packet(number, chunk);
                }
            }
            Act::LongLoad(packets) => {
                self.packet(0, load);
                (2..2 + packets).for_each(|number| self.full(number, 0x11));
                // The end of the last continued one, and then the end of the file.
                self.packet(2 + packets, b"");
                self.packet(3 + packets, b"");
            }
            Act::ChangeUser(payload) => {
                self.change_user.get_or_insert(self.length);
                self.packet(0, &[&[0x11], &payload[..]].concat());
            }
        }
    }

    /// What a relay finds that shows the stream in such pieces, from the beginning of the stream on.
    fn found(&self, cuts: &[usize]) -> Option<usize> {
        let mut commands = Commands::default();
        let (mut followed, mut window) = (0, Vec::new());
        let mut cuts = cuts.iter().cycle();
        for piece in &self.pieces {
            let mut rest = match piece {
                Piece::Bytes(bytes) => &bytes[..],
                Piece::Payload(length) => {
                    // In one read, and nothing of it is a header.
                    assert!(window.is_empty());
                    assert_eq!(commands.follow(&alloc::vec![0x11; *length]), Found::Nothing);
                    followed += length;
                    continue;
                }
            };
            while let Some(cut) = cuts.next().filter(|_| !rest.is_empty()) {
                let (now, later) = rest.split_at((*cut).min(rest.len()));
                rest = later;
                window.extend_from_slice(now);
                let seen = match commands.follow(&window) {
                    Found::Nothing => window.len(),
                    Found::Unsure(at) => at,
                    Found::ChangeUser(at) | Found::Quit(at) => return Some(followed + at),
                };
                window.drain(..seen);
                followed += seen;
            }
        }
        assert!(window.len() <= Header::LEN);
        None
    }
}

fn any_act() -> impl Strategy<Value = Act> {
    let bytes = || proptest::collection::vec(prop_oneof![Just(0x11u8), any::<u8>()], 1..20);
    let command = (
        prop::sample::select([1u8, 2, 3, 4, 14, 22, 23, 25, 31].as_slice()),
        bytes(),
    );
    prop_oneof![
        6 => command.prop_map(|(first, rest)| Act::Command([&[first], &rest[..]].concat())),
        4 => proptest::collection::vec(bytes(), 0..6).prop_map(Act::Load),
        1 => (bytes(), 250..520usize).prop_map(|(chunk, count)| Act::Load(alloc::vec![chunk; count])),
        1 => bytes().prop_map(Act::ChangeUser),
    ]
}

proptest! {
    #[test]
    fn a_change_of_user_is_found_where_it_is_and_nowhere_else(
        acts in proptest::collection::vec(any_act(), 0..10),
        cuts in proptest::collection::vec(1..90usize, 1..30),
    ) {
        let stream = Stream::of(&acts);
        prop_assert_eq!(stream.found(&cuts), stream.change_user);
    }

    #[test]
    fn an_app_has_quit_when_that_was_its_last_command(
        acts in proptest::collection::vec(any_act(), 0..6), quits: bool,
    ) {
        let acts: Vec<_> = acts.into_iter().filter(|act| !matches!(act, Act::ChangeUser(_))).collect();
        let mut stream = Stream::of(&acts);
        stream.packet(0, if quits { b"\x01" } else { b"\x0e" });
        let mut commands = Commands::default();
        for piece in &stream.pieces {
            if let Piece::Bytes(bytes) = piece {
                prop_assert_eq!(commands.follow(bytes), Found::Nothing);
            }
        }
        prop_assert_eq!(commands.has_quit(), quits);
    }
}

#[test]
fn what_goes_on_over_full_packets_is_no_command() {
    let change = Act::ChangeUser(b"ann\0\0\0".to_vec());
    for acts in [
        [Act::LongCommand(1), change.clone()],
        [Act::LongCommand(2), change.clone()],
        [Act::LongLoad(1), change.clone()],
        [Act::LongLoad(2), change.clone()],
    ] {
        let stream = Stream::of(&acts);
        assert_eq!(stream.found(&[3, 1, 7]), stream.change_user, "{acts:?}");
    }
}

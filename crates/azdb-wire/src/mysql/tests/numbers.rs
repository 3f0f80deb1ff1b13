//! Numbers of packets out of envelopes, against a model of what apps and servers say in turn.

use crate::mysql::*;
use alloc::vec::Vec;
use proptest::prelude::*;

/// What an app does next, and what the server says to it.
#[derive(Debug, Clone)]
enum Act {
    /// A command, and the packets that answer it.
    Command(Vec<Vec<u8>>),
    /// A command in several packets, each but the last as long as a packet can be; the bytes beyond the first are not there.
    LongCommand(u8),
    /// LOAD DATA LOCAL: answers of statements in front of it, the request for the file, the file, and an OK.
    Load {
        before: Vec<Vec<u8>>,
        file: Vec<Vec<u8>>,
    },
    /// COM_CHANGE_USER with another plugin.
    ChangeUser,
}

/// Who says a packet, the number that it should have, and what an app that counts otherwise writes there.
struct Said {
    by_app: bool,
    number: u8,
    astray: u8,
    payload: Vec<u8>,
}

#[derive(Default)]
struct Model {
    said: Vec<Said>,
    next: u8,
}

impl Model {
    fn app(&mut self, payload: &[u8], astray: u8) {
        self.packet(true, payload, astray);
    }

    fn server(&mut self, payload: &[u8]) {
        self.packet(false, payload, self.next);
    }

    fn packet(&mut self, by_app: bool, payload: &[u8], astray: u8) {
        self.said.push(Said {
            by_app,
            number: self.next,
            astray,
            payload: payload.to_vec(),
        });
        self.next = self.next.wrapping_add(1);
    }

    fn command(&mut self, payload: &[u8]) {
        self.next = 0;
        self.app(payload, 0);
    }

    /// `astray` is how far the app's count is off, but never such that a file looks like a command.
    fn act(&mut self, act: &Act, astray: u8) {
        match act {
            Act::Command(answers) => {
                self.command(b"\x03select");
                answers.iter().for_each(|answer| self.server(answer));
            }
            Act::LongCommand(packets) => {
                let full = alloc::vec![3; MAX_PAYLOAD];
                self.next = 0;
                (0..*packets).for_each(|number| self.app(&full, number.wrapping_mul(astray)));
                self.app(b"rest", astray);
                self.server(b"\0");
            }
            Act::Load { before, file } => {
                self.command(b"\x03load");
                before.iter().for_each(|answer| self.server(answer));
                self.server(b"\xfbfile");
                for (at, chunk) in file.iter().chain([&Vec::new()]).enumerate() {
                    let at = u8::try_from(at % 256).unwrap();
                    // Only the first is told from a command by its number.
                    let count = astray.wrapping_add(at);
                    self.app(chunk, if at == 0 { count.max(1) } else { count });
                }
                self.server(b"\0");
            }
            Act::ChangeUser => {
                self.command(b"\x11ann");
                self.server(b"\xfemysql_native_password\0");
                self.app(b"answer", astray.max(1));
                self.server(b"\0");
            }
        }
    }
}

fn packet(number: u8, payload: &[u8]) -> Vec<u8> {
    let [a, b, c, _] = u32::try_from(payload.len()).unwrap().to_le_bytes();
    [&[a, b, c, number], payload].concat()
}

/// What the upstream reads of it when bytes come in pieces of these lengths.
fn renumbered(said: &[Said], cuts: &[usize]) -> Vec<Vec<u8>> {
    let mut numbers = Numbers::default();
    let mut cuts = cuts.iter().cycle();
    let mut read = Vec::new();
    for Said {
        by_app,
        number,
        astray,
        payload,
    } in said
    {
        let mut bytes = packet(if *by_app { *astray } else { *number }, payload);
        let mut at = 0;
        while at < bytes.len() {
            let end = (at + cuts.next().unwrap()).min(bytes.len());
            if *by_app {
                numbers.app_sent(&mut bytes[at..end]);
            } else {
                let whole = numbers.upstream_sent(&bytes[at..end]);
                assert_eq!(whole, if end == bytes.len() { end - at } else { 0 });
            }
            at = end;
        }
        if *by_app {
            read.push(bytes);
        }
    }
    read
}

fn expected(said: &[Said]) -> Vec<Vec<u8>> {
    let by_app = said.iter().filter(|said| said.by_app);
    by_app
        .map(|said| packet(said.number, &said.payload))
        .collect()
}

fn any_act() -> impl Strategy<Value = Act> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..12);
    // A server asks for a file once.
    let answer = || bytes().prop_filter("a file", |bytes| bytes.first() != Some(&0xfb));
    let answers = move |most| proptest::collection::vec(answer(), 1..most);
    let files = proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..12), 0..400);
    prop_oneof![
        6 => answers(300).prop_map(Act::Command),
        3 => (answers(6), files).prop_map(|(before, file)| Act::Load { before, file }),
        1 => Just(Act::ChangeUser),
    ]
}

proptest! {
    #[test]
    fn a_server_reads_numbers_that_count_packets(
        acts in proptest::collection::vec((any_act(), any::<u8>()), 1..8),
        cuts in proptest::collection::vec(1..40usize, 1..20),
    ) {
        let mut model = Model::default();
        acts.iter().for_each(|(act, astray)| model.act(act, *astray));
        prop_assert_eq!(renumbered(&model.said, &cuts), expected(&model.said));
    }

    #[test]
    fn whole_packets_are_told_from_what_begins_another(
        payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..30), 1..20),
        end in any::<prop::sample::Index>(),
    ) {
        let packets: Vec<_> = payloads.iter().map(|payload| packet(1, payload)).collect();
        let bytes = packets.concat();
        let end = end.index(bytes.len() + 1);
        let ends = packets.iter().scan(0, |at, packet| {
            *at += packet.len();
            Some(*at)
        });
        let last = ends.filter(|at| *at <= end).last().unwrap_or(0);
        prop_assert_eq!(Numbers::default().upstream_sent(&bytes[..end]), last);
    }
}

#[test]
fn a_command_of_several_packets_counts_them() {
    let mut model = Model::default();
    model.act(&Act::LongCommand(2), 7);
    model.act(&Act::Command([b"ok".to_vec()].to_vec()), 0);
    let (read, expected) = (renumbered(&model.said, &[1 << 20]), expected(&model.said));
    assert!(read == expected);
}

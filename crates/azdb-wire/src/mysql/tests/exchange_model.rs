//! The watch against a model of the command phase: every command and every kind of answer, with commands sent ahead, files, errors
//! in every place, and packets cut anywhere.

use super::answers::{CURSOR, Fate, IN_TRANSACTION, Place, any_fate};
use crate::mysql::*;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use proptest::prelude::*;

/// What happens next.
#[derive(Debug, Clone)]
enum Event {
    /// The app sends a command, or the next piece of the file that it was asked for.
    App(u8, Fate),
    /// The next packet of the server's arrives.
    Deliver,
}

/// An answer that is owed.
#[derive(Debug)]
struct Owed {
    left: VecDeque<Place>,
    number: u8,
    begun: bool,
}

#[derive(Debug)]
struct World {
    form: Form,
    watch: Exchange,
    owed: VecDeque<Owed>,
    /// The app may be asked for a file, so it waits.
    may_be_asked: bool,
    /// Pieces of the file that the app was asked for.
    file: Option<u8>,
    flags: u16,
    left: bool,
    cuts: Vec<usize>,
    fed: usize,
}

impl World {
    fn new(form: Form, cuts: &[usize]) -> Self {
        Self {
            form,
            watch: Exchange::new(form),
            owed: VecDeque::new(),
            may_be_asked: false,
            file: None,
            flags: 0,
            left: false,
            cuts: cuts.to_vec(),
            fed: 0,
        }
    }

    /// Shows the watch a packet, in pieces, and looks at what it says between them.
    fn feed(&mut self, is_app: bool, number: u8, payload: &[u8]) {
        let mut packet = Vec::new();
        push_packet(&mut packet, number, payload);
        let mut rest = &packet[..];
        while !rest.is_empty() {
            assert!(rest.len() == packet.len() || !self.watch.at_rest());
            if rest.len() != packet.len() {
                assert_eq!(self.watch.error_number(), None, "{self:?}");
            }
            self.fed += 1;
            let cut = self.cuts[self.fed % self.cuts.len()].min(rest.len());
            let (now, later) = rest.split_at(cut);
            if is_app {
                self.watch.app_sent(now);
            } else {
                self.watch.upstream_sent(now);
            }
            rest = later;
        }
    }

    fn app(&mut self, command: u8, fate: &Fate) {
        if let Some(pieces) = self.file {
            return self.send_piece(pieces);
        }
        if self.left || self.may_be_asked {
            return;
        }
        self.may_be_asked = fate.wants_file() && command != 0x01;
        if self.may_be_asked && !self.owed.is_empty() {
            self.may_be_asked = false;
            return;
        }
        self.feed(true, 0, &[&[command], &b"whatever"[..]].concat());
        match command {
            0x01 => self.left = true,
            0x18 => {}
            0x19 => self.flags &= !CURSOR,
            _ => self.owed.push_back(Owed {
                left: fate.packets(command, self.form),
                number: 1,
                begun: false,
            }),
        }
        self.may_be_asked &= !self.owed.is_empty();
    }

    /// What it sends begins with what could be a command.
    fn send_piece(&mut self, pieces: u8) {
        let owed = self.owed.front_mut().unwrap();
        let number = owed.number;
        owed.number = number.wrapping_add(1);
        self.feed(true, number, if pieces == 0 { b"" } else { b"\x01file" });
        self.file = pieces.checked_sub(1);
    }

    fn deliver(&mut self) {
        if self.file.is_some() {
            return;
        }
        let form = self.form;
        let Some(owed) = self.owed.front_mut() else {
            return;
        };
        let (packet, _) = owed.left.pop_front().unwrap();
        let number = owed.number;
        (owed.number, owed.begun) = (number.wrapping_add(1), true);
        let is_all = owed.left.is_empty();
        self.flags = packet.flags().unwrap_or(self.flags);
        let payload = packet.payload(form);
        if payload.starts_with(b"\xfb") && payload.ends_with(b".csv") {
            self.file = Some(number % 4);
        }
        self.feed(false, number, &payload);
        if is_all {
            self.owed.pop_front();
            self.may_be_asked = false;
        }
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let at_rest = self.owed.is_empty() && !self.left;
        prop_assert_eq!(self.watch.at_rest(), at_rest, "{:?}", self);
        let is_idle = at_rest && self.flags & (IN_TRANSACTION | CURSOR) == 0;
        prop_assert_eq!(self.watch.is_idle(), is_idle, "{:?}", self);
        let takes_error = |owed: &&Owed| !owed.begun || owed.left[0].1;
        let owed = self.owed.front().filter(|_| self.file.is_none());
        let number = owed.filter(takes_error).map(|owed| owed.number);
        prop_assert_eq!(self.watch.error_number(), number, "{:?}", self);
        Ok(())
    }
}

fn any_form() -> impl Strategy<Value = Form> {
    (any::<bool>(), 0..3).prop_map(|(no_eof, metadata)| Form {
        no_eof,
        says_columns: metadata > 0,
        says_prepared: metadata > 1,
    })
}

fn any_event() -> impl Strategy<Value = Event> {
    let often = prop::sample::select([0x03u8, 0x16, 0x17, 0xfa].as_slice());
    // A change of user is not shown to the watch, and a log of changes has a test of its own.
    let all = any::<u8>().prop_filter("shown", |command| *command != 0x11);
    let command = prop_oneof![4 => often, 4 => 0x02..0x11u8, 4 => 0x12..0x20u8, 1 => all];
    prop_oneof![
        1 => (command, any_fate()).prop_map(|(command, fate)| Event::App(command, fate)),
        4 => Just(Event::Deliver),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn the_watch_knows_where_answers_end(
        form in any_form(),
        events in proptest::collection::vec(any_event(), 0..120),
        cuts in proptest::collection::vec(prop_oneof![1..9usize, 1..90usize], 1..20),
    ) {
        let mut world = World::new(form, &cuts);
        for event in &events {
            match event {
                Event::App(command, fate) => world.app(*command, fate),
                Event::Deliver => world.deliver(),
            }
            world.check()?;
        }
    }

    #[test]
    fn whatever_comes_the_cuts_do_not_matter(
        form in any_form(),
        pieces in proptest::collection::vec((any::<bool>(), proptest::collection::vec(
            prop_oneof![Just(0u8), Just(1), Just(3), Just(0xfe), Just(0xff), any::<u8>()], 0..40)), 0..20),
    ) {
        let (mut one, mut other) = (Exchange::new(form), Exchange::new(form));
        for (is_app, piece) in &pieces {
            let follow = if *is_app { Exchange::app_sent } else { Exchange::upstream_sent };
            follow(&mut one, piece);
            piece.chunks(1).for_each(|byte| follow(&mut other, byte));
            let said = |it: &Exchange| (it.at_rest(), it.is_idle(), it.error_number());
            prop_assert_eq!(said(&one), said(&other));
        }
    }

    #[test]
    fn packets_in_one_read_are_as_in_many(
        form in any_form(),
        command in prop::sample::select([0x03u8, 0x17, 0x1c].as_slice()),
        fate in any_fate().prop_filter("no file", |fate| !fate.wants_file()),
        cuts in proptest::collection::vec(1..400usize, 1..9),
    ) {
        let (mut one, mut other) = (Exchange::new(form), Exchange::new(form));
        let mut bytes = Vec::new();
        push_packet(&mut bytes, 0, &[command]);
        one.app_sent(&bytes);
        other.app_sent(&bytes);
        bytes.clear();
        for (number, (packet, _)) in fate.packets(command, form).iter().enumerate() {
            push_packet(&mut bytes, (number % 256) as u8, &packet.payload(form));
        }
        let mut rest = &bytes[..];
        for cut in cuts.iter().cycle() {
            let (now, later) = rest.split_at((*cut).min(rest.len()));
            one.upstream_sent(now);
            now.chunks(1).for_each(|byte| other.upstream_sent(byte));
            let said = |it: &Exchange| (it.at_rest(), it.is_idle(), it.error_number());
            prop_assert_eq!(said(&one), said(&other));
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert!(one.at_rest());
    }
}

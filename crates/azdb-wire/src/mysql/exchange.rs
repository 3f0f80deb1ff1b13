//! Who owes whom an answer: commands and answers after the login, followed from the first bytes of packets.
//!
//! # Invariants
//!
//! * Whatever an app sends, and however much of it ahead: at rest means that no answer is owed or on its way, and that nothing is
//!   half said in either direction.
//! * What is not understood, and more commands ahead than [`MOST_OWED`], are never at rest again, and cost nothing from there on.
//! * An error of ours has a place in a stream only where an error of the server's has one.
//! * How reads cut the bytes makes no difference.
//! * A session in which something was asked for that no reset takes back, or that is not known, is never resettable again.

use alloc::collections::VecDeque;

use super::answer::{Answer, Form, Heard, Start, Status};
use super::frame::{Header, MAX_PAYLOAD};
use super::watch::Command;
use crate::scanner::{Front, Scanner};

/// Commands that may wait behind the one that is being answered.
pub const MOST_OWED: usize = 1024;

/// Bytes of an app's packet that are looked at: its header, and what it begins with.
const OF_APP: usize = Header::LEN + 1;
/// Bytes of an upstream's packet that are looked at.
const OF_UPSTREAM: usize = Header::LEN + Start::MOST;

/// Both directions of a session after its login.
#[derive(Debug, Default)]
pub struct Exchange {
    from_app: Scanner<OF_APP>,
    from_upstream: Scanner<OF_UPSTREAM>,
    talk: Talk,
}

/// Packets as they pass.
#[derive(Debug, Default)]
struct Talk {
    form: Form,
    /// The answer that is owed first.
    due: Option<Due>,
    /// Commands that the app has sent ahead.
    behind: VecDeque<Asked>,
    /// What the app sends is a file.
    file: bool,
    /// The next packet continues the app's last.
    app_goes_on: bool,
    /// The app's last command is one that is answered.
    last_is_owed: bool,
    /// The next packet continues the upstream's last.
    upstream_goes_on: bool,
    /// As the last answer has it that had one.
    status: Status,
    /// The app has said COM_QUIT.
    left: bool,
    /// Something was asked for that no reset takes back.
    spoiled: bool,
    /// Something was not understood: nothing can be said from there on.
    lost: bool,
}

/// An answer that is owed.
#[derive(Debug)]
struct Due {
    answer: Answer,
    /// The number of its next packet.
    number: u8,
    /// Some of it has come.
    begun: bool,
}

/// A command.
#[derive(Debug, Clone, Copy)]
struct Asked {
    answer: Answer,
    /// The number of its answer's first packet.
    number: u8,
}

/// A packet of an upstream's.
enum Said {
    /// One of which nothing but its header matters: a row, or the rest of something.
    Row(Header),
    /// Any other.
    Packet(Header, Start),
}

impl Exchange {
    /// A session whose login has agreed on this.
    pub fn new(form: Form) -> Self {
        let mut exchange = Self::default();
        exchange.talk.form = form;
        exchange
    }

    /// Follows bytes on their way to the upstream, cut anywhere.
    pub fn app_sent(&mut self, bytes: &[u8]) {
        if !self.talk.lost {
            let look = |_: &Talk, bytes: &[u8]| apps_front(bytes);
            let talk = &mut self.talk;
            self.from_app
                .scan_knowing(talk, bytes, look, Talk::app_said);
        }
    }

    /// Follows bytes on their way to the app, cut anywhere.
    pub fn upstream_sent(&mut self, bytes: &[u8]) {
        let (scanner, talk) = (&mut self.from_upstream, &mut self.talk);
        if !talk.lost {
            let mut bytes = scanner.end_frame(bytes);
            if scanner.between_frames() {
                bytes = talk.skip_rows(bytes);
            }
            scanner.scan_knowing(talk, bytes, upstreams_front, Talk::upstream_said);
        }
    }

    /// The user has been changed, in packets that were not followed: the session is like new.
    pub fn begin_anew(&mut self) {
        if self.talk.due.is_some() {
            self.talk.lose();
        }
        self.talk.status = Status::default();
    }

    /// Whether a word to the app would cut into nothing.
    pub fn at_rest(&self) -> bool {
        let Talk {
            due, left, lost, ..
        } = &self.talk;
        due.is_none() && !left && !lost && self.is_between_packets()
    }

    /// Whether the app is at rest, in no transaction, and has read what its cursor has to give. Of several cursors the one counts
    /// that was used last.
    pub fn is_idle(&self) -> bool {
        self.at_rest() && !self.talk.status.is_within()
    }

    /// Whether a reset makes the session like new: at rest, and nothing has been asked for that outlives a reset, or that is not known.
    pub fn is_resettable(&self) -> bool {
        self.at_rest() && !self.talk.spoiled
    }

    /// The number of an error that the app would take for its server's; `None` where it would not take one.
    pub fn error_number(&self) -> Option<u8> {
        let due = self.talk.due.as_ref()?;
        let may_fail = !due.begun || due.answer.may_fail();
        let may_be_said = may_fail && !self.talk.lost && !self.talk.file;
        (may_be_said && self.is_between_packets()).then_some(due.number)
    }

    fn is_between_packets(&self) -> bool {
        let going_on = self.talk.app_goes_on || self.talk.upstream_goes_on;
        !going_on && self.from_app.between_frames() && self.from_upstream.between_frames()
    }
}

/// Reads the header of an app's packet and the first byte behind it.
fn apps_front(bytes: &[u8]) -> Front<(Header, Option<u8>)> {
    let Some((header, behind)) = bytes.split_first_chunk() else {
        return Front::Short;
    };
    let header = Header::parse(*header);
    match (header.length.checked_sub(1), behind.first()) {
        (None, _) => Front::Whole {
            head: Header::LEN,
            body: 0,
            said: (header, None),
        },
        (Some(_), None) => Front::Short,
        (Some(body), Some(&first)) => Front::Whole {
            head: OF_APP,
            body,
            said: (header, Some(first)),
        },
    }
}

/// Reads the beginning of an upstream's packet, as far as it matters.
fn upstreams_front(talk: &Talk, bytes: &[u8]) -> Front<Said> {
    let Some((header, behind)) = bytes.split_first_chunk() else {
        return Front::Short;
    };
    let header = Header::parse(*header);
    if talk.upstream_goes_on {
        return Front::Whole {
            head: Header::LEN,
            body: header.length,
            said: Said::Row(header),
        };
    }
    if talk.is_in_rows() {
        match (behind.first(), header.length.checked_sub(1)) {
            // Ends and errors begin with the other two.
            (Some(..0xfe), Some(body)) => {
                return Front::Whole {
                    head: Header::LEN.saturating_add(1),
                    body,
                    said: Said::Row(header),
                };
            }
            (None, Some(_)) => return Front::Short,
            _ => {}
        }
    }
    match Start::of(header.length, behind) {
        None => Front::Short,
        Some(start) => Front::Whole {
            head: Header::LEN.saturating_add(start.seen().len()),
            body: header.length.saturating_sub(start.seen().len()),
            said: Said::Packet(header, start),
        },
    }
}

impl Talk {
    fn is_in_rows(&self) -> bool {
        matches!(&self.due, Some(due) if due.answer.is_in_rows())
    }

    fn app_said(&mut self, (header, first): (Header, Option<u8>)) {
        let Header { length, number } = header;
        let next = number.wrapping_add(1);
        let goes_on = core::mem::replace(&mut self.app_goes_on, length == MAX_PAYLOAD);
        match first {
            _ if goes_on => self.renumber(next),
            _ if self.file => self.file_goes_on(length, next),
            // What begins no command is for a server that has asked for it, and this one has not.
            _ if number != 0 => self.lose(),
            // An empty command is an error to servers.
            first => self.asked(Command(first.unwrap_or_default()), next),
        }
    }

    /// The app's last command has come to have one more packet.
    fn renumber(&mut self, next: u8) {
        match (self.behind.back_mut(), &mut self.due) {
            _ if self.file || !self.last_is_owed => {}
            (Some(asked), _) => asked.number = next,
            (None, Some(due)) if !due.begun => due.number = next,
            // A server need not hear a command out to refuse it.
            (None, _) => {}
        }
    }

    fn file_goes_on(&mut self, length: usize, next: u8) {
        if length == 0 {
            self.file = false;
            if let Some(due) = &mut self.due {
                due.number = next;
            }
        }
    }

    fn asked(&mut self, command: Command, number: u8) {
        match command {
            Command::QUIT => self.left = true,
            // With whatever cursor it had.
            Command::STMT_CLOSE => self.status = self.status.without_cursor(),
            _ => {}
        }
        let answer = Answer::to(command);
        self.spoiled |= answer == Some(Answer::Unknown) || is_lasting(command);
        self.last_is_owed = answer.is_some();
        let Some(answer) = answer else { return };
        let asked = Asked { answer, number };
        match &self.due {
            None => self.due = Some(asked.into()),
            Some(_) if self.behind.len() < MOST_OWED => self.behind.push_back(asked),
            Some(_) => self.lose(),
        }
    }

    /// Goes over rows that are whole in `bytes`, which is most of what any server says. Returns what is behind them.
    fn skip_rows<'a>(&mut self, mut bytes: &'a [u8]) -> &'a [u8] {
        let Some(due) = self.due.as_mut().filter(|due| due.answer.is_in_rows()) else {
            return bytes;
        };
        while let Some((header, behind)) = bytes.split_first_chunk()
            && !self.upstream_goes_on
        {
            let Header { length, number } = Header::parse(*header);
            match behind.split_at_checked(length) {
                Some(([..0xfe, ..], rest)) if length < MAX_PAYLOAD => bytes = rest,
                _ => break,
            }
            (due.number, due.begun) = (number.wrapping_add(1), true);
        }
        bytes
    }

    fn upstream_said(&mut self, said: Said) {
        let (header, start) = match &said {
            Said::Row(header) => (header, None),
            Said::Packet(header, start) => (header, Some(start)),
        };
        let goes_on = header.length == MAX_PAYLOAD;
        self.upstream_goes_on = goes_on;
        let Some(due) = &mut self.due else {
            // A word that nobody has asked for: some servers say it when they leave.
            return self.lose();
        };
        due.number = header.number.wrapping_add(1);
        due.begun = true;
        let Some(start) = start else { return };
        match due.answer.hear(start, self.form, &mut self.status) {
            Heard::More => {}
            Heard::End if !goes_on && !self.file => self.next_is_due(),
            Heard::WantsFile if !self.file && self.behind.is_empty() => self.file = true,
            // An end is short, and comes when the file has; what has been sent ahead of a wish for a file would be the file.
            Heard::End | Heard::WantsFile | Heard::Astray => self.lose(),
        }
    }

    fn next_is_due(&mut self) {
        self.due = self.behind.pop_front().map(Due::from);
        if self.behind.is_empty() {
            self.behind = VecDeque::new();
        }
    }

    /// Nothing is followed any more.
    fn lose(&mut self) {
        (self.lost, self.due, self.behind) = (true, None, VecDeque::new());
    }
}

/// Whether a command outlives a reset: a replica that has come forward, another capability than the login's.
fn is_lasting(command: Command) -> bool {
    matches!(command, Command::REGISTER_SLAVE | Command::SET_OPTION)
}

impl From<Asked> for Due {
    fn from(Asked { answer, number }: Asked) -> Self {
        Self {
            answer,
            number,
            begun: false,
        }
    }
}

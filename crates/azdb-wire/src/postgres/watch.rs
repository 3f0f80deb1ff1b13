//! Who owes whom an answer: followed from message tags alone, after the login.
//!
//! A relay needs to know one thing about the conversation: whether it may say a word of its own to the app without cutting
//! into an answer. That is so between messages, when nothing was asked that has not been answered.
//!
//! # Invariants
//!
//! * Whatever an app sends and however a server answers: at rest means that no answer is owed or on its way.
//! * How reads cut the bytes makes no difference.

use super::frame::Header;
use super::tag;
use crate::scanner::{Front, Scanner};

/// Both directions of a session after its first ReadyForQuery.
///
/// It reads tags and lengths and never a body. Where it can't be sure it says "not at rest", for good if need be: the cost
/// of that is a connection closed without a farewell.
#[derive(Debug, Default)]
pub struct Exchange {
    from_app: Scanner<{ Header::LEN }>,
    from_upstream: Scanner<LOOKED_AT>,
    owed: Owed,
    /// The last that the upstream said was an error.
    complained: bool,
    /// As its last ReadyForQuery had it.
    in_transaction: bool,
    whole: Whole,
}

/// What a session is judged by that may be reset for another app.
#[derive(Debug, Default)]
struct Whole {
    /// The upstream has said something behind its last ReadyForQuery, or that had a transaction in it.
    said_more: bool,
    /// The app has asked for answers since its last Sync, which may have none.
    flushed: bool,
    /// The upstream reads the data of a COPY, as far as it has said.
    copies: bool,
    /// Something has passed after which nobody can be sure.
    odd: bool,
}

/// Bytes of an upstream's message that are looked at: its header, and ReadyForQuery's one of the transaction.
const LOOKED_AT: usize = Header::LEN + 1;

/// Messages as they pass.
#[derive(Debug, Default)]
struct Owed {
    /// Requests that one ReadyForQuery each will answer: Query and FunctionCall.
    queries: u32,
    /// Sync messages that one ReadyForQuery each will answer, unless a COPY swallows them.
    syncs: u32,
    /// The app began an extended query and has not said Sync.
    open: bool,
    /// The app has said Terminate.
    left: bool,
    early: EarlySync,
    /// Queries and Syncs were owed for at the same time: which of them a ReadyForQuery has answered is not known.
    mixed: bool,
    /// The app has done what no server's answers can be counted after.
    lost: bool,
}

/// What becomes of a Sync that an app sent before the data of its COPY.
///
/// libpq sends one right behind Execute, before it knows that a COPY begins, and another one behind the data. A server that
/// reads data skips the first; one that fails before it reads any answers both. Tags do not tell which has happened, so after
/// a failure nobody is at rest before the next ReadyForQuery, or the next answer, has shown it.
#[derive(Debug, Default, PartialEq, Eq)]
enum EarlySync {
    /// There is none.
    #[default]
    None,
    /// The upstream waits for data.
    Wanted,
    /// The upstream has refused data before all of it had been sent.
    Refused,
    /// All data has been sent, behind a Sync.
    Sent,
    /// The same, and the COPY has failed.
    Failed,
    /// And one ReadyForQuery has come: there may be another.
    Answered,
}

impl Exchange {
    /// Follows bytes on their way to the upstream, cut anywhere.
    pub fn app_sent(&mut self, bytes: &[u8]) {
        let (owed, whole) = (&mut self.owed, &mut self.whole);
        self.from_app.scan(bytes, front, |tag| {
            whole.app_said(tag, owed);
            owed.app_said(tag);
        });
    }

    /// Follows bytes on their way to the app, cut anywhere.
    pub fn upstream_sent(&mut self, bytes: &[u8]) {
        let (owed, complained) = (&mut self.owed, &mut self.complained);
        let (in_transaction, whole) = (&mut self.in_transaction, &mut self.whole);
        self.from_upstream.scan(bytes, upstreams_front, |said| {
            let (tag, status) = said;
            whole.upstream_said(tag, status);
            *complained = tag == tag::ERROR_RESPONSE;
            *in_transaction = status.map_or(*in_transaction, |status| status != b'I');
            owed.upstream_said(tag);
        });
    }

    /// Whether the app would take an error that ends the session for the upstream's: between two messages, in an answer or not. An
    /// upstream that ended behind an error of its own has said everything.
    pub fn hears_errors(&self) -> bool {
        self.from_upstream.between_frames() && !self.complained && !self.owed.left
    }

    /// Whether the app has said that it leaves.
    pub fn app_left(&self) -> bool {
        self.owed.left
    }

    /// Whether a server would take what comes next for a message: the app is in the middle of none, and has not left.
    pub fn takes_message(&self) -> bool {
        self.from_app.between_frames() && !self.owed.left
    }

    /// Whether the app is at rest and in no transaction.
    pub fn is_idle(&self) -> bool {
        self.at_rest() && !self.in_transaction
    }

    /// Whether the session is one that DISCARD ALL makes like new, as far as messages tell: everything that the app has asked has its
    /// answer, the last of which is ReadyForQuery outside of a transaction, and nothing has ever passed that nobody knows.
    pub fn is_whole(&self) -> bool {
        let Whole {
            said_more,
            flushed,
            odd,
            copies: _,
        } = self.whole;
        let is_certain = self.owed.early == EarlySync::None && !self.owed.mixed;
        self.is_idle() && is_certain && !said_more && !flushed && !odd
    }

    /// Whether a word to the app would cut into nothing.
    pub fn at_rest(&self) -> bool {
        self.owed.is_nothing()
            && self.from_app.between_frames()
            && self.from_upstream.between_frames()
    }
}

/// The same with the state of the transaction, which a ReadyForQuery has.
fn upstreams_front(bytes: &[u8]) -> Front<(u8, Option<u8>)> {
    match front(bytes) {
        Front::Short => Front::Short,
        Front::Impossible => Front::Impossible,
        Front::Whole {
            head,
            body: 1,
            said: said @ tag::READY_FOR_QUERY,
        } => match bytes.get(head) {
            None => Front::Short,
            Some(&status) => Front::Whole {
                head: LOOKED_AT,
                body: 0,
                said: (said, Some(status)),
            },
        },
        Front::Whole { head, body, said } => Front::Whole {
            head,
            body,
            said: (said, None),
        },
    }
}

fn front(bytes: &[u8]) -> Front<u8> {
    match bytes.first_chunk().map(|header| Header::parse(*header)) {
        None => Front::Short,
        Some(Ok(Header { tag, body })) => Front::Whole {
            head: Header::LEN,
            body,
            said: tag,
        },
        Some(Err(_)) => Front::Impossible,
    }
}

impl Whole {
    fn app_said(&mut self, tag: u8, owed: &Owed) {
        match tag {
            b'H' => self.flushed = true,
            b'S' => self.flushed = false,
            b'Q' | b'F' | b'P' | b'B' | b'D' | b'E' | b'C' | b'X' => {}
            // Data for whoever waits for it. A server skips it where nobody does, and an answer to it may be another one than it looks.
            b'd' | b'c' | b'f' if owed.early == EarlySync::Wanted => {}
            _ => self.odd = true,
        }
    }

    fn upstream_said(&mut self, tag: u8, status: Option<u8>) {
        self.said_more = status != Some(b'I');
        // Data may have crossed it, which the upstream has yet to skip.
        self.odd |= self.copies && tag == tag::ERROR_RESPONSE;
        self.copies = match tag {
            tag::COPY_IN | tag::COPY_BOTH => true,
            tag::NOTICE_RESPONSE | tag::PARAMETER_STATUS | tag::NOTIFICATION => self.copies,
            _ => false,
        };
        let is_known = matches!(
            tag,
            b'T' | b'D'
                | b'C'
                | b'I'
                | b'E'
                | b'N'
                | b'S'
                | b'A'
                | b'Z'
                | b'1'
                | b'2'
                | b'3'
                | b'n'
                | b's'
                | b't'
                | b'G'
                | b'H'
                | b'd'
                | b'c'
                | b'V'
        );
        self.odd |= !is_known;
    }
}

impl Owed {
    fn is_nothing(&self) -> bool {
        let certain = matches!(
            self.early,
            EarlySync::None | EarlySync::Wanted | EarlySync::Refused
        );
        self.queries == 0 && self.syncs == 0 && !self.open && certain && !self.lost
    }

    fn app_said(&mut self, tag: u8) {
        // Behind the data of a COPY that may yet fail, drivers say Sync and nothing else.
        let is_copying = matches!(self.early, EarlySync::Sent | EarlySync::Failed) && self.open;
        self.lost |= is_copying && !matches!(tag, b'S' | b'd' | b'H' | b'X');
        match tag {
            b'Q' | b'F' => self.queries = self.queries.saturating_add(1),
            b'S' => {
                self.syncs = self.syncs.saturating_add(1);
                self.open = false;
            }
            // CopyDone, CopyFail
            b'c' | b'f' => self.data_ended(),
            // CopyData, and Flush: nothing answers either.
            b'd' | b'H' => {}
            // Terminate: nothing answers it, and nobody is at rest after it.
            b'X' => (self.open, self.left) = (true, true),
            _ => self.open = true,
        }
        self.mixed |= self.queries > 0 && self.syncs > 0;
    }

    fn data_ended(&mut self) {
        let owes = self.queries > 0 || self.syncs > 0 || self.open;
        self.early = match self.early {
            EarlySync::Wanted | EarlySync::Refused if self.syncs == 0 => EarlySync::None,
            EarlySync::Wanted => EarlySync::Sent,
            EarlySync::Refused => EarlySync::Failed,
            // Nobody has asked for data, at least not since the last was complete.
            _ => return self.lost |= owes,
        };
        if self.syncs > 0 {
            // More than one, or anything behind it, no driver sends.
            self.lost |= self.syncs > 1 || self.mixed || self.open;
            (self.syncs, self.open) = (0, true);
        }
    }

    fn upstream_said(&mut self, tag: u8) {
        match tag {
            tag::READY_FOR_QUERY => return self.ready(),
            // Nobody has asked for these.
            tag::NOTICE_RESPONSE | tag::PARAMETER_STATUS | tag::NOTIFICATION => return,
            _ => {}
        }
        if self.early == EarlySync::Answered {
            // This answers what the app has asked next.
            self.early = EarlySync::None;
        }
        self.early = match (&self.early, tag) {
            (_, tag::COPY_IN | tag::COPY_BOTH) => EarlySync::Wanted,
            (EarlySync::Wanted, tag::ERROR_RESPONSE) => EarlySync::Refused,
            (EarlySync::Sent, tag::ERROR_RESPONSE) => EarlySync::Failed,
            (EarlySync::Wanted | EarlySync::Sent, tag::COMMAND_COMPLETE) => EarlySync::None,
            _ => return,
        };
    }

    fn ready(&mut self) {
        let owed = match self.queries {
            0 => &mut self.syncs,
            _ => &mut self.queries,
        };
        self.early = match self.early {
            // The second of two, because every other request has an answer before its ReadyForQuery.
            EarlySync::Answered => return self.early = EarlySync::None,
            EarlySync::Failed if *owed > 0 => EarlySync::Answered,
            EarlySync::Sent => return self.lost = true,
            _ => EarlySync::None,
        };
        *owed = owed.saturating_sub(1);
        self.mixed &= self.queries > 0 || self.syncs > 0;
    }
}

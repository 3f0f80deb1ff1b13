//! Who owes whom an answer: followed from the headers of packets alone, after the login.
//!
//! # Invariants
//!
//! * However many sessions an app has inside one, and whenever it says "stop": at rest means that no answer is owed or on its
//!   way, and no request is half sent.
//! * Whole means that each request had one answer, and that none was of a kind that leaves more behind than a reset takes back.
//! * How reads cut the bytes makes no difference.

use alloc::vec::Vec;

use super::frame::{Header, SmpHeader, frame_length, kind};
use crate::scanner::{Front, Scanner};

/// Sessions inside a session that are told apart; an app with more requests open at a time is never at rest again.
const MOST_OPEN: usize = 64;

/// Most bytes in front of a payload: SMP's header and the packet's.
const HEADERS: usize = SmpHeader::LEN + Header::LEN;

/// Both directions of a session after its login, MARS or not.
///
/// It never looks behind a header. Where it can't be sure it says "not at rest", for good if need be.
#[derive(Debug, Default)]
pub struct Exchange {
    from_app: Scanner<HEADERS>,
    from_upstream: Scanner<HEADERS>,
    open: Sessions,
    owed: Owed,
}

/// What is owed as far as it can be counted: one answer for each request.
#[derive(Debug, Default)]
struct Owed {
    answers: u32,
    /// Something was said that cannot be counted so, or cannot be taken back.
    lost_count: bool,
}

/// The sessions inside this one (without MARS there is one, 0) that wait for the end of an answer.
#[derive(Debug, Default)]
struct Sessions {
    waiting: Vec<Open>,
    /// There were more than [`MOST_OPEN`].
    lost: bool,
}

/// A session that waits.
#[derive(Debug)]
struct Open {
    sid: u16,
    /// The last that it said was "stop". A server may answer that with one message or with two, and only the payload tells which:
    /// that all of it has come is certain when the app asks for something else.
    attended: bool,
    /// Its request has not ended. A server that cannot use it answers all the same.
    unfinished: bool,
    /// Some of its answer has come.
    begun: bool,
}

impl Exchange {
    /// Follows bytes on their way to the upstream, cut anywhere.
    pub fn app_sent(&mut self, bytes: &[u8]) {
        let (open, owed) = (&mut self.open, &mut self.owed);
        self.from_app.scan(bytes, front, |packet| match packet {
            Said::Plain(header) => {
                open.asked(0, header);
                owed.asked(header);
            }
            Said::InSmp(sid, header) => {
                open.asked(sid, header);
                owed.lost_count = true;
            }
            Said::BySmp => owed.lost_count = true,
        });
    }

    /// Follows bytes on their way to the app, cut anywhere.
    pub fn upstream_sent(&mut self, bytes: &[u8]) {
        let (open, owed) = (&mut self.open, &mut self.owed);
        self.from_upstream
            .scan(bytes, front, |packet| match packet {
                Said::Plain(header) => {
                    open.answered(0, header);
                    owed.answered(header);
                }
                Said::InSmp(sid, header) => {
                    open.answered(sid, header);
                    owed.lost_count = true;
                }
                Said::BySmp => owed.lost_count = true,
            });
    }

    /// Whether one answer is owed of which nothing has come yet: a message of ours would be taken for it.
    pub fn awaits_answer(&self) -> bool {
        let is_next = |open: &Open| !open.begun && !open.attended;
        matches!(self.open.waiting.as_slice(), [open] if is_next(open))
            && !self.open.lost
            && self.from_upstream.between_frames()
    }

    /// Whether the session could be reset here, and be another app's: at rest, every request answered once, and none of them a bulk load, one to the
    /// transaction manager, or an attention, which is answered by one message or by two. Under MARS it never is.
    pub fn is_whole(&self) -> bool {
        self.at_rest() && self.owed.answers == 0 && !self.owed.lost_count
    }

    /// Whether nothing is being asked or answered.
    pub fn at_rest(&self) -> bool {
        self.open.waiting.is_empty()
            && !self.open.lost
            && self.from_app.between_frames()
            && self.from_upstream.between_frames()
    }
}

impl Owed {
    fn asked(&mut self, header: Header) {
        let counts = matches!(header.kind, kind::SQL_BATCH | kind::RPC);
        self.lost_count |= !counts || header.status & Header::IGNORE != 0;
        if header.is_last() {
            self.answers = self.answers.saturating_add(1);
        }
    }

    fn answered(&mut self, header: Header) {
        self.lost_count |= header.kind != kind::RESPONSE;
        match self.answers.checked_sub(u32::from(header.is_last())) {
            Some(left) if self.answers > 0 => self.answers = left,
            // Words that nobody has asked for, or for a request that has not ended.
            _ => self.lost_count = true,
        }
    }
}

/// What stands in front of a payload.
enum Said {
    /// A packet's header.
    Plain(Header),
    /// The same in a session inside the session, of this number.
    InSmp(u16, Header),
    /// One of SMP's own, without a packet in it.
    BySmp,
}

/// Reads the headers in front of a payload.
fn front(bytes: &[u8]) -> Front<Said> {
    let length = match frame_length(bytes) {
        Ok(Some(length)) => length,
        Ok(None) => return Front::Short,
        Err(_) => return Front::Impossible,
    };
    let whole = |head: usize, said| Front::Whole {
        head,
        body: length.saturating_sub(head),
        said,
    };
    let (sid, before, inner) = match bytes {
        [kind::SMP, ..] => match bytes.split_first_chunk() {
            None => return Front::Short,
            Some((smp, inner)) => match SmpHeader::parse(*smp) {
                Err(_) => return Front::Impossible,
                Ok(smp) if smp.flags & SmpHeader::DATA == 0 => {
                    return whole(SmpHeader::LEN, Said::BySmp);
                }
                // Each holds one packet.
                Ok(_) if length < HEADERS => return Front::Impossible,
                Ok(smp) => (Some(smp.sid), SmpHeader::LEN, inner),
            },
        },
        _ => (None, 0, bytes),
    };
    match inner.first_chunk().map(|header| Header::parse(*header)) {
        None => Front::Short,
        Some(Err(_)) => Front::Impossible,
        Some(Ok(header)) => {
            let plain = Said::Plain(header);
            let said = sid.map_or(plain, |sid| Said::InSmp(sid, header));
            whole(before.saturating_add(Header::LEN), said)
        }
    }
}

impl Sessions {
    fn asked(&mut self, sid: u16, header: Header) {
        if let Some(open) = self.note(sid) {
            open.attended = header.kind == kind::ATTENTION;
            open.unfinished = !header.is_last();
        }
    }

    fn answered(&mut self, sid: u16, header: Header) {
        if header.is_last() {
            let stays = |open: &Open| open.sid != sid || open.attended || open.unfinished;
            self.waiting.retain(stays);
        } else if let Some(open) = self.note(sid) {
            open.begun = true;
        }
    }

    /// The session, which waits from now on; `None` when there is no room to remember it.
    fn note(&mut self, sid: u16) -> Option<&mut Open> {
        let known = self.waiting.iter().position(|open| open.sid == sid);
        if known.is_none() {
            if self.waiting.len() >= MOST_OPEN {
                self.lost = true;
                return None;
            }
            self.waiting.push(Open {
                sid,
                attended: false,
                unfinished: false,
                begun: false,
            });
        }
        match known {
            Some(at) => self.waiting.get_mut(at),
            None => self.waiting.last_mut(),
        }
    }
}

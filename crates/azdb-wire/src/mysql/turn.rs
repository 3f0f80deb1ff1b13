//! Whose turn it is, from packet headers alone: whether an app waits for an answer of which nothing has come yet.

use super::frame::Header;
use super::watch::Command;
use crate::scanner::{Front, Scanner};

/// Bytes of a packet that are looked at: its header, and what it begins with.
const LOOKED_AT: usize = Header::LEN + 1;

/// Both directions of a session after its login.
#[derive(Debug, Default)]
pub struct Turn {
    from_app: Scanner<LOOKED_AT>,
    from_upstream: Scanner<LOOKED_AT>,
    /// The number that an answer would begin with.
    next: Option<u8>,
}

impl Turn {
    /// Follows bytes on their way to the upstream, cut anywhere.
    pub fn app_sent(&mut self, bytes: &[u8]) {
        let next = &mut self.next;
        self.from_app.scan(bytes, front, |(number, first)| {
            let is_answered = number != 0 || first.is_none_or(|first| Command(first).is_answered());
            *next = is_answered.then(|| number.wrapping_add(1));
        });
    }

    /// Follows bytes on their way to the app, cut anywhere.
    pub fn upstream_sent(&mut self, bytes: &[u8]) {
        let next = &mut self.next;
        self.from_upstream.scan(bytes, front, |_| *next = None);
    }

    /// The number of the packet that the app would take for the answer it waits for; `None` when it waits for none, or has begun to
    /// read it.
    pub fn answer(&self) -> Option<u8> {
        let between = self.from_app.between_frames() && self.from_upstream.between_frames();
        self.next.filter(|_| between)
    }
}

/// Reads the number of a packet and the first byte behind its header.
fn front(bytes: &[u8]) -> Front<(u8, Option<u8>)> {
    let Some((header, behind)) = bytes.split_first_chunk() else {
        return Front::Short;
    };
    let Header { length, number } = Header::parse(*header);
    match (length.checked_sub(1), behind.first()) {
        (None, _) => Front::Whole {
            head: Header::LEN,
            body: 0,
            said: (number, None),
        },
        (Some(_), None) => Front::Short,
        (Some(body), Some(&first)) => Front::Whole {
            head: LOOKED_AT,
            body,
            said: (number, Some(first)),
        },
    }
}

//! Packets taken apart, and cut anew.

use alloc::vec::Vec;

use crate::tds::frame::{Header, MAX_PACKET, PacketError};

/// Least size of a packet that can be agreed on (MS-TDS 2.2.3.1).
const LEAST: usize = 512;

/// Bytes of memory that stay with a message, which most of its packets use again.
const ROOM: usize = 64 * 1024;

/// What a stream of packets holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// A packet begins.
    Begins(Header),
    /// Some of its payload.
    Share(&'a [u8]),
    /// It has ended.
    Ends(Header),
}

/// Packets as they come in, cut anywhere.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    head: [u8; Header::LEN],
    /// Bytes of `head` that are there.
    have: usize,
    /// The packet whose payload is coming, with what of it is still to come.
    open: Option<(Header, usize)>,
}

impl Incoming {
    /// Takes the next piece off `bytes`; `None` when there is none in them.
    pub(super) fn next<'a>(
        &mut self,
        bytes: &mut &'a [u8],
    ) -> Result<Option<Piece<'a>>, PacketError> {
        if let Some((header, left)) = &mut self.open {
            if *left == 0 {
                let header = *header;
                self.open = None;
                return Ok(Some(Piece::Ends(header)));
            }
            let (share, rest) = bytes.split_at_checked(*left).unwrap_or((bytes, &[]));
            *left = left.saturating_sub(share.len());
            *bytes = rest;
            return Ok((!share.is_empty()).then_some(Piece::Share(share)));
        }
        for slot in self.head.iter_mut().skip(self.have) {
            let Some((byte, rest)) = bytes.split_first() else {
                return Ok(None);
            };
            (*slot, *bytes) = (*byte, rest);
            self.have = self.have.saturating_add(1);
        }
        self.have = 0;
        let header = Header::parse(self.head)?;
        self.open = Some((header, header.payload()));
        Ok(Some(Piece::Begins(header)))
    }
}

/// What stands in the headers of a message's packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) kind: u8,
    pub(super) spid: u16,
}

/// What waits to be cut into packets.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// Most bytes behind a packet's header.
    share: usize,
    waiting: Vec<u8>,
    /// Bytes in front of these that have gone.
    gone: usize,
    /// From here on nothing may go yet.
    held: Option<usize>,
    /// Bits of status for the next packet alone.
    first: u8,
    id: u8,
}

impl Outgoing {
    /// For packets of at most `size` bytes.
    pub(super) fn new(size: usize) -> Self {
        let size = size.clamp(LEAST, MAX_PACKET);
        Self {
            share: size.saturating_sub(Header::LEN),
            waiting: Vec::new(),
            gone: 0,
            held: None,
            first: 0,
            id: 0,
        }
    }

    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.waiting.capacity()
    }

    /// The message's bytes that wait. Whoever takes some back does not go behind what was held.
    pub(super) fn waiting(&mut self) -> &mut Vec<u8> {
        &mut self.waiting
    }

    /// Holds what comes from here on, unless something is held already.
    pub(super) fn hold(&mut self) {
        self.held.get_or_insert(self.waiting.len());
    }

    /// Where the message is now. It stays the same place when what is in front of it goes.
    pub(super) fn place(&self) -> usize {
        self.gone.wrapping_add(self.waiting.len())
    }

    /// What waits in front of a place, in bytes.
    pub(super) fn in_front_of(&self, place: usize) -> usize {
        place.wrapping_sub(self.gone)
    }

    /// Takes back everything that is held, or what waits from the place `from` on. Whether that was more than the latter.
    pub(super) fn take_back(&mut self, from: usize) -> bool {
        let from = self.in_front_of(from);
        let at = self.held.take().unwrap_or(from);
        self.waiting.truncate(at);
        at < from
    }

    /// Lets go what was held.
    pub(super) fn release(&mut self) {
        self.held = None;
    }

    /// Lets go what was held if it is more than a packet.
    pub(super) fn release_full(&mut self) {
        let held = self
            .held
            .map(|held| self.waiting.len().saturating_sub(held));
        if held.is_some_and(|held| held > self.share) {
            self.release();
        }
    }

    /// Begins a message anew, whatever waited.
    pub(super) fn begin(&mut self, first: u8) {
        self.waiting = Vec::new();
        (self.held, self.first, self.id) = (None, first, 0);
    }

    /// Appends to `out` the packets that are full, and behind which something comes.
    pub(super) fn cut_full(&mut self, of: Message, out: &mut Vec<u8>) {
        self.cut(of, None, out);
    }

    /// Appends everything to `out` that is not held. The last packet has these bits of status: a message's end may be an empty one.
    pub(super) fn cut_all(&mut self, of: Message, last: u8, out: &mut Vec<u8>) {
        self.cut(of, Some(last), out);
        if last & Header::LAST != 0 {
            // An idle session keeps nothing of its last message.
            self.begin(0);
        }
    }

    fn cut(&mut self, of: Message, last: Option<u8>, out: &mut Vec<u8>) {
        let whole = self.held.unwrap_or(self.waiting.len());
        let mut gone = 0usize;
        loop {
            let left = self.waiting.get(gone..whole).unwrap_or_default();
            let (share, status) = match (left.split_at_checked(self.share), last) {
                (Some((share, [_, ..])), _) => (share, 0),
                (_, Some(0)) if left.is_empty() => break,
                (_, Some(last)) => (left, last),
                (_, None) => break,
            };
            self.id = self.id.wrapping_add(1);
            let length = share.len().saturating_add(Header::LEN);
            let header = Header {
                kind: of.kind,
                status: status | core::mem::take(&mut self.first),
                length: u16::try_from(length).unwrap_or(u16::MAX),
                spid: of.spid,
                id: self.id,
            };
            out.extend_from_slice(&header.encode());
            out.extend_from_slice(share);
            gone = gone.saturating_add(share.len());
            if last == Some(status) && gone == whole {
                break;
            }
        }
        self.waiting.drain(..gone);
        if gone > 0 {
            // The memory of a long value goes with it.
            self.waiting.shrink_to(ROOM);
        }
        self.gone = self.gone.wrapping_add(gone);
        self.held = self.held.map(|held| held.saturating_sub(gone));
    }
}

//! Envelopes that go to the app, filled with whole packets.
//!
//! The protocol lets a packet go on over as many envelopes as it likes. MySQL's own Connector/Python takes two for one packet, and
//! a packet's header only in one piece, because that is what servers send. So what a read has cut off at its end waits for its
//! rest; an app cannot do anything with it before either. A packet that is too long to wait as it is waits compressed.

use std::cell::RefCell;
use std::io;
use std::task::{Context, Poll};

use azdb_wire::mysql::Envelope;

use super::Method;
use super::press::Press;
use crate::relay::SCRATCH;
use crate::way::{Stream, Unsent, poll_some};

/// The most that is taken at once: what the relay writes. Of a packet's beginning so much waits as it is.
pub(super) const MOST: usize = SCRATCH;

/// The most that goes into one envelope: such that it also fits when it can't be made shorter, for which zlib and zstd need a
/// few bytes for some ten thousand.
const LONGEST: usize = Envelope::MOST - 32 * 1024;

thread_local! {
    /// Borrowed for one write and never across an await. Each envelope is a stream of its own, so no session has to keep one.
    static THREAD_PRESS: RefCell<Option<Press>> = const { RefCell::new(None) };
}

/// The writing half.
#[derive(Debug)]
pub(super) struct Packer {
    method: Method,
    /// The beginning of a packet whose rest has not come yet.
    begun: Begun,
    /// What the stream would not take of envelopes.
    unsent: Unsent,
}

#[derive(Debug)]
enum Begun {
    /// As it came; not more than [`MOST`].
    Short(Vec<u8>),
    Long(Box<Press>),
}

impl Packer {
    pub(super) fn new(method: Method) -> Self {
        Self {
            method,
            begun: Begun::Short(Vec::new()),
            unsent: Unsent::default(),
        }
    }

    #[cfg(test)]
    pub(super) fn holds(&self) -> usize {
        match &self.begun {
            Begun::Short(held) => held.capacity() + self.unsent.capacity(),
            Begun::Long(_) => usize::MAX,
        }
    }

    /// Waits until the last envelope has left, and gives its memory back.
    pub(super) fn poll_sent<S: Stream>(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut S,
    ) -> Poll<io::Result<()>> {
        self.unsent.poll_sent(cx, stream)
    }

    /// Sends what ends whole packets, and keeps what begins another.
    pub(super) fn pack<S: Stream>(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut S,
        mut number: impl FnMut() -> u8,
        (whole, begun): (&[u8], &[u8]),
    ) -> io::Result<()> {
        if !whole.is_empty() {
            self.end(cx, stream, &mut number, whole)?;
        }
        let begun = match &mut self.begun {
            Begun::Short(held) if held.len() + begun.len() <= MOST => {
                held.extend_from_slice(begun);
                return Ok(());
            }
            Begun::Short(held) => {
                let mut press = Box::new(Press::new(self.method)?);
                press.feed(held)?;
                self.begun = Begun::Long(press);
                begun
            }
            Begun::Long(_) => begun,
        };
        self.go_on(cx, stream, &mut number, begun)
    }

    /// Sends what has begun although its rest has not come.
    pub(super) fn give_up<S: Stream>(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut S,
        mut number: impl FnMut() -> u8,
    ) -> io::Result<()> {
        match &self.begun {
            Begun::Short(held) if held.is_empty() => Ok(()),
            _ => self.end(cx, stream, &mut number, &[]),
        }
    }

    /// Sends what has begun, and what it goes on with.
    fn end<S: Stream>(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut S,
        number: &mut impl FnMut() -> u8,
        rest: &[u8],
    ) -> io::Result<()> {
        if let Begun::Long(_) = self.begun {
            self.go_on(cx, stream, number, rest)?;
        }
        match std::mem::replace(&mut self.begun, Begun::Short(Vec::new())) {
            Begun::Long(press) => {
                let envelope = press.into_envelope(number())?;
                self.send(cx, stream, envelope)
            }
            Begun::Short(held) => THREAD_PRESS.with_borrow_mut(|press| {
                let press = match press {
                    Some(press) => press,
                    none => none.insert(Press::new(self.method)?),
                };
                let envelope = pack_short(press, self.method, number(), [&held, rest])?;
                self.send_slice(cx, stream, envelope)
            }),
        }
    }

    /// Goes on with a long packet, in another envelope where one cannot hold more.
    fn go_on<S: Stream>(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut S,
        number: &mut impl FnMut() -> u8,
        mut bytes: &[u8],
    ) -> io::Result<()> {
        while let Begun::Long(press) = &mut self.begun {
            let room = LONGEST.saturating_sub(press.taken());
            let (now, later) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
            press.feed(now)?;
            bytes = later;
            if bytes.is_empty() {
                break;
            }
            let full = std::mem::replace(&mut **press, Press::new(self.method)?);
            let envelope = full.into_envelope(number())?;
            self.send(cx, stream, envelope)?;
        }
        Ok(())
    }

    fn send<S: Stream>(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut S,
        envelope: Vec<u8>,
    ) -> io::Result<()> {
        if !self.unsent.is_empty() {
            self.unsent.end().extend_from_slice(&envelope);
            return Ok(());
        }
        *self.unsent.end() = envelope;
        match self.poll_sent(cx, stream) {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => Ok(()),
        }
    }

    /// The same with one that is not ours to keep.
    fn send_slice<S: Stream>(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut S,
        mut envelope: &[u8],
    ) -> io::Result<()> {
        while self.unsent.is_empty() && !envelope.is_empty() {
            match poll_some(cx, stream, envelope) {
                Poll::Ready(count) => envelope = envelope.get(count?..).unwrap_or_default(),
                Poll::Pending => break,
            }
        }
        self.unsent.end().extend_from_slice(envelope);
        Ok(())
    }
}

/// An envelope of these two pieces, as they are where that is no longer.
fn pack_short<'a>(
    press: &'a mut Press,
    method: Method,
    number: u8,
    pieces: [&[u8]; 2],
) -> io::Result<&'a [u8]> {
    let inflated = pieces.iter().map(|piece| piece.len()).sum();
    press.begin(method)?;
    if inflated >= Envelope::WORTHWHILE {
        for piece in pieces {
            press.feed(piece)?;
        }
        if press.finish()? < inflated {
            return Ok(press.close(number));
        }
    }
    Ok(press.store(number, pieces))
}

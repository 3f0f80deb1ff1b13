//! Envelopes that come from the app, opened.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use azdb_wire::mysql::Envelope;
use bytes::BytesMut;
use tokio::io::ReadBuf;

use super::inflate::{Inflating, Step};
use super::{Method, bad};
use crate::way::Stream;

/// Bytes asked of the stream at a time: at least a TLS record (RFC 8446, section 5.1).
const CHUNK: usize = 16 * 1024;

thread_local! {
    /// Borrowed for one poll and never across an await. It holds bytes of whichever session used it last.
    static THREAD_CHUNK: RefCell<Box<[u8]>> = RefCell::new(vec![0; CHUNK].into_boxed_slice());
}

/// The reading half.
#[derive(Debug)]
pub(super) struct Opener {
    method: Method,
    /// Where the first byte of `unopened` stands.
    place: Place,
    /// What was read and not used: too little for a header, or more than the reader had room for.
    unopened: BytesMut,
    /// The number of the next envelope, whosever it is.
    number: u8,
}

#[derive(Debug)]
enum Place {
    /// Between two envelopes.
    Between,
    /// In one whose bytes are what they are, so many before its end.
    Stored(usize),
    /// In one that inflates.
    Inflating(Inflating),
}

impl Opener {
    /// Opens envelopes of which `unopened` have been read.
    pub(super) fn new(method: Method, unopened: BytesMut) -> Self {
        Self {
            method,
            place: Place::Between,
            unopened,
            number: 0,
        }
    }

    #[cfg(test)]
    pub(super) fn holds(&self) -> usize {
        match self.place {
            Place::Between => self.unopened.capacity(),
            _ => usize::MAX,
        }
    }

    /// The number of an envelope of ours: both sides count together, and the app begins anew with each command.
    pub(super) fn take_number(&mut self) -> u8 {
        let number = self.number;
        self.number = number.wrapping_add(1);
        number
    }

    /// Reads what is in the app's envelopes. Nothing read is their end, as with any stream.
    pub(super) fn poll_open<S: Stream>(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut S,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let room = buf.remaining();
        let mut unopened = std::mem::take(&mut self.unopened);
        let rest = self.open(&unopened, buf)?;
        if rest > 0 {
            self.unopened = unopened.split_off(unopened.len() - rest);
        }
        while buf.remaining() == room && room > 0 {
            let more = THREAD_CHUNK.with_borrow_mut(|chunk| self.poll_more(cx, stream, buf, chunk));
            if ready!(more)? == More::Ended {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Reads once from the stream, and opens what has come.
    fn poll_more<S: Stream>(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut S,
        buf: &mut ReadBuf<'_>,
        chunk: &mut [u8],
    ) -> Poll<io::Result<More>> {
        // What is unopened and has brought nothing is the beginning of a header.
        let mut input = ReadBuf::new(chunk);
        input.put_slice(&self.unopened);
        ready!(Pin::new(stream).poll_read(cx, &mut input))?;
        if input.filled().len() == self.unopened.len() {
            return Poll::Ready(match self.place {
                Place::Between if self.unopened.is_empty() => Ok(More::Ended),
                _ => Err(io::ErrorKind::UnexpectedEof.into()),
            });
        }
        let rest = self.open(input.filled(), buf)?;
        let (_, rest) = input.filled().split_at(input.filled().len() - rest);
        self.unopened = BytesMut::from(rest);
        Poll::Ready(Ok(More::ToCome))
    }

    /// Opens envelopes as far as `input` and the room in `buf` go. Says how many bytes of `input` are left.
    fn open(&mut self, mut input: &[u8], buf: &mut ReadBuf<'_>) -> io::Result<usize> {
        loop {
            let used = match &mut self.place {
                Place::Between => {
                    let Some(header) = input.first_chunk() else {
                        return Ok(input.len());
                    };
                    self.begin(Envelope::parse(*header))?;
                    Envelope::LEN
                }
                Place::Stored(left) => {
                    let count = input.len().min(buf.remaining()).min(*left);
                    let Some(now @ [_, ..]) = input.get(..count) else {
                        return Ok(input.len());
                    };
                    buf.put_slice(now);
                    *left -= count;
                    if *left == 0 {
                        self.place = Place::Between;
                    }
                    count
                }
                Place::Inflating(inflating) => match inflating.step(input, buf)? {
                    Step::Waiting => return Ok(input.len()),
                    Step::Moved(used) => used,
                    Step::Done(used) => {
                        self.place = Place::Between;
                        used
                    }
                },
            };
            input = input.get(used..).unwrap_or_default();
        }
    }

    /// Goes behind a header.
    fn begin(&mut self, envelope: Envelope) -> io::Result<()> {
        self.number = envelope.number.wrapping_add(1);
        self.place = match (envelope.length, envelope.inflated) {
            (0, 0) => Place::Between,
            (0, _) => return Err(bad("the app sent an envelope without contents")),
            (length, 0) => Place::Stored(length),
            (_, _) => Place::Inflating(Inflating::new(self.method, envelope)?),
        };
        Ok(())
    }
}

/// Whether a stream has more.
#[derive(Debug, PartialEq, Eq)]
enum More {
    ToCome,
    Ended,
}

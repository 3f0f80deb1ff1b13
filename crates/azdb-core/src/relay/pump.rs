//! One direction of a relay.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Cut, SCRATCH};

/// Plaintext of the largest TLS record (RFC 8446, section 5.1).
const RECORD: usize = 16 * 1024;

/// Bytes after which a direction lets others have their turn.
const FAIR_SHARE: usize = 1024 * 1024;

thread_local! {
    /// Borrowed for one poll and never across an await. It holds bytes of whichever session used it last: only the part that
    /// a read has just filled may be looked at.
    static THREAD_SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH].into_boxed_slice());
}

/// What a poll of a direction came to.
#[derive(Debug)]
pub(super) enum Progress {
    /// Nothing that the session must know.
    Going,
    /// The source has ended, told once and before the sink is: the next poll goes on with that. What was held back may still be
    /// on its way.
    SourceEnded(SourceEnd),
    /// The sink takes nothing any more. The direction is over.
    SinkBroke(io::Error),
}

/// How a source has ended.
#[derive(Debug)]
pub(super) enum SourceEnd {
    /// It said so, or has no way to.
    Whole,
    /// It had TLS around it and did not say that this was the end.
    CutOff,
    /// It cannot be read.
    Broke(io::Error),
}

#[derive(Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Open,
    /// The source has ended; the sink is to be told once it has taken the rest.
    Ending,
    /// Nothing more is read until the session goes on; the sink has yet to take the rest.
    Pausing,
    Over,
}

/// Bytes from a source to a sink.
#[derive(Debug, Default)]
pub(super) struct Direction {
    state: State,
    /// What the sink would not take.
    held: Vec<u8>,
    /// Bytes of `held` that it has taken since.
    taken: usize,
    unflushed: bool,
    /// What was read and may not go yet: a few bytes that are shown again with those behind them, or, at a pause, what is
    /// not the relay's any more.
    behind: Vec<u8>,
    /// The sink is not told of the end: there is something to say to it before.
    spares_the_end: bool,
    moved: u64,
}

impl Direction {
    /// Bytes that the sink took.
    pub(super) fn moved(&self) -> u64 {
        self.moved
    }

    pub(super) fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// Whether everything that was read has left.
    pub(super) fn holds_nothing(&self) -> bool {
        self.held.is_empty() && !self.unflushed
    }

    /// Leaves the sink as it is when the source has ended.
    pub(super) fn spare_the_end(&mut self) {
        self.spares_the_end = true;
    }

    /// What the sink has yet to take.
    pub(super) fn take_held(&mut self) -> Vec<u8> {
        let mut held = std::mem::take(&mut self.held);
        held.drain(..self.taken.min(held.len()));
        held
    }

    /// Whether everything before a pause has left.
    pub(super) fn is_paused(&self) -> bool {
        self.state == State::Pausing && self.holds_nothing()
    }

    /// What was read and lies behind the pause.
    pub(super) fn take_behind(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.behind)
    }

    /// Moves what can be moved now. `watch` says how much of what was read that is.
    pub(super) fn poll<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut R,
        sink: &mut W,
        mut watch: impl FnMut(&[u8]) -> Cut,
    ) -> Progress
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        if self.state == State::Over {
            return Progress::Going;
        }
        let outcome = THREAD_SCRATCH
            .with_borrow_mut(|scratch| self.poll_with(cx, source, sink, scratch, &mut watch));
        match outcome {
            Poll::Pending | Poll::Ready(Ok(None)) => Progress::Going,
            Poll::Ready(Ok(Some(progress))) => progress,
            Poll::Ready(Err(error)) => {
                self.end();
                Progress::SinkBroke(error)
            }
        }
    }

    /// `Err` is the sink's; the source's errors are a [`Progress`].
    fn poll_with<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut R,
        sink: &mut W,
        scratch: &mut [u8],
        watch: &mut impl FnMut(&[u8]) -> Cut,
    ) -> Poll<io::Result<Option<Progress>>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let mut share = FAIR_SHARE;
        loop {
            ready!(self.poll_held(cx, sink))?;
            if self.state == State::Ending {
                ready!(self.poll_end(cx, sink))?;
                return Poll::Ready(Ok(None));
            }
            if self.state == State::Pausing {
                ready!(self.poll_flush(cx, sink))?;
                return Poll::Pending;
            }
            let mut buffer = ReadBuf::new(scratch);
            buffer.put_slice(&self.behind);
            self.behind.clear();
            let read = fill(cx, source, &mut buffer);
            let filled = self.cut(buffer.filled(), &read, watch);
            self.poll_send(cx, sink, filled)?;
            match read {
                // An end or a break of the source is met again when the relay goes on.
                _ if self.state == State::Pausing => {}
                Read::Full => {
                    share = share.saturating_sub(filled.len());
                    if share == 0 {
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                }
                Read::Dry => {
                    // Also when nothing is left to flush: a sink that has taken everything may have to look after it still.
                    ready!(Pin::new(&mut *sink).poll_flush(cx))?;
                    self.unflushed = false;
                    return Poll::Pending;
                }
                // What arrived before the end is the far side's; it gets the rest of it, and an end.
                Read::Over(end) => {
                    self.state = State::Ending;
                    return Poll::Ready(Ok(Some(Progress::SourceEnded(end))));
                }
            }
        }
    }

    /// The part of `filled` that goes now. The rest is kept, and so is that it was a pause.
    fn cut<'a>(
        &mut self,
        filled: &'a [u8],
        read: &Read,
        watch: &mut impl FnMut(&[u8]) -> Cut,
    ) -> &'a [u8] {
        let at = match (watch(filled), read) {
            (Cut::Pause(at), _) => {
                self.state = State::Pausing;
                at
            }
            (Cut::Hold(at), Read::Full | Read::Dry) => at,
            // Nothing comes that could explain what was held.
            (Cut::Hold(_), Read::Over(_)) | (Cut::Through, _) => filled.len(),
        };
        let (now, behind) = filled.split_at_checked(at).unwrap_or((filled, &[]));
        self.behind.extend_from_slice(behind);
        now
    }

    fn poll_end<W: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        sink: &mut W,
    ) -> Poll<io::Result<()>> {
        let outcome = ready!(if self.spares_the_end {
            Pin::new(sink).poll_flush(cx)
        } else {
            Pin::new(sink).poll_shutdown(cx)
        });
        self.end();
        Poll::Ready(outcome)
    }

    fn end(&mut self) {
        self.state = State::Over;
        (self.held, self.taken, self.unflushed) = (Vec::new(), 0, false);
    }

    /// Writes `bytes`, and keeps what the sink does not take now.
    fn poll_send<W: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        sink: &mut W,
        mut bytes: &[u8],
    ) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.poll_write(cx, sink, bytes) {
                Poll::Ready(count) => bytes = bytes.get(count?..).unwrap_or_default(),
                Poll::Pending => {
                    self.held = bytes.to_vec();
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Writes what was held back, and gives its memory back when all of it has gone.
    fn poll_held<W: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        sink: &mut W,
    ) -> Poll<io::Result<()>> {
        let held = std::mem::take(&mut self.held);
        while let Some(rest @ [_, ..]) = held.get(self.taken..) {
            match self.poll_write(cx, sink, rest) {
                Poll::Ready(Ok(count)) => self.taken += count,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    self.held = held;
                    return Poll::Pending;
                }
            }
        }
        self.taken = 0;
        Poll::Ready(Ok(()))
    }

    fn poll_write<W: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        sink: &mut W,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let count = ready!(Pin::new(sink).poll_write(cx, bytes))?;
        if count == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.unflushed = true;
        self.moved += count as u64;
        Poll::Ready(Ok(count))
    }

    fn poll_flush<W: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        sink: &mut W,
    ) -> Poll<io::Result<()>> {
        if self.unflushed && self.held.is_empty() {
            ready!(Pin::new(sink).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }
}

/// Why reading stopped.
enum Read {
    Full,
    Dry,
    /// Nothing comes any more, and this is how it ended.
    Over(SourceEnd),
}

/// Reads until the buffer is full or the source has no more for now.
fn fill<R: AsyncRead + Unpin>(
    cx: &mut Context<'_>,
    source: &mut R,
    buffer: &mut ReadBuf<'_>,
) -> Read {
    // With less room than a record takes, its rest would stay behind in the TLS session and cost it a buffer.
    while buffer.remaining() >= RECORD || buffer.filled().is_empty() {
        let before = buffer.filled().len();
        match Pin::new(&mut *source).poll_read(cx, buffer) {
            Poll::Ready(Ok(())) if buffer.filled().len() == before => {
                return Read::Over(SourceEnd::Whole);
            }
            Poll::Ready(Ok(())) => {}
            // Databases often close without a close_notify; their answers are framed, so nothing is cut off unnoticed.
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Read::Over(SourceEnd::CutOff);
            }
            Poll::Ready(Err(error)) => return Read::Over(SourceEnd::Broke(error)),
            Poll::Pending => return Read::Dry,
        }
    }
    Read::Full
}

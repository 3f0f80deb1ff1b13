//! A connection whose far end does what a test says: it cuts what it gives, takes what it likes, waits, and breaks.

use std::collections::VecDeque;
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Wake, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes of each call, over and over. None at all is "not now", and a waker that is called at once.
#[derive(Debug, Clone)]
pub(super) struct Pace(Vec<usize>, usize);

impl Pace {
    /// Whatever there is.
    pub(super) fn whole() -> Self {
        Self::of(&[usize::MAX])
    }

    pub(super) fn of(steps: &[usize]) -> Self {
        let mut steps = steps.to_vec();
        if steps.iter().all(|step| *step == 0) {
            steps.push(usize::MAX);
        }
        Self(steps, 0)
    }

    fn step(&mut self) -> usize {
        let step = self.0.get(self.1 % self.0.len()).copied().unwrap();
        self.1 += 1;
        step
    }
}

/// What becomes of bytes that are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sink {
    Open,
    /// Nobody reads: a writer waits.
    Full,
    /// It takes none of the bytes, and does not say why.
    Nothing,
    Broken(io::ErrorKind),
}

/// What comes behind the last byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behind {
    /// Perhaps more.
    Nothing,
    End,
    Break(io::ErrorKind),
}

#[derive(Debug)]
pub(super) struct Ends {
    incoming: VecDeque<u8>,
    pub(super) behind: Behind,
    gives: Pace,
    takes: Pace,
    pub(super) sink: Sink,
    pub(super) outgoing: Vec<u8>,
    /// Bytes given so far.
    pub(super) given: usize,
    pub(super) reads: usize,
    pub(super) writes: usize,
    pub(super) is_shut: bool,
    /// Written and not flushed.
    pub(super) is_unflushed: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// Both ends of it share one of these.
#[derive(Debug, Clone)]
pub(super) struct Wire(Arc<Mutex<Ends>>);

impl Wire {
    pub(super) fn new(gives: Pace, takes: Pace) -> Self {
        Self(Arc::new(Mutex::new(Ends {
            incoming: VecDeque::new(),
            behind: Behind::Nothing,
            gives,
            takes,
            sink: Sink::Open,
            outgoing: Vec::new(),
            given: 0,
            reads: 0,
            writes: 0,
            is_shut: false,
            is_unflushed: false,
            reader: None,
            writer: None,
        })))
    }

    pub(super) fn ends(&self) -> MutexGuard<'_, Ends> {
        self.0.lock().unwrap()
    }

    /// The far end says this.
    pub(super) fn give(&self, bytes: &[u8]) {
        let mut ends = self.ends();
        ends.incoming.extend(bytes);
        let _ = ends.reader.take().map(Waker::wake);
    }

    pub(super) fn end_with(&self, behind: Behind) {
        let mut ends = self.ends();
        ends.behind = behind;
        let _ = ends.reader.take().map(Waker::wake);
    }

    pub(super) fn turn(&self, sink: Sink) {
        let mut ends = self.ends();
        ends.sink = sink;
        let _ = ends.writer.take().map(Waker::wake);
    }

    /// From here on in this manner.
    pub(super) fn pace(&self, gives: Pace, takes: Pace) {
        let mut ends = self.ends();
        (ends.gives, ends.takes) = (gives, takes);
    }

    /// What was written since the last call.
    pub(super) fn taken(&self) -> Vec<u8> {
        std::mem::take(&mut self.ends().outgoing)
    }

    /// Bytes that nobody has read.
    pub(super) fn unread(&self) -> usize {
        self.ends().incoming.len()
    }

    /// Polls until it is done, or until it waits for something that only a test can bring about: then `None`.
    ///
    /// Who waits must have said whom to wake.
    pub(super) fn poll<F: Future + Unpin>(&self, future: &mut F) -> Option<F::Output> {
        let woken = Arc::new(Woken(AtomicBool::new(false)));
        let waker = Waker::from(Arc::clone(&woken));
        for _ in 0..1_000_000 {
            woken.0.store(false, Ordering::Relaxed);
            {
                let mut ends = self.ends();
                (ends.reader, ends.writer) = (None, None);
            }
            let polled = Pin::new(&mut *future).poll(&mut Context::from_waker(&waker));
            if let Poll::Ready(output) = polled {
                return Some(output);
            }
            if woken.0.load(Ordering::Relaxed) {
                continue;
            }
            let ends = self.ends();
            let ours =
                |kept: &Option<Waker>| kept.as_ref().is_some_and(|kept| kept.will_wake(&waker));
            assert!(
                ours(&ends.reader) || ours(&ends.writer),
                "it waits, and nobody will wake it"
            );
            return None;
        }
        panic!("it never comes to rest");
    }

    /// The same of an `async` block.
    pub(super) fn run<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        self.poll(&mut pin!(future))
    }
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        assert!(
            buf.remaining() > 0,
            "no room: nothing would look like an end"
        );
        let mut ends = self.ends();
        ends.reads += 1;
        if ends.incoming.is_empty() {
            return match ends.behind {
                Behind::Nothing => {
                    ends.reader = Some(cx.waker().clone());
                    Poll::Pending
                }
                Behind::End => Poll::Ready(Ok(())),
                Behind::Break(kind) => Poll::Ready(Err(kind.into())),
            };
        }
        let count = match ends.gives.step() {
            0 => {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            count => count.min(ends.incoming.len()).min(buf.remaining()),
        };
        for byte in ends.incoming.drain(..count) {
            buf.put_slice(&[byte]);
        }
        ends.given += count;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut ends = self.ends();
        ends.writes += 1;
        assert!(!ends.is_shut, "bytes behind the end");
        match ends.sink {
            Sink::Open => {}
            Sink::Full => {
                ends.writer = Some(cx.waker().clone());
                return Poll::Pending;
            }
            Sink::Nothing => return Poll::Ready(Ok(0)),
            Sink::Broken(kind) => return Poll::Ready(Err(kind.into())),
        }
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let count = match ends.takes.step() {
            0 => {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            count => count.min(bytes.len()),
        };
        ends.outgoing.extend_from_slice(bytes.get(..count).unwrap());
        ends.is_unflushed = true;
        Poll::Ready(Ok(count))
    }

    /// As sockets do it: whoever has several pieces gives them at once.
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let pieces: Vec<&[u8]> = pieces.iter().map(|piece| &**piece).collect();
        self.poll_write(cx, &pieces.concat())
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut ends = self.ends();
        match ends.sink {
            Sink::Broken(kind) => Poll::Ready(Err(kind.into())),
            Sink::Open | Sink::Full | Sink::Nothing => {
                ends.is_unflushed = false;
                Poll::Ready(Ok(()))
            }
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut ends = self.ends();
        match ends.sink {
            Sink::Broken(kind) => Poll::Ready(Err(kind.into())),
            Sink::Open | Sink::Full | Sink::Nothing => {
                ends.is_shut = true;
                Poll::Ready(Ok(()))
            }
        }
    }
}

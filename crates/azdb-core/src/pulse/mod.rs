//! A TCP connection, and whether its far end is still there.
//!
//! A far end that vanishes (a failover, a NAT that forgets, a machine without power) says nothing of it, and a kernel believes in
//! it for a quarter of an hour. Two clocks of the kernel's end that earlier:
//!
//! ```text
//!   at rest                  keepalive: a probe every half limit, three more, and the connection breaks
//!   bytes on their way       TCP_USER_TIMEOUT: no answer to any of them within the limit, and it breaks   (Linux)
//! ```
//!
//! TCP_USER_TIMEOUT has a second meaning: it also breaks a connection whose far end is there, answers every probe, and takes
//! no bytes for so long, as a program does that pauses over its rows or a server that waits for a lock. Nothing is wrong with
//! those; so while bytes are on their way, a [`Pulse`] looks at its socket from time to time and gives a far end that answers more
//! time.
//!
//! On systems without TCP_USER_TIMEOUT bytes on their way keep the kernel's own patience.
//!
//! # Invariants
//!
//! * A connection that has broken is known by a flush within a second, also to whoever neither reads nor writes.
//! * A far end that answers no packet for the limit is gone, whatever was going on.
//! * A far end that answers is never gone, however long it takes nothing.

#[cfg(target_os = "linux")]
mod kernel;
#[cfg(target_os = "linux")]
mod vigil;

use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use azdb_quote::Chain;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

#[cfg(target_os = "linux")]
use vigil::Vigil;

/// Azure's load balancer forgets a silent connection after four minutes; a keepalive must come well before.
const LONGEST_REST: Duration = Duration::from_secs(60);
/// Probes without an answer after which an idle far end is gone.
const PROBES: u32 = 3;
/// How often a kernel is asked at most whether a connection has broken: a question costs as much as a write.
const ASKS: Duration = Duration::from_millis(500);
/// Kernels count keepalive in whole seconds.
const SECOND: Duration = Duration::from_secs(1);

/// A TCP connection that breaks when its far end has vanished.
#[derive(Debug)]
pub(crate) struct Pulse {
    stream: TcpStream,
    /// When its kernel was asked last whether it has broken.
    asked: Instant,
    #[cfg(target_os = "linux")]
    vigil: Option<Vigil>,
}

impl Pulse {
    /// A connection that waits for its far end as long as the kernel likes, without delay: databases are spoken to in small
    /// packets.
    pub(crate) fn of(stream: TcpStream) -> Self {
        note("TCP_NODELAY", stream.set_nodelay(true));
        Self::around(stream)
    }

    fn around(stream: TcpStream) -> Self {
        Self {
            stream,
            asked: Instant::now(),
            #[cfg(target_os = "linux")]
            vigil: None,
        }
    }

    /// From now on the far end has vanished when its machine answers nothing for `limit`.
    pub(crate) fn must_answer_within(&mut self, limit: Duration) {
        let socket = SockRef::from(&self.stream);
        let keepalive = socket.set_tcp_keepalive(&keepalive_within(limit));
        note("keepalive", keepalive);
        #[cfg(target_os = "linux")]
        {
            note("TCP_USER_TIMEOUT", socket.set_tcp_user_timeout(Some(limit)));
            self.vigil = Some(Vigil::within(limit));
        }
    }

    /// One that leaves the runtime of this thread. Its far end has not had to answer yet.
    ///
    /// # Errors
    ///
    /// Whatever the kernel reports.
    pub(crate) fn into_std(self) -> io::Result<std::net::TcpStream> {
        self.stream.into_std()
    }

    /// One that has left another thread's: the runtime of this thread waits for it.
    ///
    /// # Errors
    ///
    /// Whatever the kernel reports.
    pub(crate) fn from_std(stream: std::net::TcpStream) -> io::Result<Self> {
        TcpStream::from_std(stream).map(Self::around)
    }

    /// Makes the runtime of this thread the one that waits for it, with its clock: one that was dialled for one session has come to
    /// another. Nothing is to lie there to be read: what this runtime has not been told of would look like silence.
    ///
    /// # Errors
    ///
    /// Whatever the kernel reports, and [`io::ErrorKind::InvalidData`] when a byte or an end has come.
    pub(crate) fn settle(&mut self) -> io::Result<()> {
        // A second handle on the same socket: the runtime of before waits for the first, which is dropped.
        let stream = SockRef::from(&self.stream).try_clone()?;
        self.stream = TcpStream::from_std(stream.into())?;
        #[cfg(target_os = "linux")]
        if let Some(vigil) = &mut self.vigil {
            vigil.settle();
        }
        match SockRef::from(&self.stream).peek(&mut [MaybeUninit::uninit()]) {
            Ok(_) => Err(io::ErrorKind::InvalidData.into()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Where the far end has come to, and where it was to go before it was redirected here, as far as the kernel knows.
    pub(crate) fn destinations(&self) -> Vec<SocketAddr> {
        let here = self.stream.local_addr().ok();
        here.into_iter().chain(self.redirected_from()).collect()
    }

    /// The next byte, which stays where it is; `None` at the end.
    ///
    /// # Errors
    ///
    /// Whatever the kernel reports.
    pub(crate) async fn next_byte(&self) -> io::Result<Option<u8>> {
        let mut byte = [0];
        let count = self.stream.peek(&mut byte).await?;
        Ok(byte.first().copied().filter(|_| count > 0))
    }

    #[cfg(target_os = "linux")]
    fn redirected_from(&self) -> Option<SocketAddr> {
        let socket = SockRef::from(&self.stream);
        let before = socket
            .original_dst_v4()
            .or_else(|_| socket.original_dst_v6());
        before.ok()?.as_socket()
    }

    #[cfg(not(target_os = "linux"))]
    #[expect(clippy::unused_self, reason = "there is nobody to ask")]
    fn redirected_from(&self) -> Option<SocketAddr> {
        None
    }

    /// Something is read, written or waited for.
    #[cfg(target_os = "linux")]
    fn look(&mut self, cx: &mut Context<'_>, sending: bool) {
        if let Some(vigil) = &mut self.vigil {
            if sending {
                vigil.begin();
            }
            vigil.poll(cx, &self.stream);
        }
    }

    #[cfg(not(target_os = "linux"))]
    #[expect(clippy::unused_self, reason = "there is nothing to look at")]
    fn look(&mut self, _: &mut Context<'_>, _: bool) {}
}

/// A kernel without an option is no reason to refuse a connection.
fn note(option: &'static str, outcome: io::Result<()>) {
    if let Err(error) = outcome {
        tracing::debug!(error = %Chain(&error), option, "socket option");
    }
}

/// Keepalive that finds an idle far end gone after `limit`.
fn keepalive_within(limit: Duration) -> TcpKeepalive {
    let rest = (limit / 2).clamp(SECOND, LONGEST_REST);
    let interval = limit.saturating_sub(rest) / PROBES;
    TcpKeepalive::new()
        .with_time(rest)
        .with_interval(interval.max(SECOND))
        .with_retries(PROBES)
}

impl AsyncRead for Pulse {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let read = Pin::new(&mut this.stream).poll_read(cx, buf);
        this.look(cx, false);
        read
    }
}

impl AsyncWrite for Pulse {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let written = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.look(cx, true);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, pieces);
        this.look(cx, true);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// A look at the far end, for whoever has nothing to read or to write for now. A kernel says that a connection has broken to those
    /// who read or write, and otherwise only when asked, which is done from time to time.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.look(cx, false);
        if this.asked.elapsed() >= ASKS {
            this.asked = Instant::now();
            if let Some(error) = this.stream.take_error()? {
                return Poll::Ready(Err(error));
            }
        }
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests;

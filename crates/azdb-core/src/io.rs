//! A byte stream with the bytes that were read too far.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio_rustls::TlsStream;

use crate::tds::{BareEnd, OnePacketPerRecord};

/// What both legs are made of: sockets in production, pipes in tests.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for S {}

/// Bytes asked of a socket at a time during a login.
const CHUNK: usize = 1024;

/// One leg of a session: the stream, and every byte that was read from it and not used yet.
///
/// The login reads in chunks, so the end of one message and the start of the next often arrive together. What it does not use
/// stays here and comes out first when the leg is read as a stream.
#[derive(Debug)]
pub(crate) struct Leg<S> {
    stream: S,
    unread: BytesMut,
}

impl<S> Leg<S> {
    /// A leg of which nothing has been read.
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream,
            unread: BytesMut::new(),
        }
    }

    /// The stream alone. What lies unread is gone, so the caller has looked.
    pub(crate) fn into_stream(self) -> S {
        self.stream
    }

    /// The same leg around what `change` makes of its stream. What lies unread stays.
    pub(crate) fn map<T>(self, change: impl FnOnce(S) -> T) -> Leg<T> {
        Leg {
            stream: change(self.stream),
            unread: self.unread,
        }
    }

    /// The stream, to look at.
    pub(crate) fn stream(&self) -> &S {
        &self.stream
    }

    /// What has been read and not used.
    pub(crate) fn unread(&self) -> &[u8] {
        &self.unread
    }

    /// Uses up the first `count` bytes of [`Leg::unread`].
    pub(crate) fn consume(&mut self, count: usize) {
        self.unread.advance(count.min(self.unread.len()));
        if self.unread.is_empty() {
            // A session may last for days; it should not hold its login's buffer.
            self.unread = BytesMut::new();
        }
    }
}

impl<S> Leg<S> {
    /// Takes back bytes that were read as a stream: they come out first.
    pub(crate) fn put_back(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            let rest = std::mem::replace(&mut self.unread, BytesMut::from(bytes));
            self.unread.extend_from_slice(&rest);
        }
    }
}

impl<S: Stream> Leg<S> {
    /// Reads until `count` bytes lie unread. The caller bounds `count`.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::UnexpectedEof`] when the peer has no more to say, and whatever the stream reports.
    pub(crate) async fn fill(&mut self, count: usize) -> io::Result<()> {
        while self.unread.len() < count {
            self.unread.reserve((count - self.unread.len()).max(CHUNK));
            if self.stream.read_buf(&mut self.unread).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }
}

impl<S: Stream> AsyncRead for Leg<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.unread.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let count = buf.remaining().min(self.unread.len());
        let (now, _) = self.unread.split_at(count);
        buf.put_slice(now);
        self.consume(count);
        Poll::Ready(Ok(()))
    }
}

impl<S: Stream> AsyncWrite for Leg<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// A stream that may have been wrapped in TLS.
#[derive(Debug)]
pub(crate) enum MaybeTls<S> {
    /// As it is.
    Plain(S),
    /// Boxed: a TLS session is a kilobyte, and most of what holds a `MaybeTls` is moved about.
    Tls(Box<TlsStream<S>>),
    /// The same for a server of TDS after the login, which takes one packet from one record.
    Packets(Box<OnePacketPerRecord<S>>),
    /// The same for an app of TDS after the login, whose pool looks for a bare end.
    Bare(Box<BareEnd<S>>),
}

impl<S: Stream> MaybeTls<S> {
    /// Puts each packet of TDS into a TLS record of its own from here on. Without TLS there are no records.
    pub(crate) fn one_packet_per_record(self) -> Self {
        match self {
            Self::Tls(stream) => Self::Packets(Box::new(OnePacketPerRecord::new(*stream))),
            other => other,
        }
    }

    /// Ends without TLS's own farewell from here on.
    pub(crate) fn with_bare_end(self) -> Self {
        match self {
            Self::Tls(stream) => Self::Bare(Box::new(BareEnd(*stream))),
            other => other,
        }
    }
}

impl<S> Leg<MaybeTls<S>> {
    /// Whether it is wrapped in TLS.
    pub(crate) fn is_tls(&self) -> bool {
        matches!(self.stream, MaybeTls::Tls(_))
    }
}

/// The app's side of a session: the socket, TLS over it where the app asked, and what was read too far of either.
pub(crate) type AppLeg<A> = Leg<MaybeTls<Leg<A>>>;

macro_rules! with_either {
    ($self:ident, $stream:ident => $call:expr) => {
        match $self.get_mut() {
            MaybeTls::Plain($stream) => $call,
            MaybeTls::Tls($stream) => $call,
            MaybeTls::Packets($stream) => $call,
            MaybeTls::Bare($stream) => $call,
        }
    };
}

impl<S: Stream> AsyncRead for MaybeTls<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        with_either!(self, stream => Pin::new(stream).poll_read(cx, buf))
    }
}

impl<S: Stream> AsyncWrite for MaybeTls<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        with_either!(self, stream => Pin::new(stream).poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        with_either!(self, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        with_either!(self, stream => Pin::new(stream).poll_shutdown(cx))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt as _;

    #[tokio::test]
    async fn bytes_read_too_far_come_out_first() {
        let (mut peer, stream) = tokio::io::duplex(64);
        peer.write_all(b"helloworld").await.unwrap();
        drop(peer);

        let mut leg = Leg::new(stream);
        leg.fill(5).await.unwrap();
        assert_eq!(leg.unread(), b"helloworld");
        leg.consume(5);

        let mut rest = Vec::new();
        leg.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"world");
    }

    #[tokio::test]
    async fn bytes_put_back_come_out_before_those_that_were_unread() {
        let (mut peer, stream) = tokio::io::duplex(64);
        peer.write_all(b"three").await.unwrap();
        drop(peer);
        let mut leg = Leg::new(stream);
        leg.fill(1).await.unwrap();
        leg.put_back(b"two ");
        leg.put_back(b"one ");
        leg.put_back(b"");
        let mut all = Vec::new();
        leg.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, b"one two three");
    }

    #[tokio::test]
    async fn an_early_end_is_an_error() {
        let (mut peer, stream) = tokio::io::duplex(64);
        peer.write_all(b"four").await.unwrap();
        drop(peer);
        let error = Leg::new(stream).fill(5).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}

//! A byte stream with the bytes that were read too far.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};

use crate::deadline::Deadline;
use crate::fault::Late;
use crate::phases::Phase;
use crate::stranger::Stranger;

/// What both legs are made of: sockets in production, pipes in tests.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for S {}

/// A stream whose end can be that of a process that was killed.
pub(crate) trait BreakOff: Stream {
    /// Leaves out what a stream says that comes to its end: a peer must not take what was cut off for all there was.
    fn break_off(&mut self);
}

impl<S: BreakOff> BreakOff for Leg<S> {
    fn break_off(&mut self) {
        self.stream.break_off();
    }
}

/// Bytes asked of a socket at a time during a login.
const CHUNK: usize = 1024;
/// Bytes for which a read is worth its price.
const WORTH: usize = 16;
/// Reads that were not, which a peer may owe: none that means well sends more bytes one by one.
const MOST_OWED: usize = 2048;

/// Bytes that a peer may say while nobody listens to it yet.
const MOST_SAID: usize = 16 * 1024;

/// One leg of a session: the stream, and every byte that was read from it and not used yet.
///
/// The login reads in chunks, so the end of one message and the start of the next often arrive together. What it does not use
/// stays here and comes out first when the leg is read as a stream.
#[derive(Debug)]
pub(crate) struct Leg<S> {
    stream: S,
    unread: BytesMut,
    /// Reads that brought too little.
    owed: u16,
}

impl<S> Leg<S> {
    /// A leg of which nothing has been read.
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream,
            unread: BytesMut::new(),
            owed: 0,
        }
    }

    /// The stream alone.
    ///
    /// # Errors
    ///
    /// How many bytes lie unread, which would be lost: where TLS is about to begin they are an attack.
    pub(crate) fn into_stream(self) -> Result<S, usize> {
        match self.unread.len() {
            0 => Ok(self.stream),
            count => Err(count),
        }
    }

    /// The same leg around what `change` makes of its stream. What lies unread stays, outside of whatever `change` puts around it.
    pub(crate) fn map<T>(self, change: impl FnOnce(S) -> T) -> Leg<T> {
        Leg {
            stream: change(self.stream),
            unread: self.unread,
            owed: self.owed,
        }
    }

    /// The same leg around what `change` makes of its stream and of what lies unread, which is for whatever it puts around it.
    pub(crate) fn wrap<T>(self, change: impl FnOnce(S, BytesMut) -> T) -> Leg<T> {
        Leg::new(change(self.stream, self.unread))
    }

    /// The stream, to look at.
    pub(crate) fn stream(&self) -> &S {
        &self.stream
    }

    /// The stream, past what lies unread.
    pub(crate) fn stream_mut(&mut self) -> &mut S {
        &mut self.stream
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

    /// Counts a read of `count` bytes.
    fn pay(&mut self, count: usize) -> io::Result<()> {
        let owed = usize::from(self.owed).saturating_add(1);
        let owed = owed.saturating_sub(count / WORTH);
        self.owed = u16::try_from(owed).unwrap_or(u16::MAX);
        if owed > MOST_OWED {
            let error = "too many pieces that are too small";
            return Err(io::Error::new(io::ErrorKind::InvalidData, error));
        }
        Ok(())
    }

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
    /// [`io::ErrorKind::UnexpectedEof`] when the peer has no more to say, [`io::ErrorKind::InvalidData`] when it says it in more pieces
    /// than it costs to read it, and whatever the stream reports.
    pub(crate) async fn fill(&mut self, count: usize) -> io::Result<()> {
        while self.unread.len() < count {
            self.unread.reserve((count - self.unread.len()).max(CHUNK));
            match self.stream.read_buf(&mut self.unread).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => self.pay(count)?,
            }
        }
        Ok(())
    }

    /// As [`Leg::fill`], and reads no byte beyond: what lies behind may be for another reader, a TLS handshake for example.
    ///
    /// # Errors
    ///
    /// As those of [`Leg::fill`].
    pub(crate) async fn fill_exactly(&mut self, count: usize) -> io::Result<()> {
        while let Some(lacking @ 1..) = count.checked_sub(self.unread.len()) {
            self.unread.reserve(lacking);
            let lacking = u64::try_from(lacking).unwrap_or(u64::MAX);
            let mut stream = (&mut self.stream).take(lacking);
            match stream.read_buf(&mut self.unread).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => self.pay(count)?,
            }
        }
        Ok(())
    }

    /// The first byte that an app sends, unread still.
    ///
    /// # Errors
    ///
    /// [`Stranger::Probe`] and [`Stranger::Silent`], when there is none.
    pub(crate) async fn first_byte(&mut self, deadline: &Deadline) -> Result<u8, Stranger> {
        let filling = async { Ok::<_, Late>(self.fill(1).await) };
        match deadline
            .run(Phase::App, "waiting for the app's first byte", filling)
            .await
        {
            Ok(_) => self.unread.first().copied().ok_or(Stranger::Probe),
            Err(_) => Err(Stranger::Silent),
        }
    }

    /// Completes when the peer has gone. What it says before lies unread; one that says much is not asked any more.
    pub(crate) async fn left(&mut self) {
        while self.unread.len() < MOST_SAID {
            let count = self.unread.len() + 1;
            if self.fill(count).await.is_err() {
                return;
            }
        }
        std::future::pending().await
    }

    /// Writes all of `bytes`, and sees them off.
    ///
    /// # Errors
    ///
    /// Whatever the stream reports.
    pub(crate) async fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

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
    async fn what_is_filled_exactly_ends_where_another_reader_begins() {
        let (mut peer, stream) = tokio::io::duplex(64);
        peer.write_all(b"helloworld").await.unwrap();
        drop(peer);
        let mut leg = Leg::new(stream);
        leg.fill_exactly(2).await.unwrap();
        leg.fill_exactly(5).await.unwrap();
        assert_eq!(leg.unread(), b"hello");
        leg.consume(5);
        let mut rest = Vec::new();
        leg.into_stream()
            .unwrap()
            .read_to_end(&mut rest)
            .await
            .unwrap();
        assert_eq!(rest, b"world");
    }

    #[tokio::test]
    async fn a_probe_has_no_first_byte() {
        let (peer, stream) = tokio::io::duplex(64);
        drop(peer);
        let deadline = Deadline::after(std::time::Duration::from_secs(60));
        let first_byte = Leg::new(stream).first_byte(&deadline).await;
        assert_eq!(first_byte, Err(Stranger::Probe));
    }

    /// Reads bytes that come in pieces of this size, and says how many reads they were worth.
    async fn read_in_pieces(total: usize, piece: usize) -> (io::Result<()>, usize) {
        let (mut peer, stream) = tokio::io::duplex(piece);
        let sending = tokio::spawn(async move {
            let mut sent = 0;
            while sent < total && peer.write_all(&vec![0; piece]).await.is_ok() {
                sent += piece;
            }
            sent / piece
        });
        let mut leg = Leg::new(stream);
        let read = leg.fill(total).await;
        drop(leg);
        (read, sending.await.unwrap())
    }

    #[tokio::test]
    async fn small_pieces_are_read_up_to_a_number_and_larger_ones_without_end() {
        const MESSAGE: usize = 128 * 1024;
        read_in_pieces(2000, 1).await.0.unwrap();
        read_in_pieces(MESSAGE, WORTH).await.0.unwrap();
        read_in_pieces(MESSAGE, 512).await.0.unwrap();
        let (read, reads) = read_in_pieces(MESSAGE, 1).await;
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::InvalidData);
        // One or two more lie in the pipe.
        assert!(reads <= MOST_OWED + 3, "{reads}");
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

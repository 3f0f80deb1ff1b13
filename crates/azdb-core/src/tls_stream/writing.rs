//! From the caller to the socket.

use std::io;
use std::iter;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite};

use super::TlsStream;
use super::scratch::{self, MOST_WRITTEN};
use crate::unsent::poll_some;

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream<S> {
    /// Sends what has been encrypted before.
    pub(crate) fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.records.outgoing().poll_sent(cx, &mut self.io)
    }

    /// Writes the first of `pieces`, as many as go at once, each in records of its own; one of up to 16 KiB is one record. Says how many bytes
    /// were taken. Behind [`TlsStream::poll_sent`] it is not pending, and takes the first.
    pub(crate) fn poll_write_each<'a>(
        &mut self,
        cx: &mut Context<'_>,
        pieces: impl Iterator<Item = &'a [u8]>,
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_sent(cx))?;
        let Self { io, records } = self;
        scratch::with(|scratch| {
            let (taken, written) = records.encrypt(pieces, scratch)?;
            let mut ciphertext = scratch.get(..written).unwrap_or_default();
            while !ciphertext.is_empty() {
                match poll_some(cx, io, ciphertext) {
                    Poll::Ready(count) => {
                        ciphertext = ciphertext.get(count?..).unwrap_or_default();
                    }
                    Poll::Pending => {
                        records.outgoing().end().extend_from_slice(ciphertext);
                        break;
                    }
                }
            }
            Poll::Ready(Ok(taken))
        })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TlsStream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let (now, _) = bytes.split_at(bytes.len().min(MOST_WRITTEN));
        if now.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.get_mut().poll_write_each(cx, iter::once(now))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_sent(cx))?;
        Pin::new(&mut this.io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.records.say_end();
        ready!(this.poll_sent(cx))?;
        match ready!(Pin::new(&mut this.io).poll_shutdown(cx)) {
            // It has ended already.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            outcome => Poll::Ready(outcome),
        }
    }
}

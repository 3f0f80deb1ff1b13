//! From the socket to the caller.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{TlsStream, scratch};

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream<S> {
    /// Receives once, and decrypts what can be decrypted of it, into `buf` first. Says how many bytes came; none is the end of the stream.
    pub(super) fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<usize>> {
        let Self { io, records } = self;
        scratch::with(|scratch| {
            let partial = records.partial().len();
            let reach = records.reach(buf.remaining());
            let Some(room @ [_, ..]) = scratch.get_mut(partial..reach) else {
                let error = "a message of TLS without end";
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, error)));
            };
            let mut incoming = ReadBuf::new(room);
            ready!(Pin::new(io).poll_read(cx, &mut incoming))?;
            let count = incoming.filled().len();
            if count == 0 {
                return Poll::Ready(Ok(0));
            }
            let (before, _) = scratch.split_at_mut(partial);
            before.copy_from_slice(records.partial());
            records.drop_partial();
            let filled = scratch.get_mut(..partial + count).unwrap_or_default();
            records.take(filled, buf);
            Poll::Ready(Ok(count))
        })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for TlsStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        while buf.remaining() > 0 {
            this.records.hand_out(buf);
            if buf.filled().len() > before {
                break;
            }
            if let Some(flaw) = this.records.flaw() {
                return Poll::Ready(Err(flaw));
            }
            if this.records.has_heard_end() {
                break;
            }
            let had_all_sent = this.records.outgoing().is_empty();
            if ready!(this.poll_receive(cx, buf))? == 0 {
                let error = "peer closed connection without sending TLS close_notify";
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, error)));
            }
            if had_all_sent && !this.records.outgoing().is_empty() {
                // An alert, or what TLS itself has to say. Whether it could be sent is for whoever writes to hear. A writer who waits
                // already sends it with the rest: a socket wakes the last of its writers alone.
                let _ = this.poll_sent(cx);
            }
        }
        Poll::Ready(Ok(()))
    }
}

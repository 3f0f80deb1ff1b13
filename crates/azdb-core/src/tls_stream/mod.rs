//! TLS over a stream, by rustls's unbuffered connections: rustls keeps the keys, and the buffers are ours.
//!
//! ```text
//!   socket --one receive--> scratch, decrypted in place --> the caller's buffer
//!                              |                                  |
//!                  half a record: `partial`       what it has no room for: `ahead`
//!
//!   the caller's bytes --records--> scratch --one send--> socket
//!                                      |
//!                          what it does not take: `outgoing`
//! ```
//!
//! The scratch belongs to the worker thread and is borrowed for one synchronous poll. [`Records`] is a connection without its stream: bytes
//! in, bytes out, and no I/O; so a handshake inside packets of another protocol goes through the same code.
//!
//! # Invariants
//!
//! * Only what a receive has just filled, behind the partial record that was before it, is decrypted. Nothing else of the scratch is looked at.
//! * What rustls has no use for yet leaves the scratch before the poll ends, and is owned until its rest has come: [`MOST_INCOMPLETE`] bytes at most.
//! * A connection that waits owns no buffer: neither an idle one, nor one whose handshake is over.
//! * What is received is decrypted at once: plaintext of one receive at most is kept for a caller without room, and nothing is received before it has gone.
//! * Bytes that a write has taken are sent before those of the next: ciphertext of one write at most waits for the socket.
//! * An end of the stream without `close_notify` is [`io::ErrorKind::UnexpectedEof`], after everything that came before it; what comes behind a
//!   `close_notify` is nobody's.
//! * What is wrong with the peer's TLS is told to it by an alert, and ends the connection both ways. Behind an end of ours nothing is said.
//! * A reader sends words of TLS alone, and not where a writer waits: that one would not be woken.

mod reading;
mod records;
mod scratch;
mod session;
mod writing;

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, CommonState, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

pub(crate) use records::Records;

/// Most bytes that wait for the rest of a record, or of a message of TLS, whose pieces rustls takes from where they lie.
const MOST_INCOMPLETE: usize = 64 * 1024;

/// A stream with TLS around it.
pub(crate) struct TlsStream<S> {
    io: S,
    /// Boxed: it is a kilobyte, and what holds a stream is moved about.
    records: Box<Records>,
}

impl<S> TlsStream<S> {
    /// The stream after a handshake that was made elsewhere.
    pub(crate) fn after(records: Box<Records>, io: S) -> Self {
        Self { io, records }
    }

    /// What the handshake has agreed on.
    pub(crate) fn session(&self) -> &CommonState {
        self.records.session()
    }

    /// The stream inside.
    pub(crate) fn io_mut(&mut self) -> &mut S {
        &mut self.io
    }

    /// The stream inside, and how many bytes have been received that nobody has read.
    pub(crate) fn into_inner(self) -> (S, usize) {
        (self.io, self.records.behind())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream<S> {
    /// Shakes hands as a client.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidData`] around what rustls says, and whatever the stream reports.
    pub(crate) async fn connect(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        io: S,
    ) -> io::Result<Self> {
        let records = Records::client(config, name)?;
        Self::shake(Self::after(records, io)).await
    }

    /// Shakes hands as a server.
    ///
    /// # Errors
    ///
    /// As those of [`TlsStream::connect`].
    pub(crate) async fn accept(config: Arc<ServerConfig>, io: S) -> io::Result<Self> {
        let records = Records::server(config)?;
        Self::shake(Self::after(records, io)).await
    }

    async fn shake(mut self) -> io::Result<Self> {
        poll_fn(|cx| self.poll_handshake(cx)).await?;
        Ok(self)
    }

    fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(Pin::new(&mut *self).poll_flush(cx))?;
            if !self.records.is_shaking() {
                return Poll::Ready(Ok(()));
            }
            if ready!(self.poll_receive(cx, &mut ReadBuf::new(&mut [])))? == 0 {
                let error = "the connection ended in the TLS handshake";
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, error)));
            }
            if let Some(flaw) = self.records.flaw() {
                // Whoever does not take the alert now is not waited for.
                let _ = self.poll_sent(cx);
                return Poll::Ready(Err(flaw));
            }
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for TlsStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsStream")
            .field("io", &self.io)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

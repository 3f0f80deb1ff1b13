//! An app's connection by a named pipe of Windows.
//!
//! # Invariants
//!
//! * A pipe knows no half end: where we end, it ends when it has taken our last bytes, which an app may still read then.
//! * Nothing empty is written: whoever reads would take it for the end.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::windows::named_pipe::NamedPipeServer;

use super::messages::Messages;

/// An app's connection.
pub(crate) struct NamedPipe {
    state: State,
    /// Set where it is written packet by packet.
    messages: Option<Messages>,
}

enum State {
    Open(NamedPipeServer),
    /// Until it has taken what was written last.
    Ending(Pin<Box<dyn Future<Output = ()> + Send + Sync>>),
    Ended,
}

impl fmt::Debug for NamedPipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.state {
            State::Open(_) => "NamedPipe(open)",
            State::Ending(_) | State::Ended => "NamedPipe(ended)",
        })
    }
}

impl NamedPipe {
    pub(super) fn of(instance: NamedPipeServer) -> Self {
        Self {
            state: State::Open(instance),
            messages: None,
        }
    }

    /// From now on each packet of TDS is a message of its own.
    pub(super) fn write_packets(&mut self) {
        self.messages.get_or_insert_default();
    }

    /// Sends what is held of a packet: if all of it has come, or `whole_or_not`.
    fn poll_held(&mut self, cx: &mut Context<'_>, whole_or_not: bool) -> Poll<io::Result<()>> {
        let (State::Open(instance), Some(messages)) = (&mut self.state, &mut self.messages) else {
            return Poll::Ready(Ok(()));
        };
        let send = |bytes: &[u8]| poll_send(instance, cx, bytes);
        match whole_or_not {
            true => messages.poll_rest(send),
            false => messages.poll_whole(send),
        }
    }
}

/// Bytes that were taken are on their way to the pipe, all of them. It is writable again when it has them, and not before.
fn poll_send(
    instance: &mut NamedPipeServer,
    cx: &mut Context<'_>,
    bytes: &[u8],
) -> Poll<io::Result<usize>> {
    let mut taken = None;
    let outcome: io::Result<()> = instance.try_io(Interest::WRITABLE, || {
        taken = Some(instance.try_write(bytes)?);
        Err(io::ErrorKind::WouldBlock.into())
    });
    match (taken, outcome) {
        (Some(taken), _) => Poll::Ready(Ok(taken)),
        (None, Err(error)) if error.kind() != io::ErrorKind::WouldBlock => Poll::Ready(Err(error)),
        (None, _) => Pin::new(instance).poll_write(cx, bytes),
    }
}

impl AsyncRead for NamedPipe {
    /// Nothing is read behind our own end: an app that waits would wait for ever, because only the end of all says that there is one.
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.state {
            State::Open(instance) => Pin::new(instance).poll_read(cx, buf),
            State::Ending(_) | State::Ended => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncWrite for NamedPipe {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Self { state, messages } = &mut *self;
        let State::Open(instance) = state else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        match messages {
            Some(messages) => messages.poll_write(bytes, |packet| poll_send(instance, cx, packet)),
            None => poll_send(instance, cx, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_held(cx, false)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_held(cx, true))?;
        self.state = match std::mem::replace(&mut self.state, State::Ended) {
            State::Open(instance) => State::Ending(Box::pin(async move {
                // To disconnect it would take away what the app has yet to read; to close it does not.
                let _ = instance.writable().await;
            })),
            other => other,
        };
        if let State::Ending(ending) = &mut self.state {
            ready!(ending.as_mut().poll(cx));
            self.state = State::Ended;
            // Whoever waits to read learns that nothing comes.
            cx.waker().wake_by_ref();
        }
        Poll::Ready(Ok(()))
    }
}

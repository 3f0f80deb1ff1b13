//! The connection of an arrival.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Anteroom;
use super::ticket::Ticket;
use crate::way::Stream;

/// A connection that breaks when its place in an anteroom is lost. Whoever has gone on has it as it is.
pub(crate) struct Arriving<S> {
    stream: S,
    /// `None` since it has gone on.
    watched: Option<(Arc<Ticket>, Arc<Anteroom>)>,
}

impl<S> Arriving<S> {
    pub(super) fn new(stream: S, watched: Option<(Arc<Ticket>, Arc<Anteroom>)>) -> Self {
        Self { stream, watched }
    }

    /// Looks how things stand.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::ConnectionAborted`] when the place is lost.
    fn check(&mut self) -> io::Result<()> {
        match &self.watched {
            Some((ticket, _)) if ticket.waits() => Ok(()),
            Some((ticket, _)) if ticket.is_sent_away() => {
                let why = "sent away for others, having said least";
                Err(io::Error::new(io::ErrorKind::ConnectionAborted, why))
            }
            _ => {
                self.watched = None;
                Ok(())
            }
        }
    }
}

impl<S: Stream> AsyncRead for Arriving<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check()?;
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        if let Some((ticket, _)) = &self.watched {
            ticket.said(buf.filled().len().saturating_sub(before));
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: Stream> AsyncWrite for Arriving<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        let count = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        if let Some((ticket, room)) = &self.watched {
            ticket.was_told(count, room.now());
        }
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

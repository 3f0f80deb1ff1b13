//! The connection of an arrival.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Anteroom;
use super::ticket::Ticket;
use crate::way::Stream;

/// A connection that breaks when its place in an anteroom is lost and it has nothing to say. Whoever has gone on has it as it is.
pub(crate) struct Arriving<S> {
    stream: S,
    /// `None` since it has gone on.
    watched: Option<(Arc<Ticket>, Arc<Anteroom>)>,
}

impl<S> Arriving<S> {
    pub(super) fn new(stream: S, watched: Option<(Arc<Ticket>, Arc<Anteroom>)>) -> Self {
        Self { stream, watched }
    }

    /// Who looks on, while somebody does.
    fn watched(&mut self) -> Option<&(Arc<Ticket>, Arc<Anteroom>)> {
        self.watched.take_if(|(ticket, _)| ticket.has_left());
        self.watched.as_ref()
    }

    /// Waits, unless the place is lost.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::ConnectionAborted`] when it is.
    fn or_lost<T>(&self, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match &self.watched {
            Some((ticket, _)) if polled.is_pending() && ticket.is_sent_away() => {
                let why = "sent away for others, having said least";
                Poll::Ready(Err(io::Error::new(io::ErrorKind::ConnectionAborted, why)))
            }
            _ => polled,
        }
    }
}

impl<S: Stream> AsyncRead for Arriving<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        ready!(self.or_lost(polled))?;
        let count = buf.filled().len().saturating_sub(before);
        if let Some((ticket, room)) = self.watched()
            && count > 0
        {
            ticket.said(count);
            if ticket.is_sent_away() {
                room.take_back(ticket);
            }
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
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        let count = ready!(self.or_lost(polled))?;
        if let Some((ticket, _)) = self.watched() {
            ticket.was_told(count);
        }
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(cx);
        self.or_lost(polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

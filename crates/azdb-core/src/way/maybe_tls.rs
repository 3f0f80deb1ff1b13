//! A stream with or without TLS around it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{BreakOff, Leg, Stream};
use crate::tls::TlsEnd;
use crate::tls_stream::TlsStream;

/// A stream that may have been wrapped in TLS.
#[derive(Debug)]
pub(crate) enum MaybeTls<S> {
    /// As it is.
    Plain(S),
    /// In records.
    Tls(TlsStream<S>, TlsEnd),
}

impl<S> MaybeTls<S> {
    /// The TLS session, where there is one.
    pub(crate) fn tls_mut(&mut self) -> Option<&mut TlsStream<S>> {
        match self {
            Self::Plain(_) => None,
            Self::Tls(stream, _) => Some(stream),
        }
    }

    /// The stream below TLS.
    pub(crate) fn connection(&mut self) -> &mut S {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream, _) => stream.io_mut(),
        }
    }
}

impl<S: Stream> BreakOff for MaybeTls<S> {
    fn break_off(&mut self) {
        if let Self::Tls(_, end) = self {
            *end = TlsEnd::Bare;
        }
    }
}

impl<S> Leg<MaybeTls<S>> {
    /// Whether it is wrapped in TLS.
    pub(crate) fn is_tls(&self) -> bool {
        matches!(self.stream(), MaybeTls::Tls(..))
    }
}

impl<A: Stream> Leg<MaybeTls<Leg<A>>> {
    /// The same in the clear from here on, as some clients speak TLS for their login alone.
    ///
    /// # Errors
    ///
    /// How many bytes lie behind what was read, inside of TLS.
    pub(crate) fn without_tls(self) -> Result<Self, usize> {
        let (inner, behind) = match self.into_stream()? {
            MaybeTls::Plain(inner) => (inner, 0),
            MaybeTls::Tls(stream, _) => stream.into_inner(),
        };
        match behind {
            0 => Ok(Leg::new(MaybeTls::Plain(inner))),
            count => Err(count),
        }
    }
}

macro_rules! with_either {
    ($self:ident, $stream:ident => $call:expr) => {
        match $self.get_mut() {
            MaybeTls::Plain($stream) => $call,
            MaybeTls::Tls($stream, _) => $call,
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
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream, TlsEnd::CloseNotify) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream, TlsEnd::Bare) => {
                ready!(Pin::new(&mut *stream).poll_flush(cx))?;
                Pin::new(stream.io_mut()).poll_shutdown(cx)
            }
        }
    }
}

//! The app's leg with envelopes around its packets.
//!
//! ```text
//!   app                      Enveloped                       relay, COM_CHANGE_USER, last words
//!    | -- envelope, envelope --> Opener --> Numbers -- packets --> |
//!    | <------- envelope ------- Packer <--------------- packets -- |
//! ```
//!
//! Apps turn compression on for a server that is far away; here it ends at the proxy's door, and the upstream is spoken to in
//! packets as they are. Nothing behind this adapter knows of it: a watch sees packets.
//!
//! # Invariants
//!
//! * What comes out of an envelope is as long as its header says, or the session ends with an error.
//! * A session that waits between packets owns no buffer and no state of zlib or zstd.
//! * An envelope of the app's is never held as a whole: it is opened as far as the reader takes it.
//! * A packet that has come whole flows at once.
//! * A packet's header is in one envelope, and the packet in two at most.
//! * An app that does not read stops its upstream: of what it is to be sent not more waits than one write and a packet.

mod inflate;
mod opener;
mod packer;
mod press;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use azdb_wire::mysql::{Compression, Numbers, Response};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::way::{AppLeg, BreakOff, Leg, MaybeTls, Stream};
use opener::Opener;
use packer::Packer;

/// The app's side of a session.
pub(crate) type AppWay<A> = MaybeEnveloped<MaybeTls<Leg<A>>>;

/// A stream that may have been wrapped in compression.
#[derive(Debug)]
pub(crate) enum MaybeEnveloped<S> {
    /// As it is.
    Plain(S),
    /// Boxed: few sessions have it, and none of the others should be larger for it.
    Enveloped(Box<Enveloped<S>>),
}

/// A stream of envelopes, read and written as the packets in them.
#[derive(Debug)]
pub(crate) struct Enveloped<S> {
    stream: S,
    opener: Opener,
    packer: Packer,
    numbers: Numbers,
}

/// What an app and a server have agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    /// zlib.
    Zlib,
    /// zstd, at this level.
    Zstd(i32),
}

impl Method {
    /// What an app has asked for, if anything.
    pub(super) fn of(response: &Response<'_>) -> Option<Self> {
        Some(match response.capabilities.compression()? {
            Compression::Zlib => Self::Zlib,
            Compression::Zstd => Self::Zstd(press::zstd_level(response.zstd_level)),
        })
    }
}

/// The leg of an app that has just been let in. What lies unread is in envelopes, too.
pub(super) fn begin<A: Stream>(leg: AppLeg<A>, method: Option<Method>) -> Leg<AppWay<A>> {
    let Some(method) = method else {
        return leg.map(MaybeEnveloped::Plain);
    };
    tracing::debug!(?method, "the app compresses");
    leg.wrap(|stream, unread| {
        MaybeEnveloped::Enveloped(Box::new(Enveloped {
            stream,
            opener: Opener::new(method, unread),
            packer: Packer::new(method),
            numbers: Numbers::default(),
        }))
    })
}

#[cfg(test)]
impl<S> Enveloped<S> {
    /// Bytes of memory that it has besides its own.
    pub(super) fn holds(&self) -> usize {
        self.opener.holds() + self.packer.holds()
    }
}

/// What an app has sent is no envelope. The connection is of no use from there on.
fn bad(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

impl<S: Stream> AsyncRead for Enveloped<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buf.filled().len();
        if let Err(error) = ready!(this.opener.poll_open(cx, &mut this.stream, buf)) {
            // Who reads takes an error for nothing read.
            buf.set_filled(before);
            return Poll::Ready(Err(error));
        }
        if let Some(opened) = buf.filled_mut().get_mut(before..) {
            this.numbers.app_sent(opened);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: Stream> AsyncWrite for Enveloped<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        ready!(this.packer.poll_sent(cx, &mut this.stream))?;
        let now = bytes.get(..packer::MOST).unwrap_or(bytes);
        if now.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let pieces = now.split_at(this.numbers.upstream_sent(now));
        let number = || this.opener.take_number();
        this.packer.pack(cx, &mut this.stream, number, pieces)?;
        Poll::Ready(Ok(now.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        ready!(this.packer.poll_sent(cx, &mut this.stream))?;
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let number = || this.opener.take_number();
        this.packer.give_up(cx, &mut this.stream, number)?;
        ready!(this.packer.poll_sent(cx, &mut this.stream))?;
        Pin::new(&mut this.stream).poll_shutdown(cx)
    }
}

macro_rules! with_either {
    ($self:ident, $stream:ident => $call:expr) => {
        match $self.get_mut() {
            MaybeEnveloped::Plain($stream) => $call,
            MaybeEnveloped::Enveloped($stream) => $call,
        }
    };
}

impl<S: BreakOff> BreakOff for MaybeEnveloped<S> {
    fn break_off(&mut self) {
        match self {
            Self::Plain(stream) => stream.break_off(),
            Self::Enveloped(enveloped) => enveloped.stream.break_off(),
        }
    }
}

impl<S: Stream> AsyncRead for MaybeEnveloped<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        with_either!(self, stream => Pin::new(stream).poll_read(cx, buf))
    }
}

impl<S: Stream> AsyncWrite for MaybeEnveloped<S> {
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

//! Each packet in a TLS record of its own.
//!
//! SQL Server takes one packet from one decrypted record: two packets in a record, or one packet in two, and it resets the
//! connection. Microsoft's clients on Windows (`sni.dll`) read a record into the room of one packet, and break off where there is more in it.
//! So packets are encrypted one by one, on both legs. Their records share a write of the socket, and segments of TCP.
//!
//! # Invariants
//!
//! * A packet, of TDS or SMP, is encrypted whole and alone, unless it is longer than a record.
//! * No packet is taken before the records of those before it have been sent.
//! * Requests: what is not the start of a packet that an app may send ends the connection before it is sent.
//! * Answers: nothing is lost, also where the last of them has no end.

use std::io;
use std::iter;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use azdb_wire::tds::{SmpHeader, frame_length, kind};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::tls_stream::TlsStream;
use crate::way::{BreakOff, MaybeTls, Stream, Upstream};

/// Longest plaintext of a TLS record (RFC 8446, section 5.1).
const RECORD: usize = 16 * 1024;

/// Largest packet that both sides may agree on: more than SQL Server takes under TLS.
pub(crate) const MOST_PACKET: usize = RECORD - 1;
/// The same under MARS.
pub(crate) const MOST_PACKET_IN_SMP: usize = RECORD - SmpHeader::LEN;
/// Largest packet of an answer, around which MARS may be: what says more is none.
const MOST_ANSWER: usize = SmpHeader::LEN + u16::MAX as usize;

/// A way that may have TLS around it. Without TLS there are no records, and bytes go as they come.
pub(crate) trait MaybeRecords: BreakOff {
    /// What is below TLS.
    type Below: Stream;

    /// The TLS session, where there is one.
    fn tls_mut(&mut self) -> Option<&mut TlsStream<Self::Below>>;
}

impl<S: Stream> MaybeRecords for Upstream<S> {
    type Below = S;

    fn tls_mut(&mut self) -> Option<&mut TlsStream<S>> {
        self.tls_mut()
    }
}

impl<S: Stream> MaybeRecords for MaybeTls<S> {
    type Below = S;

    fn tls_mut(&mut self) -> Option<&mut TlsStream<S>> {
        self.tls_mut()
    }
}

/// A way of TDS, on which packets are written.
#[derive(Debug)]
pub(crate) struct OnePacketPerRecord<W> {
    way: W,
    written: Written,
    /// The beginning of a packet whose rest has not come yet.
    begun: Vec<u8>,
}

/// What goes this way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    /// To the upstream.
    Requests,
    /// To the app.
    Answers,
}

impl<S: Stream> OnePacketPerRecord<Upstream<S>> {
    /// Requests go this way. Everything written from here on begins with the start of a packet.
    pub(crate) fn requests(upstream: Upstream<S>) -> Self {
        Self::of(upstream, Written::Requests)
    }

    /// The connection that it goes over.
    pub(super) fn connection(&mut self) -> &mut S {
        self.way.connection()
    }
}

impl<S: Stream> OnePacketPerRecord<MaybeTls<S>> {
    /// Answers go this way. Everything written from here on begins with the start of a packet.
    pub(super) fn answers(app: MaybeTls<S>) -> Self {
        Self::of(app, Written::Answers)
    }
}

impl<W> OnePacketPerRecord<W> {
    fn of(way: W, written: Written) -> Self {
        let begun = Vec::new();
        Self {
            way,
            written,
            begun,
        }
    }

    /// Takes what a packet lacks that has begun, or begins one. Says how many bytes that were, and whether the packet is whole now.
    fn go_on(&mut self, bytes: &[u8]) -> io::Result<(usize, bool)> {
        let mut used = 0;
        if self.written.packet_length(&self.begun)?.is_none() {
            let header = match self.begun.first().or(bytes.first()) {
                Some(&kind::SMP) => SmpHeader::LEN,
                _ => azdb_wire::tds::Header::LEN,
            };
            used = self.gather(bytes, header);
        }
        let Some(length) = self.written.packet_length(&self.begun)? else {
            return Ok((used, false));
        };
        used += self.gather(bytes.get(used..).unwrap_or_default(), length);
        Ok((used, self.begun.len() == length))
    }

    /// Copies what `begun` lacks, up to `whole` bytes; says how many that were.
    fn gather(&mut self, bytes: &[u8], whole: usize) -> usize {
        let lacking = whole.saturating_sub(self.begun.len()).min(bytes.len());
        let (now, _) = bytes.split_at(lacking);
        self.begun.extend_from_slice(now);
        lacking
    }
}

impl Written {
    /// The whole packets at the front of `bytes`.
    fn packets(self, mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
        iter::from_fn(move || {
            // What is wrong with a packet is said when it is at the front.
            let length = self.packet_length(bytes).ok()??;
            let (packet, rest) = bytes.split_at_checked(length)?;
            bytes = rest;
            (!packet.is_empty()).then_some(packet)
        })
    }

    /// The length of the packet at the front of `bytes`; `None` while too little of it is there to tell.
    fn packet_length(self, bytes: &[u8]) -> io::Result<Option<usize>> {
        match (self, bytes.first()) {
            (_, None) => Ok(None),
            (Self::Requests, Some(_)) => request_length(bytes),
            (Self::Answers, Some(&(kind::RESPONSE | kind::SMP))) => match frame_length(bytes) {
                Ok(Some(length)) if length > MOST_ANSWER => Ok(Some(bytes.len())),
                Ok(length) => Ok(length),
                Err(_) => Ok(Some(bytes.len())),
            },
            // What is none goes as it comes.
            (Self::Answers, Some(_)) => Ok(Some(bytes.len())),
        }
    }
}

fn request_length(bytes: &[u8]) -> io::Result<Option<usize>> {
    let bad = |what: &'static str| io::Error::new(io::ErrorKind::InvalidData, what);
    match bytes.first() {
        None => return Ok(None),
        Some(
            &(kind::SQL_BATCH
            | kind::RPC
            | kind::ATTENTION
            | kind::BULK_LOAD
            | kind::FED_AUTH_TOKEN
            | kind::TRANSACTION
            | kind::SSPI
            | kind::SMP),
        ) => {}
        Some(_) => return Err(bad("the app sent something else than a request")),
    }
    let length = frame_length(bytes).map_err(|_| bad("the app sent a packet of no length"))?;
    match length {
        Some(length) if length > RECORD => {
            Err(bad("the app sent a packet that is larger than was agreed"))
        }
        length => Ok(length),
    }
}

impl<W: MaybeRecords> BreakOff for OnePacketPerRecord<W> {
    fn break_off(&mut self) {
        self.way.break_off();
    }
}

impl<W: MaybeRecords> AsyncWrite for OnePacketPerRecord<W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let Some(tls) = this.way.tls_mut() else {
            return Pin::new(&mut this.way).poll_write(cx, bytes);
        };
        ready!(tls.poll_sent(cx))?;
        let is_whole = |length: usize| length <= bytes.len();
        if this.begun.is_empty() && this.written.packet_length(bytes)?.is_some_and(is_whole) {
            // The usual case, without a copy.
            return tls.poll_write_each(cx, this.written.packets(bytes));
        }
        let (used, is_whole) = this.go_on(bytes)?;
        if !is_whole {
            return Poll::Ready(Ok(used));
        }
        let begun = std::mem::take(&mut this.begun);
        let behind = this.written.packets(bytes.get(used..).unwrap_or_default());
        let pieces = iter::once(&begun[..]).chain(behind);
        let Some(tls) = this.way.tls_mut() else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        // Everything before it has been sent, so it is taken.
        let taken = ready!(tls.poll_write_each(cx, pieces))?;
        Poll::Ready(Ok(used + taken.saturating_sub(begun.len())))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.way).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.written == Written::Answers
            && !this.begun.is_empty()
            && let Some(tls) = this.way.tls_mut()
        {
            ready!(tls.poll_sent(cx))?;
            let begun = std::mem::take(&mut this.begun);
            ready!(tls.poll_write_each(cx, iter::once(&begun[..])))?;
        }
        Pin::new(&mut this.way).poll_shutdown(cx)
    }
}

impl<W: MaybeRecords> AsyncRead for OnePacketPerRecord<W> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.way).poll_read(cx, buf)
    }
}

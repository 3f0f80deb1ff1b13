//! Each packet in a TLS record of its own.
//!
//! SQL Server takes one packet from one decrypted record: two packets in a record, or one packet in two, and it resets the
//! connection. So packets are encrypted one by one. Their records share a write of the socket, and segments of TCP.
//!
//! # Invariants
//!
//! * A packet, of TDS or SMP, is encrypted whole and alone.
//! * No packet is taken before the records of those before it have been sent.
//! * What is not the start of a packet that an app may send ends the connection before it is sent.

use std::io;
use std::iter;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use azdb_wire::tds::{SmpHeader, frame_length, kind};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::way::{BreakOff, Stream, Upstream};

/// Longest plaintext of a TLS record (RFC 8446, section 5.1).
const RECORD: usize = 16 * 1024;

/// Largest packet that both sides may agree on: more than SQL Server takes under TLS.
pub(crate) const MOST_PACKET: usize = RECORD - 1;
/// The same under MARS.
pub(crate) const MOST_PACKET_IN_SMP: usize = RECORD - SmpHeader::LEN;

/// A way towards a server of TDS. Without TLS there are no records, and bytes go as they come.
#[derive(Debug)]
pub(crate) struct OnePacketPerRecord<S> {
    upstream: Upstream<S>,
    /// The beginning of a packet whose rest has not come yet.
    begun: Vec<u8>,
}

impl<S: Stream> OnePacketPerRecord<S> {
    /// Everything written from here on begins with the start of a packet.
    pub(crate) fn new(upstream: Upstream<S>) -> Self {
        let begun = Vec::new();
        Self { upstream, begun }
    }

    /// The connection that it goes over.
    pub(super) fn connection(&mut self) -> &mut S {
        self.upstream.connection()
    }

    /// Takes what a packet lacks that has begun, or begins one. Says how many bytes that were, and whether the packet is whole now.
    fn go_on(&mut self, bytes: &[u8]) -> io::Result<(usize, bool)> {
        let mut used = 0;
        if packet_length(&self.begun)?.is_none() {
            let header = match self.begun.first().or(bytes.first()) {
                Some(&kind::SMP) => SmpHeader::LEN,
                _ => azdb_wire::tds::Header::LEN,
            };
            used = self.gather(bytes, header);
        }
        let Some(length) = packet_length(&self.begun)? else {
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

/// The whole packets at the front of `bytes`.
fn packets(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    iter::from_fn(move || {
        // What is wrong with a packet is said when it is at the front.
        let length = packet_length(bytes).ok()??;
        let (packet, rest) = bytes.split_at_checked(length)?;
        bytes = rest;
        Some(packet)
    })
}

/// The length of the packet at the front of `bytes`; `None` while too little of it is there to tell.
fn packet_length(bytes: &[u8]) -> io::Result<Option<usize>> {
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

impl<S: Stream> BreakOff for OnePacketPerRecord<S> {
    fn break_off(&mut self) {
        self.upstream.break_off();
    }
}

impl<S: Stream> AsyncWrite for OnePacketPerRecord<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let Some(tls) = this.upstream.tls_mut() else {
            return Pin::new(&mut this.upstream).poll_write(cx, bytes);
        };
        ready!(tls.poll_sent(cx))?;
        if this.begun.is_empty() && packet_length(bytes)?.is_some_and(|whole| whole <= bytes.len())
        {
            // The usual case, without a copy.
            return tls.poll_write_each(cx, packets(bytes));
        }
        let (used, is_whole) = this.go_on(bytes)?;
        if !is_whole {
            return Poll::Ready(Ok(used));
        }
        let begun = std::mem::take(&mut this.begun);
        let behind = packets(bytes.get(used..).unwrap_or_default());
        let pieces = iter::once(&begun[..]).chain(behind);
        let Some(tls) = this.upstream.tls_mut() else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        // Everything before it has been sent, so it is taken.
        let taken = ready!(tls.poll_write_each(cx, pieces))?;
        Poll::Ready(Ok(used + taken.saturating_sub(begun.len())))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.upstream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.upstream).poll_shutdown(cx)
    }
}

impl<S: Stream> AsyncRead for OnePacketPerRecord<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.upstream).poll_read(cx, buf)
    }
}

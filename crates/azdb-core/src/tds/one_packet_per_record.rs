//! Each packet in a TLS record of its own.
//!
//! SQL Server takes one packet from one decrypted record: two packets in a record, or one packet in two, and it resets the
//! connection. rustls makes one record of each write of up to 16 KiB, but only while its own buffer is not full: under
//! back-pressure it takes what fits, which cuts a packet. So its limit is switched off, and this counts instead. Records may
//! share a segment of TCP: whoever writes flushes when there is no more for now.
//!
//! # Invariants
//!
//! * A packet, of TDS or SMP, goes to rustls whole and alone.
//! * Not more than [`MOST_UNFLUSHED`] bytes and a packet wait for the socket.
//! * What is not the start of a packet that an app may send ends the connection before it is sent.

use std::io::{self, Write as _};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use azdb_wire::tds::{SmpHeader, frame_length, kind};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::TlsStream;

use crate::way::{BreakOff, Stream, Upstream};

/// Bytes that rustls may hold before the next packet waits.
const MOST_UNFLUSHED: usize = 64 * 1024;

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
    /// Bytes given to rustls since the last flush.
    unflushed: usize,
}

impl<S: Stream> OnePacketPerRecord<S> {
    /// Everything written from here on begins with the start of a packet.
    pub(crate) fn new(mut upstream: Upstream<S>) -> Self {
        match upstream.tls_mut() {
            Some(TlsStream::Client(tls)) => tls.get_mut().1.set_buffer_limit(None),
            Some(TlsStream::Server(tls)) => tls.get_mut().1.set_buffer_limit(None),
            None => {}
        }
        Self {
            upstream,
            begun: Vec::new(),
            unflushed: 0,
        }
    }

    /// Hands one whole packet to rustls, which takes all of it. Its record leaves with the next flush, many to a system call.
    fn poll_packet(&mut self, cx: &mut Context<'_>, packet: &[u8]) -> Poll<io::Result<()>> {
        if self.unflushed >= MOST_UNFLUSHED {
            ready!(self.poll_all_sent(cx))?;
        }
        let taken = match self.upstream.tls_mut() {
            Some(TlsStream::Client(tls)) => tls.get_mut().1.writer().write(packet)?,
            Some(TlsStream::Server(tls)) => tls.get_mut().1.writer().write(packet)?,
            None => return Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        };
        debug_assert_eq!(taken, packet.len(), "rustls has no limit");
        self.unflushed += taken;
        Poll::Ready(Ok(()))
    }

    fn poll_all_sent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.upstream).poll_flush(cx))?;
        self.unflushed = 0;
        Poll::Ready(Ok(()))
    }

    /// Copies what `begun` lacks, up to `whole` bytes; says how many that were.
    fn gather(&mut self, bytes: &[u8], whole: usize) -> usize {
        let lacking = whole.saturating_sub(self.begun.len()).min(bytes.len());
        let (now, _) = bytes.split_at(lacking);
        self.begun.extend_from_slice(now);
        lacking
    }
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
        if this.upstream.tls_mut().is_none() {
            return Pin::new(&mut this.upstream).poll_write(cx, bytes);
        }
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        if this.begun.is_empty()
            && let Some(length) = packet_length(bytes)?
            && let Some(packet) = bytes.get(..length)
        {
            // The usual case, without a copy.
            ready!(this.poll_packet(cx, packet))?;
            return Poll::Ready(Ok(length));
        }
        let mut used = 0;
        let length = match packet_length(&this.begun)? {
            Some(length) => length,
            None => {
                let header = match this.begun.first().or(bytes.first()) {
                    Some(&kind::SMP) => SmpHeader::LEN,
                    _ => azdb_wire::tds::Header::LEN,
                };
                used = this.gather(bytes, header);
                match packet_length(&this.begun)? {
                    Some(length) => length,
                    None => return Poll::Ready(Ok(used)),
                }
            }
        };
        used += this.gather(bytes.get(used..).unwrap_or_default(), length);
        if this.begun.len() < length {
            return Poll::Ready(Ok(used));
        }
        let packet = std::mem::take(&mut this.begun);
        match this.poll_packet(cx, &packet) {
            Poll::Ready(outcome) => {
                outcome?;
                Poll::Ready(Ok(used))
            }
            Poll::Pending => {
                // The caller will offer these bytes again.
                this.begun = packet;
                this.begun.truncate(length - used);
                Poll::Pending
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_all_sent(cx)
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

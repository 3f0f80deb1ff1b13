//! Bytes for `opensrv-mysql`, of which no read ever gives two packets.
//!
//! `opensrv-mysql` 0.7.0 frees memory that it still uses. Its `PacketReader::next_async` (`packet_reader.rs`) returns a packet
//! that borrows `self.bytes`, and when more bytes lie behind that packet it has replaced `self.bytes` by a copy of those
//! before it returns: the packet is then read out of freed memory. Who sends commands without waiting for answers, as MariaDB
//! Connector/J does for a batch, had garbage executed and read OK. With no byte behind a packet nothing is replaced.
//! AddressSanitizer and valgrind report the fault for fifty queries in one write, and nothing behind this reader.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

use super::packet::parse;

const HEADER: usize = 4;

/// A reader whose reads end where a packet ends, at the latest.
pub(super) struct OnePacketPerRead<R> {
    inner: R,
    header: [u8; HEADER],
    /// How much of the header has been read.
    known: usize,
    /// How much of the header has been given on.
    given: usize,
    /// How much of the payload has not been given on.
    left: usize,
}

impl<R: AsyncRead + Unpin> OnePacketPerRead<R> {
    pub(super) fn new(inner: R) -> Self {
        Self {
            inner,
            header: [0; HEADER],
            known: 0,
            given: 0,
            left: 0,
        }
    }

    /// Reads the header of the next packet; `false` at the end.
    fn poll_header(&mut self, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
        while self.known < HEADER {
            let mut part = ReadBuf::new(&mut self.header[self.known..]);
            ready!(Pin::new(&mut self.inner).poll_read(context, &mut part))?;
            let count = part.filled().len();
            if count == 0 {
                return Poll::Ready(Ok(false));
            }
            self.known += count;
            self.left = parse(self.header).0;
        }
        Poll::Ready(Ok(true))
    }

    /// Reads some of the payload, as far as it goes.
    fn poll_payload(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let wanted = self.left.min(buffer.remaining());
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(wanted));
        ready!(Pin::new(&mut self.inner).poll_read(context, &mut part))?;
        let count = part.filled().len();
        buffer.advance(count);
        self.left -= count;
        Poll::Ready(Ok(()))
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for OnePacketPerRead<R> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !ready!(this.poll_header(context))? {
            return Poll::Ready(Ok(()));
        }
        let header = &this.header[this.given..];
        let header = &header[..header.len().min(buffer.remaining())];
        buffer.put_slice(header);
        let progress = !header.is_empty();
        this.given += header.len();
        if this.left > 0 && buffer.remaining() > 0 {
            match this.poll_payload(context, buffer) {
                Poll::Pending if progress => {}
                polled => ready!(polled)?,
            }
        }
        if this.left == 0 && this.given == HEADER {
            (this.known, this.given) = (0, 0);
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    /// What single reads into a buffer of `size` bytes give.
    async fn reads(bytes: &[u8], size: usize) -> Vec<Vec<u8>> {
        let (mut near, far) = duplex(1 << 20);
        near.write_all(bytes).await.unwrap();
        drop(near);
        let mut reader = OnePacketPerRead::new(far);
        let (mut reads, mut buffer) = (Vec::new(), vec![0; size]);
        loop {
            let count = reader.read(&mut buffer).await.unwrap();
            if count == 0 {
                return reads;
            }
            reads.push(buffer[..count].to_vec());
        }
    }

    #[tokio::test]
    async fn a_read_never_gives_bytes_of_two_packets() {
        let packets: [&[u8]; 4] = [b"\x03\0\0\0abc", b"\0\0\0\x01", b"\x01\0\0\0z", b"\0\0\0\0"];
        let all = packets.concat();
        assert_eq!(reads(&all, 4096).await, packets);
        for size in 1..8 {
            let reads = reads(&all, size).await;
            assert_eq!(reads.concat(), all, "{size}");
            let mut ends = packets.iter().scan(0, |end, packet| {
                *end += packet.len();
                Some(*end)
            });
            let mut at = 0;
            let mut end = ends.next().unwrap();
            for read in reads {
                at += read.len();
                assert!(at <= end, "a read of {size} bytes goes over {end}");
                if at == end {
                    end = ends.next().unwrap_or(usize::MAX);
                }
            }
        }
    }
}

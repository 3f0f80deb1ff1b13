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

/// A reader whose reads end where a header or a packet ends, at the latest.
pub(super) struct OnePacketPerRead<R> {
    inner: R,
    header: [u8; HEADER],
    /// How much of the header has been read.
    known: usize,
    /// How much of the payload has not been read.
    left: usize,
}

impl<R> OnePacketPerRead<R> {
    pub(super) fn new(inner: R) -> Self {
        Self {
            inner,
            header: [0; HEADER],
            known: 0,
            left: 0,
        }
    }

    /// Takes note of bytes that have been read, which are no more than were wanted.
    fn note(&mut self, bytes: &[u8]) {
        if self.known == HEADER {
            self.left -= bytes.len();
        } else {
            self.header[self.known..][..bytes.len()].copy_from_slice(bytes);
            self.known += bytes.len();
            self.left = parse(self.header).0;
        }
        if self.known == HEADER && self.left == 0 {
            self.known = 0;
        }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for OnePacketPerRead<R> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let wanted = match HEADER - this.known {
            0 => this.left,
            missing => missing,
        };
        let wanted = wanted.min(buffer.remaining());
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(wanted));
        ready!(Pin::new(&mut this.inner).poll_read(context, &mut part))?;
        this.note(part.filled());
        let count = part.filled().len();
        buffer.advance(count);
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test]
    async fn a_read_never_gives_bytes_of_two_packets() {
        let packets: [&[u8]; 4] = [b"\x03\0\0\0abc", b"\0\0\0\x01", b"\x01\0\0\0z", b"\0\0\0\0"];
        let all = packets.concat();
        for size in [1, 2, 3, 4, 5, 6, 7, 4096] {
            let (mut near, far) = duplex(1 << 20);
            near.write_all(&all).await.unwrap();
            drop(near);
            let (mut reader, mut buffer) = (OnePacketPerRead::new(far), vec![0; size]);
            for packet in packets {
                let mut at = 0;
                while at < packet.len() {
                    let count = reader.read(&mut buffer).await.unwrap();
                    assert_eq!(packet.get(at..at + count), buffer.get(..count), "{size}");
                    assert_ne!(count, 0);
                    at += count;
                }
            }
            assert_eq!(reader.read(&mut buffer).await.unwrap(), 0);
        }
    }
}

//! Packets of MySQL as both ends of the bench need them: whole small ones, and streams of them skimmed.

use std::io;

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::messages::Stream;

/// Bytes asked of a stream at a time.
const CHUNK: usize = 64 * 1024;
/// Bytes of a packet's header: its length and its number.
pub(super) const HEADER: usize = 4;

/// A stream of packets.
pub(super) struct Packets<S> {
    pub(super) stream: S,
    unread: BytesMut,
}

impl<S: Stream> Packets<S> {
    pub(super) fn new(stream: S) -> Self {
        let unread = BytesMut::new();
        Self { stream, unread }
    }

    /// The payload of the next packet.
    pub(super) async fn next(&mut self) -> io::Result<Bytes> {
        let length = self.header().await?;
        self.fill(length).await?;
        Ok(self.unread.split_to(length).freeze())
    }

    /// The payload of the next packet, which must not be an error.
    pub(super) async fn good(&mut self) -> io::Result<Bytes> {
        let payload = self.next().await?;
        match payload.first() {
            Some(0xff) => Err(io::Error::other(
                String::from_utf8_lossy(payload.get(3..).unwrap_or_default()).into_owned(),
            )),
            _ => Ok(payload),
        }
    }

    /// Reads up to and with the packet that ends a part of a result. Returns the bytes before it, headers included.
    pub(super) async fn skim(&mut self) -> io::Result<u64> {
        let mut skimmed = 0;
        loop {
            let length = self.header().await?;
            self.fill(1).await?;
            let first = self.unread.first().copied();
            if length < 9 && first == Some(0xfe) {
                self.skip(length).await?;
                return Ok(skimmed);
            }
            skimmed += (HEADER + length) as u64;
            self.skip(length).await?;
        }
    }

    /// Reads up to and with an empty packet. Returns the bytes before it, headers included.
    pub(super) async fn skim_file(&mut self) -> io::Result<u64> {
        let mut skimmed = 0;
        loop {
            match self.header().await? {
                0 => return Ok(skimmed),
                length => {
                    skimmed += (HEADER + length) as u64;
                    self.skip(length).await?;
                }
            }
        }
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    async fn header(&mut self) -> io::Result<usize> {
        self.fill(HEADER).await?;
        let length = self.unread.get_uint_le(3);
        self.unread.advance(1);
        usize::try_from(length).map_err(io::Error::other)
    }

    async fn fill(&mut self, count: usize) -> io::Result<()> {
        while self.unread.len() < count {
            self.unread.reserve(CHUNK);
            if self.stream.read_buf(&mut self.unread).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }

    async fn skip(&mut self, mut count: usize) -> io::Result<()> {
        loop {
            let now = count.min(self.unread.len());
            self.unread.advance(now);
            count -= now;
            if count == 0 {
                return Ok(());
            }
            self.fill(1).await?;
        }
    }
}

/// Appends a packet.
pub(super) fn put(out: &mut Vec<u8>, number: u8, parts: &[&[u8]]) {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let [a, b, c, _] = u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
    out.extend([a, b, c, number]);
    parts.iter().for_each(|part| out.extend_from_slice(part));
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_skimmed_result_is_counted_and_what_follows_it_stays() {
        let mut bytes = Vec::new();
        for _ in 0..1000 {
            put(&mut bytes, 3, &[b"\x0da row of a table"]);
        }
        let rows = bytes.len() as u64;
        put(&mut bytes, 4, &[&[0xfe, 0, 0, 2, 0]]);
        put(&mut bytes, 0, &[b"next"]);

        // A pipe far shorter than the stream cuts it where it likes.
        let (mut there, here) = tokio::io::duplex(61);
        let writing = async { there.write_all(&bytes).await };
        let mut packets = Packets::new(here);
        let reading = async {
            let skimmed = packets.skim().await?;
            Ok::<_, io::Error>((skimmed, packets.next().await?))
        };
        let (written, read) = tokio::join!(writing, reading);
        written.unwrap();
        let (skimmed, after) = read.unwrap();
        assert_eq!((skimmed, &after[..]), (rows, &b"next"[..]));
    }
}

//! Messages of PostgreSQL as both ends of the bench need them: whole small ones, and streams of COPY skimmed.

use std::io;

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// A socket, or TLS over one.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Bytes asked of a stream at a time.
const CHUNK: usize = 64 * 1024;
/// Longer than any message that is read whole.
const MAX_MESSAGE: usize = 256 * 1024;

/// One message: its tag and what follows the length.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) tag: u8,
    pub(super) body: Bytes,
}

/// A stream of messages.
pub(super) struct Messages<S> {
    stream: S,
    unread: BytesMut,
}

impl<S: Stream> Messages<S> {
    pub(super) fn new(stream: S) -> Self {
        let unread = BytesMut::new();
        Self { stream, unread }
    }

    /// The body of a packet without a tag, which the first one of a conversation is.
    pub(super) async fn first(&mut self) -> io::Result<Bytes> {
        self.fill(4).await?;
        let length = self.unread.get_u32() as usize;
        self.body(length).await
    }

    pub(super) async fn next(&mut self) -> io::Result<Message> {
        self.fill(5).await?;
        let tag = self.unread.get_u8();
        let length = self.unread.get_u32() as usize;
        let body = self.body(length).await?;
        Ok(Message { tag, body })
    }

    /// Reads up to and with the message `last`, and says how many bytes of CopyData came, headers included.
    ///
    /// # Errors
    ///
    /// What the stream reports, and an ErrorResponse in its own words.
    pub(super) async fn skim(&mut self, last: u8) -> io::Result<u64> {
        let mut copied = 0;
        loop {
            self.fill(5).await?;
            let tag = self.unread.get_u8();
            let length = self.unread.get_u32() as usize;
            match tag {
                b'd' => {
                    copied += 1 + length as u64;
                    self.skip(length.saturating_sub(4)).await?;
                }
                b'E' if last != b'E' => return Err(error_of(&self.body(length).await?)),
                _ => drop(self.body(length).await?),
            }
            if tag == last {
                return Ok(copied);
            }
        }
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// Ends the stream towards the other side.
    pub(super) async fn shutdown(&mut self) -> io::Result<()> {
        self.stream.shutdown().await
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

    /// What follows a length field that said `length`.
    async fn body(&mut self, length: usize) -> io::Result<Bytes> {
        if !(4..MAX_MESSAGE).contains(&length) {
            return Err(io::Error::other(format!("a message of {length} bytes")));
        }
        self.fill(length - 4).await?;
        Ok(self.unread.split_to(length - 4).freeze())
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

/// Appends a message.
pub(super) fn put(out: &mut Vec<u8>, tag: u8, parts: &[&[u8]]) {
    out.put_u8(tag);
    put_untagged(out, parts);
}

/// Appends a packet that has no tag.
pub(super) fn put_untagged(out: &mut Vec<u8>, parts: &[&[u8]]) {
    let at = out.len();
    out.put_u32(0);
    parts.iter().for_each(|part| out.put_slice(part));
    let length = u32::try_from(out.len() - at).unwrap_or(u32::MAX);
    if let Some(field) = out.get_mut(at..at + 4) {
        field.copy_from_slice(&length.to_be_bytes());
    }
}

/// An ErrorResponse as an error: the text of its field `M`.
pub(super) fn error_of(body: &[u8]) -> io::Error {
    let text = body
        .split(|byte| *byte == 0)
        .find_map(|field| field.strip_prefix(b"M"))
        .unwrap_or(b"an error without a text");
    io::Error::other(String::from_utf8_lossy(text).into_owned())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_skimmed_copy_is_counted_and_what_follows_it_stays() {
        let mut bytes = Vec::new();
        for _ in 0..1000 {
            put(&mut bytes, b'd', &[b"a row of a table\n"]);
        }
        let copied = bytes.len() as u64;
        put(&mut bytes, b'c', &[]);
        put(&mut bytes, b'C', &[b"COPY 1000\0"]);

        // A pipe far shorter than the stream cuts it where it likes.
        let (mut there, here) = tokio::io::duplex(61);
        let writing = async { there.write_all(&bytes).await };
        let mut messages = Messages::new(here);
        let reading = async {
            let skimmed = messages.skim(b'c').await?;
            Ok::<_, io::Error>((skimmed, messages.next().await?))
        };
        let (written, read) = tokio::join!(writing, reading);
        written.unwrap();
        let (skimmed, after) = read.unwrap();
        assert_eq!(skimmed, copied);
        assert_eq!((after.tag, &after.body[..]), (b'C', &b"COPY 1000\0"[..]));
    }

    #[tokio::test]
    async fn an_error_in_a_stream_speaks_for_itself() {
        let mut bytes = Vec::new();
        put(&mut bytes, b'd', &[b"a row\n"]);
        put(&mut bytes, b'E', &[b"SFATAL\0C57P01\0Mgoing away\0\0"]);
        let (mut there, here) = tokio::io::duplex(1024);
        there.write_all(&bytes).await.unwrap();
        let error = Messages::new(here).skim(b'Z').await.unwrap_err();
        assert_eq!(error.to_string(), "going away");
    }
}

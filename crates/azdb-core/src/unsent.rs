//! Bytes that a stream has yet to take, for wrappers of a leg that make other bytes than they were given.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

/// Bytes on their way, the first of which have gone.
#[derive(Debug, Default)]
pub(crate) struct Unsent {
    bytes: Vec<u8>,
    gone: usize,
}

impl Unsent {
    /// What has not gone.
    pub(crate) fn rest(&self) -> &[u8] {
        self.bytes.get(self.gone..).unwrap_or_default()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest().is_empty()
    }

    /// Where more is appended.
    pub(crate) fn end(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// So many have gone. With the last of them goes their memory, which an idle session has no use for.
    pub(crate) fn advance(&mut self, count: usize) {
        self.gone += count;
        if self.is_empty() {
            *self = Self::default();
        }
    }

    /// Has a stream take all of it.
    pub(crate) fn poll_sent<S: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut S,
    ) -> Poll<io::Result<()>> {
        while !self.is_empty() {
            let count = ready!(poll_some(cx, stream, self.rest()))?;
            self.advance(count);
        }
        Poll::Ready(Ok(()))
    }

    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }
}

/// Writes some of `bytes`, at least one.
pub(crate) fn poll_some<S: AsyncWrite + Unpin>(
    cx: &mut Context<'_>,
    stream: &mut S,
    bytes: &[u8],
) -> Poll<io::Result<usize>> {
    match ready!(Pin::new(stream).poll_write(cx, bytes))? {
        0 => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
        count => Poll::Ready(Ok(count)),
    }
}

//! An end without a farewell, as SQL Server's own.
//!
//! TLS would have a connection end with `close_notify`, and SQL Server never sends one. Pools rely on that: to see whether an idle
//! connection is still good they look for an end with nothing to read before it (SqlClient's `CheckConnection`), and an alert is
//! something to read. With one, an app is handed a dead connection where it would have been given a new one.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::way::{MaybeTls, Stream};

/// The way to an app, whose end is that of the connection below TLS.
#[derive(Debug)]
pub(crate) struct BareEnd<S>(pub(super) MaybeTls<S>);

impl<S: Stream> AsyncWrite for BareEnd<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.0).poll_flush(cx))?;
        match &mut self.0 {
            MaybeTls::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            MaybeTls::Tls(stream) => Pin::new(stream.get_mut().0).poll_shutdown(cx),
        }
    }
}

impl<S: Stream> AsyncRead for BareEnd<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

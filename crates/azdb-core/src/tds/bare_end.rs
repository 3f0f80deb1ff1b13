//! An end without a farewell, as SQL Server's own.
//!
//! TLS would have a connection end with `close_notify`, and SQL Server never sends one. Pools rely on that: to see whether an idle
//! connection is still good they look for an end with nothing to read before it (SqlClient's `CheckConnection`), and an alert is
//! something to read. With one, an app is handed a dead connection where it would have been given a new one.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::TlsStream;

use crate::io::Stream;

/// TLS with an app, whose end is that of the connection below it.
#[derive(Debug)]
pub(crate) struct BareEnd<S>(pub(crate) TlsStream<S>);

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
        Pin::new(self.0.get_mut().0).poll_shutdown(cx)
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

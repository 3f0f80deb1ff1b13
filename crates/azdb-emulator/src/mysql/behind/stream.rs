//! The way to the server behind, with TLS or without.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::task::{Context, Poll};

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::behind::BehindStream;
use crate::unverified;

pub(in super::super) enum Stream {
    Plain(BehindStream),
    Sealed(Box<TlsStream<BehindStream>>),
}

impl Stream {
    /// TLS with whoever is there.
    pub(super) async fn seal(stream: BehindStream) -> io::Result<Self> {
        let config =
            unverified::client_config(rustls::DEFAULT_VERSIONS).map_err(io::Error::other)?;
        // Nobody compares it, and an address is not sent.
        let name = ServerName::from(IpAddr::from(Ipv4Addr::LOCALHOST));
        let stream = TlsConnector::from(config).connect(name, stream).await?;
        Ok(Self::Sealed(Box::new(stream)))
    }

    pub(super) fn is_sealed(&self) -> bool {
        matches!(self, Self::Sealed(_))
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Sealed(stream) => Pin::new(stream.as_mut()).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Sealed(stream) => Pin::new(stream.as_mut()).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Sealed(stream) => Pin::new(stream.as_mut()).poll_flush(context),
        }
    }

    /// Ends it without TLS's own word for an end: a server that waits in `SLEEP` looks whether its socket has bytes, takes that
    /// word for a command, and runs on.
    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Sealed(stream) => Pin::new(stream.get_mut().0).poll_shutdown(context),
        }
    }
}

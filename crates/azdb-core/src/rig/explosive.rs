//! What panics when a test says so.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use azdb_config::route::Endpoint;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

use super::Pipes;
use crate::fault::Cause;
use crate::lobby::{Lobby, Protocol};
use crate::way::{Connected, Dial};

/// Set when what holds it is to panic.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fuse(Arc<AtomicBool>);

impl Fuse {
    pub(crate) fn set(&self, lit: bool) {
        self.0.store(lit, Relaxed);
    }

    fn check(&self) {
        assert!(!self.0.load(Relaxed), "as the test wants it");
    }
}

/// Dials as [`Pipes`] do.
#[derive(Clone)]
pub(crate) struct ExplosiveDial {
    pipes: Pipes,
    fuse: Fuse,
}

impl ExplosiveDial {
    /// In the place of a lobby's pipes.
    pub(crate) fn instead<P: Protocol>(lobby: Lobby<P, Pipes>, fuse: &Fuse) -> Lobby<P, Self> {
        super::dialling(lobby, |pipes| Self {
            pipes,
            fuse: fuse.clone(),
        })
    }
}

impl Dial for ExplosiveDial {
    type Stream = DuplexStream;

    async fn resolve(
        &self,
        target: &Endpoint,
        patience: Duration,
    ) -> Result<Vec<SocketAddr>, Cause> {
        self.pipes.resolve(target, patience).await
    }

    async fn connect(
        &self,
        target: &Endpoint,
        addr: SocketAddr,
    ) -> Result<Connected<DuplexStream>, Cause> {
        self.fuse.check();
        self.pipes.connect(target, addr).await
    }
}

/// A stream that panics when it is read.
#[derive(Debug)]
pub(crate) struct ExplosiveStream(pub(crate) DuplexStream, pub(crate) Fuse);

impl AsyncRead for ExplosiveStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.1.check();
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for ExplosiveStream {
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
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

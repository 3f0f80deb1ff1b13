//! What breaks when a test says so: as a socket whose far end has vanished or has reset the connection.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use azdb_config::route::Endpoint;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

use super::Pipes;
use crate::fault::Cause;
use crate::lobby::{Lobby, Protocol};
use crate::way::{Connected, Dial};

/// What whoever reads or writes next is told.
#[derive(Debug, Clone, Default)]
pub(crate) struct Break {
    reading: Arc<Mutex<Option<io::ErrorKind>>>,
    writing: Arc<Mutex<Option<io::ErrorKind>>>,
}

impl Break {
    /// Breaks. Whoever waits to read notices when the pipe ends.
    pub(crate) fn with(&self, kind: io::ErrorKind) {
        *self.reading.lock().unwrap() = Some(kind);
        self.refuse(kind);
    }

    /// Takes nothing any more.
    pub(crate) fn refuse(&self, kind: io::ErrorKind) {
        *self.writing.lock().unwrap() = Some(kind);
    }
}

fn check(broken: &Mutex<Option<io::ErrorKind>>) -> io::Result<()> {
    let broken = *broken.lock().unwrap();
    broken.map_or(Ok(()), |kind| Err(kind.into()))
}

/// A pipe that can break.
#[derive(Debug)]
pub(crate) struct Breaking(pub(crate) DuplexStream, pub(crate) Break);

/// Dials as [`Pipes`] do.
#[derive(Clone)]
pub(crate) struct BreakingDial {
    pipes: Pipes,
    broken: Break,
}

impl BreakingDial {
    /// In the place of a lobby's pipes.
    pub(crate) fn instead<P: Protocol>(lobby: Lobby<P, Pipes>, broken: &Break) -> Lobby<P, Self> {
        super::dialling(lobby, |pipes| Self {
            pipes,
            broken: broken.clone(),
        })
    }
}

impl Dial for BreakingDial {
    type Stream = Breaking;

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
    ) -> Result<Connected<Breaking>, Cause> {
        let Connected { stream, departure } = self.pipes.connect(target, addr).await?;
        let stream = Breaking(stream, self.broken.clone());
        Ok(Connected { stream, departure })
    }
}

impl AsyncRead for Breaking {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // As of a socket, what had come before is read first.
        let before = buf.filled().len();
        let read = Pin::new(&mut self.0).poll_read(cx, buf);
        if buf.filled().len() == before {
            check(&self.1.reading)?;
        }
        read
    }
}

impl AsyncWrite for Breaking {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        check(&self.1.writing)?;
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A kernel says no more here than that a connection has broken.
        match check(&self.1.reading) {
            Err(error) if error.kind() != io::ErrorKind::InvalidData => Poll::Ready(Err(error)),
            _ => Pin::new(&mut self.0).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

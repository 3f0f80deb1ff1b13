//! Sockets and pipes of this machine: where apps come in.

mod door;
#[cfg(any(windows, test))]
mod messages;
#[cfg(windows)]
mod named_pipe;
#[cfg(windows)]
mod named_pipe_stream;
mod passed;
mod peer;
mod travelling;
#[cfg(unix)]
mod unix;

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use azdb_config::route::ProtocolName;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
#[cfg(unix)]
use tokio::net::UnixStream;

pub(crate) use door::{Door, Families, Reserved, Warden};
pub use passed::PassedSockets;
pub(crate) use peer::{Account, Peer};
pub(crate) use travelling::Travelling;

#[cfg(windows)]
use named_pipe_stream::NamedPipe;

use crate::pulse::Pulse;

/// How many files this process may open.
pub(crate) fn most_files() -> usize {
    #[cfg(unix)]
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    #[cfg(not(unix))]
    let limit = None::<u64>;
    limit.map_or(usize::MAX, |limit| {
        usize::try_from(limit).unwrap_or(usize::MAX)
    })
}

/// An app's connection.
#[derive(Debug)]
pub(crate) enum AppSocket {
    Tcp(Pulse),
    #[cfg(unix)]
    Unix(UnixStream),
    #[cfg(windows)]
    NamedPipe(NamedPipe),
    /// Of this process.
    InProcess(DuplexStream),
}

macro_rules! with_either {
    ($self:ident, $stream:ident => $call:expr) => {
        match $self.get_mut() {
            AppSocket::Tcp($stream) => $call,
            #[cfg(unix)]
            AppSocket::Unix($stream) => $call,
            #[cfg(windows)]
            AppSocket::NamedPipe($stream) => $call,
            AppSocket::InProcess($stream) => $call,
        }
    };
}

impl AppSocket {
    /// Where the app has come to, and where it was to go before it was redirected here, as far as the kernel knows.
    pub(crate) fn destinations(&self) -> Vec<SocketAddr> {
        match self {
            Self::Tcp(pulse) => pulse.destinations(),
            #[cfg(unix)]
            Self::Unix(_) => Vec::new(),
            #[cfg(windows)]
            Self::NamedPipe(_) => Vec::new(),
            Self::InProcess(_) => Vec::new(),
        }
    }

    /// The next byte that the app says, which stays where it is; `None` at the end.
    ///
    /// # Errors
    ///
    /// Whatever the kernel reports; [`io::ErrorKind::Unsupported`] where there is no TCP.
    pub(crate) async fn next_byte(&self) -> io::Result<Option<u8>> {
        match self {
            Self::Tcp(pulse) => pulse.next_byte().await,
            #[cfg(unix)]
            Self::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
            #[cfg(windows)]
            Self::NamedPipe(_) => Err(io::ErrorKind::Unsupported.into()),
            Self::InProcess(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// From now on it is written to as servers of this protocol do.
    pub(crate) fn speaks(&mut self, protocol: ProtocolName) {
        match self {
            #[cfg(windows)]
            Self::NamedPipe(pipe) if protocol == ProtocolName::Tds => pipe.write_packets(),
            _ => {
                let _ = protocol;
            }
        }
    }

    /// From now on the app has vanished when its machine answers nothing for `limit`. This machine's own kernel tells.
    pub(crate) fn must_answer_within(&mut self, limit: Duration) {
        match self {
            Self::Tcp(pulse) => pulse.must_answer_within(limit),
            #[cfg(unix)]
            Self::Unix(_) => {}
            #[cfg(windows)]
            Self::NamedPipe(_) => {}
            Self::InProcess(_) => {}
        }
    }
}

impl AsyncRead for AppSocket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        with_either!(self, stream => Pin::new(stream).poll_read(cx, buf))
    }
}

impl AsyncWrite for AppSocket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        with_either!(self, stream => Pin::new(stream).poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        with_either!(self, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        with_either!(self, stream => Pin::new(stream).poll_shutdown(cx))
    }
}

#[cfg(all(test, unix))]
mod tests;

//! Sockets of this machine: where apps come in.

mod peer;
#[cfg(unix)]
mod unix;

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};

use azdb_config::route::{ListenAddr, SocketRights};

use crate::pulse::Pulse;
pub(crate) use peer::Peer;
#[cfg(unix)]
use unix::{UnlinkOnDrop, bind_unix};

/// Connections that wait for `accept`, as many as the kernel allows by default.
const BACKLOG: i32 = 4096;

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

/// A place where apps come in, open.
#[derive(Debug)]
pub(crate) enum Door {
    /// TCP.
    Tcp(TcpListener),
    /// A socket file, removed when the door closes.
    #[cfg(unix)]
    Unix {
        listener: UnixListener,
        _file: UnlinkOnDrop,
    },
}

/// An app's connection.
#[derive(Debug)]
pub(crate) enum AppSocket {
    Tcp(Pulse),
    #[cfg(unix)]
    Unix(UnixStream),
    /// Of this process.
    Pipe(DuplexStream),
}

impl Door {
    /// Opens a door.
    ///
    /// # Errors
    ///
    /// Whatever the kernel reports; for a socket file also [`io::ErrorKind::AddrInUse`] when another process serves it.
    pub(crate) async fn open(addr: &ListenAddr, rights: SocketRights) -> io::Result<Self> {
        match addr {
            ListenAddr::Tcp(addr) => bind_tcp(*addr).map(Self::Tcp),
            #[cfg(unix)]
            ListenAddr::Unix(path) => bind_unix(path, rights).await,
            #[cfg(not(unix))]
            ListenAddr::Unix(_) => {
                let _ = rights;
                Err(io::Error::other("no unix sockets on this platform"))
            }
        }
    }

    /// The address that apps reach, for a socket file none.
    pub(crate) fn local_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            #[cfg(unix)]
            Self::Unix { .. } => None,
        }
    }

    /// Waits for an app.
    ///
    /// # Errors
    ///
    /// Whatever the kernel reports.
    pub(crate) async fn accept(&self) -> io::Result<(AppSocket, Peer)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, addr) = listener.accept().await?;
                let peer = Peer::over_tcp(addr, stream.local_addr()?);
                Ok((AppSocket::Tcp(Pulse::of(stream)), peer))
            }
            #[cfg(unix)]
            Self::Unix { listener, .. } => {
                let (stream, _) = listener.accept().await?;
                let peer = Peer::Unix(stream.peer_cred()?.uid());
                Ok((AppSocket::Unix(stream), peer))
            }
        }
    }
}

fn bind_tcp(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    if addr.is_ipv6() {
        // [::1] and 127.0.0.1 are two doors; `[::]` must not take the other family's.
        socket.set_only_v6(true)?;
    }
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    TcpListener::from_std(socket.into())
}

macro_rules! with_either {
    ($self:ident, $stream:ident => $call:expr) => {
        match $self.get_mut() {
            AppSocket::Tcp($stream) => $call,
            #[cfg(unix)]
            AppSocket::Unix($stream) => $call,
            AppSocket::Pipe($stream) => $call,
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
            Self::Pipe(_) => Vec::new(),
        }
    }

    /// From now on the app has vanished when its machine answers nothing for `limit`. This machine's own kernel tells.
    pub(crate) fn must_answer_within(&mut self, limit: Duration) {
        match self {
            Self::Tcp(pulse) => pulse.must_answer_within(limit),
            #[cfg(unix)]
            Self::Unix(_) => {}
            Self::Pipe(_) => {}
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

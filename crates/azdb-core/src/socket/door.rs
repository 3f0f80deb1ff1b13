//! Doors: taken first, so that nobody else has them, and open when they can serve.

use std::io;
use std::net::SocketAddr;
#[cfg(unix)]
use std::path::PathBuf;

use azdb_config::route::{ListenAddr, SocketRights};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;

#[cfg(unix)]
use super::unix::{UnlinkOnDrop, bind_unix};
use super::{AppSocket, Peer};
use crate::pulse::Pulse;

/// Connections that wait for `accept`, as many as the kernel allows by default.
const BACKLOG: i32 = 4096;

/// Which addresses `[::]` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Families {
    /// Those of IPv6: `0.0.0.0` is another door.
    Own,
    /// Those of IPv4, too.
    Both,
}

/// An address that nobody has open. Whoever connects is refused until it is opened here; whoever opens it before us is found out then.
#[derive(Debug)]
pub(crate) enum Reserved {
    /// TCP: bound.
    Tcp(Socket),
    /// A socket file. It is made when the door opens: one that refuses is taken for a dead one's, and replaced.
    #[cfg(unix)]
    Unix { path: PathBuf, rights: SocketRights },
    /// Opened by whoever has started us: apps that come too early wait in its queue.
    Passed(Door),
}

/// A place where apps come in, open.
#[derive(Debug)]
pub(crate) struct Door {
    listening: Listening,
    owner: Owner,
}

#[derive(Debug)]
pub(super) enum Listening {
    /// TCP.
    Tcp(TcpListener),
    /// A socket file, removed when the door closes if it is ours.
    #[cfg(unix)]
    Unix {
        listener: UnixListener,
        _file: Option<UnlinkOnDrop>,
    },
}

/// Whose a socket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// It ends with the door.
    Us,
    /// It outlives us: whoever waits in its queue is the next process's.
    Manager,
}

impl Reserved {
    /// Takes an address; `rights` are those on a socket file.
    ///
    /// # Errors
    ///
    /// Whatever the kernel reports.
    pub(crate) fn at(
        addr: &ListenAddr,
        rights: SocketRights,
        families: Families,
    ) -> io::Result<Self> {
        match addr {
            ListenAddr::Tcp(addr) => bind_tcp(*addr, families).map(Self::Tcp),
            #[cfg(unix)]
            ListenAddr::Unix(path) => Ok(Self::Unix {
                path: path.clone(),
                rights,
            }),
            #[cfg(not(unix))]
            ListenAddr::Unix(_) => {
                let _ = rights;
                Err(io::Error::other("no unix sockets on this platform"))
            }
        }
    }

    /// The address that apps will reach, for a socket file none.
    pub(crate) fn local_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(socket) => socket.local_addr().ok()?.as_socket(),
            #[cfg(unix)]
            Self::Unix { .. } => None,
            Self::Passed(door) => door.local_addr(),
        }
    }

    /// Lets apps come.
    ///
    /// # Errors
    ///
    /// Whatever the kernel reports; for a socket file also [`io::ErrorKind::AddrInUse`] when another process serves it.
    pub(crate) async fn open(self) -> io::Result<Door> {
        match self {
            Self::Tcp(socket) => {
                socket.listen(BACKLOG)?;
                let listener = TcpListener::from_std(socket.into())?;
                Ok(Door::of(Listening::Tcp(listener), Owner::Us))
            }
            #[cfg(unix)]
            Self::Unix { path, rights } => bind_unix(&path, rights).await,
            Self::Passed(door) => Ok(door),
        }
    }
}

impl Door {
    pub(super) fn of(listening: Listening, owner: Owner) -> Self {
        Self { listening, owner }
    }

    /// Whether it outlives us.
    pub(crate) fn is_passed(&self) -> bool {
        self.owner == Owner::Manager
    }

    /// Opens a door.
    ///
    /// # Errors
    ///
    /// As those of [`Reserved::at`] and [`Reserved::open`].
    pub(crate) async fn open(addr: &ListenAddr, rights: SocketRights) -> io::Result<Self> {
        Reserved::at(addr, rights, Families::Own)?.open().await
    }

    /// The address that apps reach, for a socket file none.
    pub(crate) fn local_addr(&self) -> Option<SocketAddr> {
        match &self.listening {
            Listening::Tcp(listener) => listener.local_addr().ok(),
            #[cfg(unix)]
            Listening::Unix { .. } => None,
        }
    }

    /// Waits for an app.
    ///
    /// # Errors
    ///
    /// Whatever the kernel reports.
    pub(crate) async fn accept(&self) -> io::Result<(AppSocket, Peer)> {
        match &self.listening {
            Listening::Tcp(listener) => {
                let (stream, addr) = listener.accept().await?;
                let peer = Peer::over_tcp(addr, stream.local_addr()?);
                Ok((AppSocket::Tcp(Pulse::of(stream)), peer))
            }
            #[cfg(unix)]
            Listening::Unix { listener, .. } => {
                let (stream, _) = listener.accept().await?;
                let peer = Peer::Unix(stream.peer_cred()?.uid());
                Ok((AppSocket::Unix(stream), peer))
            }
        }
    }
}

fn bind_tcp(addr: SocketAddr, families: Families) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    if addr.is_ipv6() {
        socket.set_only_v6(families == Families::Own)?;
    }
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    #[cfg(windows)]
    azdb_windows::socket::keep_for_itself(&socket)?;
    socket.bind(&addr.into())?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

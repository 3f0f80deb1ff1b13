//! Doors: taken first, so that nobody else has them, and open when they can serve.

use std::io;
use std::net::SocketAddr;
#[cfg(unix)]
use std::path::PathBuf;

#[cfg(windows)]
use azdb_config::route::PipeName;
use azdb_config::route::{DoorRights, ListenAddr};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;

#[cfg(windows)]
use super::named_pipe::{NamedPipes, Rightful};
#[cfg(unix)]
use super::unix::{UnlinkOnDrop, bind_unix, set_rights};
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
    Unix { path: PathBuf, rights: DoorRights },
    /// A named pipe. It is made when the door opens: whoever comes to one that nobody serves waits in it.
    #[cfg(windows)]
    Pipe { name: PipeName, rights: DoorRights },
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
    /// A named pipe.
    #[cfg(windows)]
    Pipe(NamedPipes),
}

/// Who may open a door that is open, for whoever changes it.
#[derive(Debug)]
pub(crate) enum Warden {
    /// Whoever reaches it.
    Nobody,
    #[cfg(unix)]
    OfFile(PathBuf),
    #[cfg(windows)]
    OfPipe(Rightful),
}

impl Warden {
    /// Has others come in from now on.
    ///
    /// # Errors
    ///
    /// Whatever the kernel reports.
    pub(crate) fn set_rights(&self, rights: &DoorRights) -> io::Result<()> {
        match self {
            Self::Nobody => {
                let _ = rights;
                Ok(())
            }
            #[cfg(unix)]
            Self::OfFile(path) => set_rights(path, rights),
            #[cfg(windows)]
            Self::OfPipe(pipe) => pipe.set_rights(rights),
        }
    }
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
    /// Takes an address; `rights` are those on a socket file or a pipe.
    ///
    /// # Errors
    ///
    /// Whatever the kernel reports.
    pub(crate) fn at(
        addr: &ListenAddr,
        rights: &DoorRights,
        families: Families,
    ) -> io::Result<Self> {
        match addr {
            ListenAddr::Tcp(addr) => bind_tcp(*addr, families).map(Self::Tcp),
            #[cfg(unix)]
            ListenAddr::Unix(path) => Ok(Self::Unix {
                path: path.clone(),
                rights: rights.clone(),
            }),
            #[cfg(not(unix))]
            ListenAddr::Unix(_) => Err(io::Error::other("no unix sockets on this platform")),
            #[cfg(windows)]
            ListenAddr::Pipe(name) => Ok(Self::Pipe {
                name: name.clone(),
                rights: rights.clone(),
            }),
            #[cfg(not(windows))]
            ListenAddr::Pipe(_) => Err(io::Error::other("no named pipes on this platform")),
        }
    }

    /// The address that apps will reach, for a socket file or a pipe none.
    pub(crate) fn local_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(socket) => socket.local_addr().ok()?.as_socket(),
            #[cfg(unix)]
            Self::Unix { .. } => None,
            #[cfg(windows)]
            Self::Pipe { .. } => None,
            Self::Passed(door) => door.local_addr(),
        }
    }

    /// Lets apps come.
    ///
    /// # Errors
    ///
    /// Whatever the kernel reports; for a socket file or a pipe also [`io::ErrorKind::AddrInUse`] when another process serves it.
    pub(crate) async fn open(self) -> io::Result<Door> {
        match self {
            Self::Tcp(socket) => {
                socket.listen(BACKLOG)?;
                let listener = TcpListener::from_std(socket.into())?;
                Ok(Door::of(Listening::Tcp(listener), Owner::Us))
            }
            #[cfg(unix)]
            Self::Unix { path, rights } => bind_unix(&path, &rights).await,
            #[cfg(windows)]
            Self::Pipe { name, rights } => {
                let pipes = NamedPipes::open(&name, &rights)?;
                Ok(Door::of(Listening::Pipe(pipes), Owner::Us))
            }
            Self::Passed(door) => Ok(door),
        }
    }
}

impl Door {
    pub(super) fn of(listening: Listening, owner: Owner) -> Self {
        Self { listening, owner }
    }

    /// Who keeps its rights; `listen` is where it is.
    pub(crate) fn warden(&self, listen: &ListenAddr) -> Warden {
        match (&self.listening, listen) {
            #[cfg(unix)]
            (Listening::Unix { .. }, ListenAddr::Unix(path)) => Warden::OfFile(path.clone()),
            #[cfg(windows)]
            (Listening::Pipe(pipes), _) => Warden::OfPipe(pipes.rightful()),
            _ => Warden::Nobody,
        }
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
    pub(crate) async fn open(addr: &ListenAddr, rights: &DoorRights) -> io::Result<Self> {
        Reserved::at(addr, rights, Families::Own)?.open().await
    }

    /// The address that apps reach, for a socket file or a pipe none.
    pub(crate) fn local_addr(&self) -> Option<SocketAddr> {
        match &self.listening {
            Listening::Tcp(listener) => listener.local_addr().ok(),
            #[cfg(unix)]
            Listening::Unix { .. } => None,
            #[cfg(windows)]
            Listening::Pipe(_) => None,
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
            #[cfg(windows)]
            Listening::Pipe(pipes) => {
                let (pipe, peer) = pipes.accept().await?;
                Ok((AppSocket::NamedPipe(pipe), peer))
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

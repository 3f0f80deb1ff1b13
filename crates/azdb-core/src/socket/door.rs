//! Doors: taken first, so that nobody else has them, and open when they can serve.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use azdb_config::route::ListenAddr;
use azdb_quote::Chain;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};

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
    Unix { path: PathBuf, mode: u32 },
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

impl Reserved {
    /// Takes an address; `mode` is that of a socket file.
    ///
    /// # Errors
    ///
    /// Whatever the kernel reports.
    pub(crate) fn at(addr: &ListenAddr, mode: u32, families: Families) -> io::Result<Self> {
        match addr {
            ListenAddr::Tcp(addr) => bind_tcp(*addr, families).map(Self::Tcp),
            #[cfg(unix)]
            ListenAddr::Unix(path) => Ok(Self::Unix {
                path: path.clone(),
                mode,
            }),
            #[cfg(not(unix))]
            ListenAddr::Unix(_) => {
                let _ = mode;
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
                TcpListener::from_std(socket.into()).map(Door::Tcp)
            }
            #[cfg(unix)]
            Self::Unix { path, mode } => bind_unix(&path, mode).await,
        }
    }
}

impl Door {
    /// Opens a door.
    ///
    /// # Errors
    ///
    /// As those of [`Reserved::at`] and [`Reserved::open`].
    pub(crate) async fn open(addr: &ListenAddr, mode: u32, families: Families) -> io::Result<Self> {
        Reserved::at(addr, mode, families)?.open().await
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
                Ok((AppSocket::Tcp(Pulse::of(stream)), Peer::Tcp(addr)))
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

fn bind_tcp(addr: SocketAddr, families: Families) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    if addr.is_ipv6() {
        socket.set_only_v6(families == Families::Own)?;
    }
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&addr.into())?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(unix)]
async fn bind_unix(path: &Path, mode: u32) -> io::Result<Door> {
    use rustix::fs::Mode;
    use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};

    if let Ok(found) = std::fs::symlink_metadata(path) {
        if !found.file_type().is_socket() {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "a file that is no socket",
            ));
        }
        match UnixStream::connect(path).await {
            // Left behind by a process that was killed: nobody listens any more.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                std::fs::remove_file(path)?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            // Whatever else it answers, a full queue for example, somebody may be there.
            answer => return Err(in_use(answer.err())),
        }
    }
    // Nobody gets in between bind and chmod.
    let previous = rustix::process::umask(Mode::RWXG | Mode::RWXO);
    let bound = UnixListener::bind(path);
    rustix::process::umask(previous);
    let listener = bound?;
    let file = UnlinkOnDrop {
        path: path.to_owned(),
        node: node(path)?,
    };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    Ok(Door::Unix {
        listener,
        _file: file,
    })
}

/// Why a socket file that is there cannot be replaced.
#[cfg(unix)]
fn in_use(error: Option<io::Error>) -> io::Error {
    let why = error.map_or_else(
        || "another process serves this socket file".to_owned(),
        |error| {
            format!(
                "somebody may be serving this socket file ({error}): choose another path, or remove the file if nobody does"
            )
        },
    );
    io::Error::new(io::ErrorKind::AddrInUse, why)
}

/// Device and number of a file.
#[cfg(unix)]
fn node(path: &Path) -> io::Result<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    let found = std::fs::symlink_metadata(path)?;
    Ok((found.dev(), found.ino()))
}

/// A socket file of ours.
#[cfg(unix)]
#[derive(Debug)]
pub(crate) struct UnlinkOnDrop {
    path: std::path::PathBuf,
    /// It may be another one's by then.
    node: (u64, u64),
}

#[cfg(unix)]
impl Drop for UnlinkOnDrop {
    fn drop(&mut self) {
        if node(&self.path).ok() != Some(self.node) {
            return;
        }
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!(path = %self.path.display(), error = %Chain(&error), "socket file");
        }
    }
}

#[cfg(all(test, unix))]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[tokio::test]
    async fn a_socket_file_has_its_mode_replaces_a_stale_one_and_goes_when_the_door_closes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(".s.PGSQL.5432");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists());

        let door = Door::open(&ListenAddr::Unix(path.clone()), 0o600, Families::Own)
            .await
            .unwrap();
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );

        let second = Door::open(&ListenAddr::Unix(path.clone()), 0o600, Families::Own)
            .await
            .unwrap_err();
        assert_eq!(second.kind(), io::ErrorKind::AddrInUse);

        drop(door);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_socket_whose_queue_is_full_is_somebodys() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("busy");
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        socket
            .bind(&socket2::SockAddr::unix(&path).unwrap())
            .unwrap();
        socket.listen(0).unwrap();
        let mut queue = Vec::new();
        let full = loop {
            let app = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
            app.set_nonblocking(true).unwrap();
            match app.connect(&socket2::SockAddr::unix(&path).unwrap()) {
                Ok(()) => queue.push(app),
                Err(error) => break error,
            }
        };
        assert_eq!(full.kind(), io::ErrorKind::WouldBlock);
        let before = node(&path).unwrap();
        let refused = Door::open(&ListenAddr::Unix(path.clone()), 0o600, Families::Own).await;
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::AddrInUse);
        assert_eq!(node(&path).unwrap(), before, "it is still the same file");
    }

    #[tokio::test]
    async fn a_socket_file_that_has_become_another_ones_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("moved");
        let door = Door::open(&ListenAddr::Unix(path.clone()), 0o600, Families::Own)
            .await
            .unwrap();
        std::fs::rename(&path, dir.path().join("elsewhere")).unwrap();
        let other = std::os::unix::net::UnixListener::bind(&path).unwrap();
        drop(door);
        assert!(path.exists());
        drop(other);
    }

    #[tokio::test]
    async fn a_file_that_is_no_socket_is_never_removed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("precious");
        std::fs::write(&path, "data").unwrap();
        assert!(
            Door::open(&ListenAddr::Unix(path.clone()), 0o600, Families::Own)
                .await
                .is_err()
        );
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "data");
    }
}

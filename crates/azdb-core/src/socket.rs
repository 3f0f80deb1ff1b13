//! Sockets of this machine: where apps come in.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use azdb_quote::Chain;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};

use azdb_config::route::ListenAddr;

use crate::pulse::Pulse;

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

/// Who an app is, as far as the kernel can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// A process somewhere.
    Tcp(SocketAddr),
    /// A process of this machine, under this user id.
    Unix(u32),
    /// Ourselves.
    InProcess,
}

impl std::fmt::Display for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(addr) => addr.fmt(f),
            Self::Unix(uid) => write!(f, "unix uid {uid}"),
            Self::InProcess => f.write_str("this process"),
        }
    }
}

impl Peer {
    /// Whether it is on this machine: nobody is on the way to it.
    pub(crate) fn is_here(self) -> bool {
        match self {
            Self::Tcp(addr) => addr.ip().to_canonical().is_loopback(),
            Self::Unix(_) | Self::InProcess => true,
        }
    }

    /// Where it comes from, without what is different for each connection.
    pub(crate) fn origin(self) -> String {
        match self {
            Self::Tcp(addr) => addr.ip().to_canonical().to_string(),
            Self::Unix(_) | Self::InProcess => self.to_string(),
        }
    }
}

impl Door {
    /// Opens a door.
    ///
    /// # Errors
    ///
    /// Whatever the kernel reports; for a socket file also [`io::ErrorKind::AddrInUse`] when another process serves it.
    pub(crate) async fn open(addr: &ListenAddr, unix_mode: u32) -> io::Result<Self> {
        match addr {
            ListenAddr::Tcp(addr) => bind_tcp(*addr).map(Self::Tcp),
            #[cfg(unix)]
            ListenAddr::Unix(path) => bind_unix(path, unix_mode).await,
            #[cfg(not(unix))]
            ListenAddr::Unix(_) => {
                let _ = unix_mode;
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

        let door = Door::open(&ListenAddr::Unix(path.clone()), 0o600)
            .await
            .unwrap();
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );

        let second = Door::open(&ListenAddr::Unix(path.clone()), 0o600)
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
        let refused = Door::open(&ListenAddr::Unix(path.clone()), 0o600).await;
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::AddrInUse);
        assert_eq!(node(&path).unwrap(), before, "it is still the same file");
    }

    #[tokio::test]
    async fn a_socket_file_that_has_become_another_ones_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("moved");
        let door = Door::open(&ListenAddr::Unix(path.clone()), 0o600)
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
            Door::open(&ListenAddr::Unix(path.clone()), 0o600)
                .await
                .is_err()
        );
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "data");
    }
}

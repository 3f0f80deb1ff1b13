//! A socket file. On Linux its name is an abstract one, so that there need not be a directory to write to: an image's root is read-only.
//! Elsewhere its directory is this user's alone.

use std::io;

use mysql_async::OptsBuilder;
use tokio::task::JoinHandle;

use crate::database::Stream;

/// Lets the driver of this process come to a stream, once.
pub(crate) struct PrivateSocket {
    path: String,
    carrying: JoinHandle<()>,
    #[cfg(not(target_os = "linux"))]
    _directory: tempfile::TempDir,
}

impl PrivateSocket {
    /// Tells the driver where it is.
    pub(crate) fn tell(&self, options: OptsBuilder) -> OptsBuilder {
        options.socket(Some(&self.path))
    }
}

impl Drop for PrivateSocket {
    fn drop(&mut self) {
        self.carrying.abort();
    }
}

async fn carry(listener: tokio::net::UnixListener, mut stream: Box<dyn Stream>) {
    loop {
        let Ok((mut driver, _)) = listener.accept().await else {
            return;
        };
        if is_ours(&driver) {
            drop(listener);
            let _ = tokio::io::copy_bidirectional(&mut driver, &mut stream).await;
            return;
        }
    }
}

#[cfg(target_os = "linux")]
impl PrivateSocket {
    /// Waits for the driver, and puts `stream` behind it.
    pub(crate) fn before(stream: Box<dyn Stream>) -> io::Result<Self> {
        use std::os::linux::net::SocketAddrExt as _;
        use std::os::unix::net::{SocketAddr, UnixListener};
        use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
        static COUNT: AtomicU32 = AtomicU32::new(0);
        const TRIES: u32 = 64;
        // Somebody may have taken a name; nobody can take all of them.
        for _ in 0..TRIES {
            let (process, count) = (std::process::id(), COUNT.fetch_add(1, Relaxed));
            let name = format!("azdb-proxy-{process}-{count}");
            let listener = match UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name)?) {
                Ok(listener) => listener,
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => continue,
                Err(error) => return Err(error),
            };
            listener.set_nonblocking(true)?;
            let listener = tokio::net::UnixListener::from_std(listener)?;
            return Ok(Self {
                path: format!("\0{name}"),
                carrying: tokio::spawn(carry(listener, stream)),
            });
        }
        Err(io::ErrorKind::AddrInUse.into())
    }
}

#[cfg(target_os = "linux")]
fn is_ours(driver: &tokio::net::UnixStream) -> bool {
    let process = driver
        .peer_cred()
        .ok()
        .and_then(|credentials| credentials.pid());
    process.and_then(|process| u32::try_from(process).ok()) == Some(std::process::id())
}

#[cfg(not(target_os = "linux"))]
impl PrivateSocket {
    /// Waits for the driver, and puts `stream` behind it.
    pub(crate) fn before(stream: Box<dyn Stream>) -> io::Result<Self> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("driver");
        let listener = tokio::net::UnixListener::bind(&path)?;
        let path = path
            .into_os_string()
            .into_string()
            .map_err(|_| io::Error::other("the directory for temporary files is not UTF-8"))?;
        Ok(Self {
            path,
            carrying: tokio::spawn(carry(listener, stream)),
            _directory: directory,
        })
    }
}

/// The directory has let in nobody else.
#[cfg(not(target_os = "linux"))]
fn is_ours(_: &tokio::net::UnixStream) -> bool {
    true
}

#[cfg(all(test, target_os = "linux"))]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::net::{SocketAddr, UnixStream};
    use std::process::Command;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const NAME: &str = "AZDB_TEST_SOCKET";

    /// This test's program, once more, as another process: it sees an end, and nothing of the stream.
    fn stranger(name: &str) {
        let address = SocketAddr::from_abstract_name(name).unwrap();
        let mut socket = UnixStream::connect_addr(&address).unwrap();
        let _ = socket.write_all(b"let me in");
        let mut heard = Vec::new();
        let _ = socket.read_to_end(&mut heard);
        assert_eq!(heard, b"");
    }

    #[tokio::test]
    async fn another_process_is_not_let_in() {
        if let Ok(name) = std::env::var(NAME) {
            return stranger(&name);
        }
        let (mut far, near) = tokio::io::duplex(64);
        far.write_all(b"hello").await.unwrap();
        let socket = PrivateSocket::before(Box::new(near)).unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args([
                "--exact",
                "database::private_socket::unix::tests::another_process_is_not_let_in",
            ])
            .env(NAME, socket.path.trim_start_matches('\0'));
        let ran = tokio::task::spawn_blocking(move || command.output().unwrap());
        let ran = ran.await.unwrap();
        assert!(ran.status.success(), "{ran:?}");
        assert!(
            String::from_utf8_lossy(&ran.stdout).contains("1 passed"),
            "{ran:?}"
        );

        let mut driver = tokio::net::UnixStream::connect(&socket.path).await.unwrap();
        let mut heard = [0; 5];
        driver.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"hello");
        driver.write_all(b"and back").await.unwrap();
        let mut heard = [0; 8];
        far.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"and back", "and nothing of the other one's");
    }
}

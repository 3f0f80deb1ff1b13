//! A socket file. On Linux its name is an abstract one, so that there need not be a directory to write to: an image's root is read-only.
//! Elsewhere its directory is this user's alone.

use std::io;

use mysql_async::OptsBuilder;
pub(super) use tokio::net::UnixListener as Listener;
use tokio::net::UnixStream;

/// Where the driver comes.
pub(super) struct Place {
    path: String,
    #[cfg(not(target_os = "linux"))]
    _directory: tempfile::TempDir,
}

impl Place {
    pub(super) fn tell(&self, options: OptsBuilder) -> OptsBuilder {
        options.socket(Some(&self.path))
    }
}

#[cfg(target_os = "linux")]
impl Place {
    pub(super) fn bind() -> io::Result<(Self, Listener)> {
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
            let path = format!("\0{name}");
            return Ok((Self { path }, Listener::from_std(listener)?));
        }
        Err(io::ErrorKind::AddrInUse.into())
    }
}

#[cfg(target_os = "linux")]
pub(super) fn is_ours(driver: &UnixStream) -> bool {
    let process = driver
        .peer_cred()
        .ok()
        .and_then(|credentials| credentials.pid());
    process.and_then(|process| u32::try_from(process).ok()) == Some(std::process::id())
}

#[cfg(not(target_os = "linux"))]
impl Place {
    pub(super) fn bind() -> io::Result<(Self, Listener)> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("driver");
        let listener = Listener::bind(&path)?;
        let path = path
            .into_os_string()
            .into_string()
            .map_err(|_| io::Error::other("the directory for temporary files is not UTF-8"))?;
        let place = Self {
            path,
            _directory: directory,
        };
        Ok((place, listener))
    }
}

/// The directory has let in nobody else.
#[cfg(not(target_os = "linux"))]
pub(super) fn is_ours(_: &UnixStream) -> bool {
    true
}

#[cfg(all(test, target_os = "linux"))]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
pub(super) mod tests {
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::net::{SocketAddr, UnixStream};

    use super::*;

    pub(in super::super) fn name(place: &Place) -> String {
        place.path.trim_start_matches('\0').to_owned()
    }

    pub(in super::super) fn connected(name: &str) -> UnixStream {
        let address = SocketAddr::from_abstract_name(name).unwrap();
        UnixStream::connect_addr(&address).unwrap()
    }
}

//! Sockets that were opened before this process: systemd's socket activation.

use std::fmt;
use std::io;
use std::net::TcpListener;
#[cfg(unix)]
use std::os::unix::net::UnixListener;

use azdb_config::route::ListenAddr;

use super::Reserved;
use super::door::{Door, Listening, Owner};

/// Sockets that whoever has started this process has opened for it. Apps that come too early wait in them, and those that come when
/// this process ends are the next one's.
#[derive(Debug, Default)]
pub struct PassedSockets(Vec<Passed>);

#[derive(Debug)]
struct Passed {
    /// As the manager calls it.
    name: String,
    at: ListenAddr,
    socket: Socket,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

impl fmt::Display for Passed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} ({})", self.name, self.at)
    }
}

impl PassedSockets {
    /// One more.
    ///
    /// # Errors
    ///
    /// When it has no address.
    pub fn add_tcp(&mut self, name: String, socket: TcpListener) -> io::Result<()> {
        let at = ListenAddr::Tcp(socket.local_addr()?);
        let socket = Socket::Tcp(socket);
        self.0.push(Passed { name, at, socket });
        Ok(())
    }

    /// One more, of a socket file.
    ///
    /// # Errors
    ///
    /// When it has no path.
    #[cfg(unix)]
    pub fn add_unix(&mut self, name: String, socket: UnixListener) -> io::Result<()> {
        let address = socket.local_addr()?;
        let path = address.as_pathname();
        let path = path.ok_or_else(|| io::Error::other("a unix socket without a path"))?;
        let at = ListenAddr::Unix(path.to_owned());
        let socket = Socket::Unix(socket);
        self.0.push(Passed { name, at, socket });
        Ok(())
    }

    /// The one for a door there.
    ///
    /// # Errors
    ///
    /// Whatever the kernel reports.
    pub(crate) fn take(&mut self, listen: &ListenAddr) -> io::Result<Option<Reserved>> {
        let Some(index) = self.0.iter().position(|passed| passed.at == *listen) else {
            return Ok(None);
        };
        let listening = match self.0.remove(index).socket {
            Socket::Tcp(socket) => {
                socket.set_nonblocking(true)?;
                Listening::Tcp(tokio::net::TcpListener::from_std(socket)?)
            }
            #[cfg(unix)]
            Socket::Unix(socket) => {
                socket.set_nonblocking(true)?;
                Listening::Unix {
                    listener: tokio::net::UnixListener::from_std(socket)?,
                    _file: None,
                }
            }
        };
        let door = Door::of(listening, Owner::Manager);
        Ok(Some(Reserved::Passed(door)))
    }

    /// Those that nobody has taken, in words.
    pub(crate) fn left(&self) -> Option<String> {
        let left: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        (!left.is_empty()).then(|| left.join(", "))
    }
}

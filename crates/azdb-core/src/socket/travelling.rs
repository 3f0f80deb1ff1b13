//! Connections on their way from the door's thread to the one that serves them.

use std::io;
use std::net::TcpStream;
#[cfg(unix)]
use std::os::unix::net::UnixStream;

use tokio::io::DuplexStream;

use super::AppSocket;
#[cfg(windows)]
use super::NamedPipe;
use crate::pulse::Pulse;

/// An app's connection that no runtime waits for.
#[derive(Debug)]
pub(crate) enum Travelling {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
    /// It stays with the runtime of its door, which tells any thread what comes.
    #[cfg(windows)]
    NamedPipe(NamedPipe),
    /// It is at home anywhere.
    InProcess(DuplexStream),
}

impl AppSocket {
    /// Leaves the runtime of this thread.
    ///
    /// # Errors
    ///
    /// Whatever the kernel reports.
    pub(crate) fn leave(self) -> io::Result<Travelling> {
        Ok(match self {
            Self::Tcp(pulse) => Travelling::Tcp(pulse.into_std()?),
            #[cfg(unix)]
            Self::Unix(stream) => Travelling::Unix(stream.into_std()?),
            #[cfg(windows)]
            Self::NamedPipe(pipe) => Travelling::NamedPipe(pipe),
            Self::InProcess(stream) => Travelling::InProcess(stream),
        })
    }
}

impl Travelling {
    /// Makes the runtime of this thread the one that waits for it.
    ///
    /// # Errors
    ///
    /// Whatever the kernel reports.
    pub(crate) fn settle(self) -> io::Result<AppSocket> {
        Ok(match self {
            Self::Tcp(stream) => AppSocket::Tcp(Pulse::from_std(stream)?),
            #[cfg(unix)]
            Self::Unix(stream) => AppSocket::Unix(tokio::net::UnixStream::from_std(stream)?),
            #[cfg(windows)]
            Self::NamedPipe(pipe) => AppSocket::NamedPipe(pipe),
            Self::InProcess(stream) => AppSocket::InProcess(stream),
        })
    }
}

//! Where a proxy is asked: its socket file or pipe, or an address.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use azdb_config::route::{ListenAddr, PipeName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::named_pipe;

/// A connection to it.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Where a proxy is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// At a socket file.
    File(PathBuf),
    /// At a named pipe.
    Pipe(PipeName),
    /// At `host:port`.
    Port(String),
}

impl Place {
    /// Where whoever listens there is reached from this machine.
    pub(crate) fn of(listen: &ListenAddr) -> Self {
        match listen {
            ListenAddr::Unix(path) => Self::File(path.clone()),
            ListenAddr::Pipe(name) => Self::Pipe(name.clone()),
            ListenAddr::Tcp(addr) => {
                // `[::]` serves both families, and not every machine has the other one.
                let ip = match addr.ip() {
                    ip if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
                    ip => ip,
                };
                Self::Port(SocketAddr::new(ip, addr.port()).to_string())
            }
        }
    }

    /// Where systemd's unit has the service, if it is there: whoever manages it has another place of their own.
    pub(super) fn of_the_service() -> Option<Self> {
        const SOCKET: &str = "/run/azdb-proxy/admin.sock";
        let path = PathBuf::from(SOCKET);
        path.exists().then_some(Self::File(path))
    }

    pub(super) async fn connect(&self) -> io::Result<Box<dyn Stream>> {
        match self {
            Self::Port(address) => Ok(Box::new(TcpStream::connect(address).await?)),
            #[cfg(unix)]
            Self::File(path) => Ok(Box::new(tokio::net::UnixStream::connect(path).await?)),
            #[cfg(not(unix))]
            Self::File(_) => Err(io::Error::other("no unix sockets on this platform")),
            Self::Pipe(name) => Ok(Box::new(named_pipe::connect(name).await?)),
        }
    }

    /// What a request calls it.
    pub(super) fn host(&self) -> &str {
        match self {
            Self::File(_) | Self::Pipe(_) => "localhost",
            Self::Port(address) => address,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "unix:{}", path.display()),
            Self::Pipe(name) => write!(f, "pipe:{name}"),
            Self::Port(address) => f.write_str(address),
        }
    }
}

/// `unix:/path`, `pipe:NAME`, `host:port`, or that behind `http://`.
impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(path) = text.strip_prefix("unix:") {
            return Ok(Self::File(PathBuf::from(path)));
        }
        if let Some(name) = text.strip_prefix("pipe:") {
            return PipeName::parse(name).map(Self::Pipe);
        }
        let address = text.strip_prefix("http://").unwrap_or(text);
        let address = address.strip_suffix('/').unwrap_or(address);
        let has_port = address.rsplit_once(':').is_some_and(|(host, port)| {
            !host.is_empty() && !host.contains('/') && port.parse::<u16>().is_ok()
        });
        if has_port {
            Ok(Self::Port(address.to_owned()))
        } else {
            Err(format!(
                "{text:?} is not unix:/path, pipe:NAME or host:port"
            ))
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_socket_file_or_a_port_of_some_host() {
        for (text, place) in [
            ("unix:/run/admin.sock", "unix:/run/admin.sock"),
            (r"pipe:azdb-proxy\admin", r"pipe:\\.\pipe\azdb-proxy\admin"),
            ("127.0.0.1:9090", "127.0.0.1:9090"),
            ("http://proxy:9090/", "proxy:9090"),
            ("[::1]:9090", "[::1]:9090"),
        ] {
            assert_eq!(text.parse::<Place>().unwrap().to_string(), place);
        }
        for text in [
            "",
            "9090",
            "localhost",
            ":9090",
            "proxy:http",
            "pipe:",
            "http://proxy/status:1",
        ] {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_listens_everywhere_is_reached_on_loopback() {
        for (listen, place) in [
            ("0.0.0.0:9090", "127.0.0.1:9090"),
            ("[::]:9090", "127.0.0.1:9090"),
            ("[::1]:9090", "[::1]:9090"),
            ("10.0.0.1:9090", "10.0.0.1:9090"),
        ] {
            let listen = ListenAddr::Tcp(listen.parse().unwrap());
            assert_eq!(Place::of(&listen).to_string(), place);
        }
    }
}

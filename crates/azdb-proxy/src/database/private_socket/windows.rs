//! A port of this machine: MySQL's driver knows no named pipes.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use azdb_windows::socket::{keep_for_itself, process_at};
use mysql_async::OptsBuilder;
pub(super) use tokio::net::TcpListener as Listener;
use tokio::net::{TcpSocket, TcpStream};

/// Connections of others that may wait beside the driver's.
const BACKLOG: u32 = 16;

/// Where the driver comes.
pub(super) struct Place(SocketAddr);

impl Place {
    pub(super) fn bind() -> io::Result<(Self, Listener)> {
        let socket = TcpSocket::new_v4()?;
        keep_for_itself(&socket)?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let listener = socket.listen(BACKLOG)?;
        Ok((Self(listener.local_addr()?), listener))
    }

    pub(super) fn tell(&self, options: OptsBuilder) -> OptsBuilder {
        options
            .ip_or_hostname(self.0.ip().to_string())
            .tcp_port(self.0.port())
    }
}

pub(super) fn is_ours(driver: &TcpStream) -> bool {
    let ends = (driver.peer_addr().ok(), driver.local_addr().ok());
    let (Some(SocketAddr::V4(from)), Some(SocketAddr::V4(to))) = ends else {
        return false;
    };
    process_at(from, to).is_ok_and(|process| process == Some(std::process::id()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
pub(super) mod tests {
    use std::net::TcpStream;

    use super::*;

    pub(in super::super) fn name(place: &Place) -> String {
        place.0.to_string()
    }

    pub(in super::super) fn connected(name: &str) -> TcpStream {
        TcpStream::connect(name).unwrap()
    }
}

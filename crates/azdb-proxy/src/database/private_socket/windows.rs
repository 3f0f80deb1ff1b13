//! A port of this machine: MySQL's driver knows no named pipes.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use azdb_windows::socket::{keep_for_itself, process_at};
use mysql_async::OptsBuilder;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;

use crate::database::Stream;

/// Connections of others that may wait beside the driver's.
const BACKLOG: u32 = 16;

/// Lets the driver of this process come to a stream, once.
pub(crate) struct PrivateSocket {
    address: SocketAddr,
    carrying: JoinHandle<()>,
}

impl PrivateSocket {
    /// Waits for the driver, and puts `stream` behind it.
    pub(crate) fn before(stream: Box<dyn Stream>) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        keep_for_itself(&socket)?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let listener = socket.listen(BACKLOG)?;
        Ok(Self {
            address: listener.local_addr()?,
            carrying: tokio::spawn(carry(listener, stream)),
        })
    }

    /// Tells the driver where it is.
    pub(crate) fn tell(&self, options: OptsBuilder) -> OptsBuilder {
        options
            .ip_or_hostname(self.address.ip().to_string())
            .tcp_port(self.address.port())
    }
}

impl Drop for PrivateSocket {
    fn drop(&mut self) {
        self.carrying.abort();
    }
}

async fn carry(listener: TcpListener, mut stream: Box<dyn Stream>) {
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

fn is_ours(driver: &TcpStream) -> bool {
    let ends = (driver.peer_addr().ok(), driver.local_addr().ok());
    let (Some(SocketAddr::V4(from)), Some(SocketAddr::V4(to))) = ends else {
        return false;
    };
    process_at(from, to).is_ok_and(|process| process == Some(std::process::id()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::process::Command;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const ADDRESS: &str = "AZDB_TEST_SOCKET";

    /// This test's program, once more, as another process: it sees an end, and nothing of the stream.
    fn stranger(address: &str) {
        let mut socket = std::net::TcpStream::connect(address).unwrap();
        let _ = socket.write_all(b"let me in");
        let mut heard = Vec::new();
        let _ = socket.read_to_end(&mut heard);
        assert_eq!(heard, b"");
    }

    #[tokio::test]
    async fn another_process_is_not_let_in() {
        if let Ok(address) = std::env::var(ADDRESS) {
            return stranger(&address);
        }
        let (mut far, near) = tokio::io::duplex(64);
        far.write_all(b"hello").await.unwrap();
        let socket = PrivateSocket::before(Box::new(near)).unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args([
                "--exact",
                "database::private_socket::windows::tests::another_process_is_not_let_in",
            ])
            .env(ADDRESS, socket.address.to_string());
        let ran = tokio::task::spawn_blocking(move || command.output().unwrap());
        let ran = ran.await.unwrap();
        assert!(ran.status.success(), "{ran:?}");
        assert!(
            String::from_utf8_lossy(&ran.stdout).contains("1 passed"),
            "{ran:?}"
        );

        let mut driver = TcpStream::connect(socket.address).await.unwrap();
        let mut heard = [0; 5];
        driver.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"hello");
        driver.write_all(b"and back").await.unwrap();
        let mut heard = [0; 8];
        far.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"and back", "and nothing of the other one's");
    }
}

//! A socket for a driver that speaks on no connection but those that it makes itself.
//!
//! ```text
//!   driver --connect--> a place that this process has bound --whose process?--> ours --> the stream
//! ```
//!
//! The operating system says whose process has connected, and whoever is not this one is not let in.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::io;

use mysql_async::OptsBuilder;
use tokio::task::JoinHandle;

use super::Stream;
#[cfg(unix)]
use unix as platform;
#[cfg(windows)]
use windows as platform;

use platform::{Listener, Place, is_ours};

/// Lets the driver of this process come to a stream, once.
pub(super) struct PrivateSocket {
    place: Place,
    carrying: JoinHandle<()>,
}

impl PrivateSocket {
    /// Waits for the driver, and puts `stream` behind it.
    pub(super) fn before(stream: Box<dyn Stream>) -> io::Result<Self> {
        let (place, listener) = Place::bind()?;
        let carrying = tokio::spawn(carry(listener, stream));
        Ok(Self { place, carrying })
    }

    /// Tells the driver where it is.
    pub(super) fn tell(&self, options: OptsBuilder) -> OptsBuilder {
        self.place.tell(options)
    }
}

impl Drop for PrivateSocket {
    fn drop(&mut self) {
        self.carrying.abort();
    }
}

async fn carry(listener: Listener, mut stream: Box<dyn Stream>) {
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

#[cfg(all(test, any(target_os = "linux", windows)))]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::process::Command;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const PLACE: &str = "AZDB_TEST_SOCKET";

    /// This test's program, once more, as another process: it sees an end, and nothing of the stream.
    fn stranger(place: &str) {
        let mut socket = platform::tests::connected(place);
        let _ = socket.write_all(b"let me in");
        let mut heard = Vec::new();
        let _ = socket.read_to_end(&mut heard);
        assert_eq!(heard, b"");
    }

    #[tokio::test]
    async fn another_process_is_not_let_in() {
        if let Ok(place) = std::env::var(PLACE) {
            return stranger(&place);
        }
        let (mut far, near) = tokio::io::duplex(64);
        far.write_all(b"hello").await.unwrap();
        let socket = PrivateSocket::before(Box::new(near)).unwrap();
        let place = platform::tests::name(&socket.place);
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args([
                "--exact",
                "database::private_socket::tests::another_process_is_not_let_in",
            ])
            .env(PLACE, &place);
        let ran = tokio::task::spawn_blocking(move || command.output().unwrap());
        let ran = ran.await.unwrap();
        assert!(ran.status.success(), "{ran:?}");
        assert!(
            String::from_utf8_lossy(&ran.stdout).contains("1 passed"),
            "{ran:?}"
        );

        let driver = tokio::task::spawn_blocking(move || {
            let mut driver = platform::tests::connected(&place);
            let mut heard = [0; 5];
            driver.read_exact(&mut heard).unwrap();
            assert_eq!(&heard, b"hello");
            driver.write_all(b"and back").unwrap();
        });
        let mut heard = [0; 8];
        far.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"and back", "and nothing of the other one's");
        driver.await.unwrap();
    }
}

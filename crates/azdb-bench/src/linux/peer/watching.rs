//! Whoever scrapes a peer's metrics.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// As often as nobody scrapes in earnest: every 15 or 30 seconds is usual.
const EVERY: Duration = Duration::from_secs(1);

/// Somebody who scrapes, until this is dropped.
pub(in crate::linux) struct Watching(JoinHandle<()>);

impl Watching {
    pub(super) fn begin(address: SocketAddr) -> Self {
        Self(tokio::spawn(async move {
            let mut turns = tokio::time::interval(EVERY);
            loop {
                turns.tick().await;
                if let Err(error) = scrape(address).await {
                    crate::linux::tell(&format!("no metrics: {error}"));
                }
            }
        }))
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn scrape(address: SocketAddr) -> std::io::Result<()> {
    let mut socket = TcpStream::connect(address).await?;
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\n\r\n");
    socket.write_all(request.as_bytes()).await?;
    let mut page = String::new();
    socket.read_to_string(&mut page).await?;
    match page.starts_with("HTTP/1.1 200 ") && page.ends_with("# EOF\n") {
        true => Ok(()),
        false => Err(std::io::Error::other("not a page of metrics")),
    }
}

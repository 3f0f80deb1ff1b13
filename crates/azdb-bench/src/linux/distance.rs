//! A network between a peer and the upstream: what one side sends, the other has a while later, as much at a time as ever.
//!
//! ```text
//!   peer                     distance, D one way                upstream
//!    | -- TCP, on loopback --> |                                    |
//!    | -- first bytes -------> | (counts as sent after 2 D)         |
//!    |                         | -- TCP, after 3 D ---------------> |
//!    |                         | -- those bytes, after 3 D -------> |
//!    | <- after another D ---- | <--------------------------------- |
//! ```
//!
//! A handshake of TCP takes no time on loopback. Here it takes what it would take over the distance: two ways until the peer
//! may send, and three until the server knows.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

use super::clock::Clock;

/// Bytes read at a time.
const CHUNK: usize = 64 * 1024;
/// Chunks on their way at a time, in one direction: 1.6 GB/s over 10 ms.
const UNDER_WAY: usize = 256;

/// A distance that is carried over. Dropping it ends it and what it carries.
pub(super) struct Distance {
    /// The upstream, seen from the other end.
    pub(super) address: SocketAddr,
    accepting: AbortHandle,
}

impl Distance {
    pub(super) async fn to(upstream: SocketAddr, one_way: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let accepting =
            tokio::spawn(accept(listener, upstream, one_way, Clock::start())).abort_handle();
        Ok(Self { address, accepting })
    }
}

impl Drop for Distance {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, upstream: SocketAddr, one_way: Duration, clock: Clock) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((peer, _)) = accepted {
                connections.spawn(carry(peer, upstream, one_way, clock.clone()));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Bytes, and when they arrive.
type Sent = (Instant, BytesMut);

async fn carry(
    peer: TcpStream,
    upstream: SocketAddr,
    one_way: Duration,
    clock: Clock,
) -> io::Result<()> {
    let established = Instant::now() + 2 * one_way;
    peer.set_nodelay(true)?;
    let (from_peer, to_peer) = peer.into_split();
    let (sending, sent) = mpsc::channel(UNDER_WAY);
    let arriving = async {
        clock.reach(established + one_way).await;
        let upstream = TcpStream::connect(upstream).await?;
        upstream.set_nodelay(true)?;
        let (from_upstream, to_upstream) = upstream.into_split();
        let (answering, answers) = mpsc::channel(UNDER_WAY);
        tokio::try_join!(
            deliver(sent, to_upstream, &clock),
            send(from_upstream, answering, established, one_way),
            deliver(answers, to_peer, &clock),
        )
    };
    tokio::try_join!(send(from_peer, sending, established, one_way), arriving)?;
    Ok(())
}

/// Until the sender has no more.
async fn send(
    mut from: OwnedReadHalf,
    sending: mpsc::Sender<Sent>,
    not_before: Instant,
    one_way: Duration,
) -> io::Result<()> {
    loop {
        let mut bytes = BytesMut::with_capacity(CHUNK);
        let read = from.read_buf(&mut bytes).await?;
        let arrives = Instant::now().max(not_before) + one_way;
        // An end takes as long as what came before it.
        if sending.send((arrives, bytes)).await.is_err() || read == 0 {
            return Ok(());
        }
    }
}

async fn deliver(
    mut sent: mpsc::Receiver<Sent>,
    mut to: OwnedWriteHalf,
    clock: &Clock,
) -> io::Result<()> {
    while let Some((arrives, bytes)) = sent.recv().await {
        clock.reach(arrives).await;
        to.write_all(&bytes).await?;
    }
    to.shutdown().await
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    const ONE_WAY: Duration = Duration::from_millis(3);

    /// A server that greets with a byte and then says everything back, and the time from connect until a byte and its echo have come.
    async fn over_a_distance() -> (Duration, Duration, Vec<u8>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let distance = Distance::to(listener.local_addr().unwrap(), ONE_WAY);
        let distance = distance.await.unwrap();
        let server = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            socket.write_all(b"!").await.unwrap();
            let (mut from, mut to) = socket.split();
            tokio::io::copy(&mut from, &mut to).await.unwrap();
        });
        let started = Instant::now();
        let mut socket = TcpStream::connect(distance.address).await.unwrap();
        socket.read_u8().await.unwrap();
        let greeted = started.elapsed();
        socket.write_all(b"a word").await.unwrap();
        socket.shutdown().await.unwrap();
        let mut echo = Vec::new();
        socket.read_to_end(&mut echo).await.unwrap();
        server.await.unwrap();
        (greeted, started.elapsed() - greeted, echo)
    }

    #[tokio::test]
    async fn a_handshake_and_a_greeting_take_four_ways_and_an_answer_two() {
        let (greeted, answered, echo) = over_a_distance().await;
        assert_eq!(echo, b"a word");
        assert!(greeted >= 4 * ONE_WAY, "{greeted:?}");
        assert!(answered >= 2 * ONE_WAY, "{answered:?}");
    }

    #[tokio::test]
    async fn what_is_said_at_once_waits_for_the_handshake_alone() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let distance = Distance::to(listener.local_addr().unwrap(), ONE_WAY);
        let distance = distance.await.unwrap();
        let started = Instant::now();
        let mut socket = TcpStream::connect(distance.address).await.unwrap();
        socket.write_all(b"!").await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        assert!(started.elapsed() >= 3 * ONE_WAY);
        assert_eq!(server.read_u8().await.unwrap(), b'!');
    }
}

//! A road to a server that is longer than loopback: every byte arrives after a delay, in both directions.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Where the road begins. It ends with the test process.
pub struct Road {
    address: SocketAddr,
}

impl Road {
    /// A road to this port of loopback. Whoever comes over it comes from the address `from`, which servers do not take for loopback's
    /// own name where it is not 127.0.0.1.
    ///
    /// # Panics
    ///
    /// When there is no port to listen on.
    #[must_use]
    pub fn to(port: u16, from: Ipv4Addr, delay: Duration) -> Self {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                while let Ok((near, _)) = listener.accept().await {
                    tokio::spawn(carry(near, port, from, delay));
                }
            });
        });
        Self { address }
    }

    /// Where it begins.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }
}

async fn carry(near: TcpStream, port: u16, from: Ipv4Addr, delay: Duration) {
    // The way of the first packet.
    tokio::time::sleep(delay).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((from, 0).into()).unwrap();
    let Ok(far) = socket.connect((Ipv4Addr::LOCALHOST, port).into()).await else {
        return;
    };
    for stream in [&near, &far] {
        let _ = stream.set_nodelay(true);
    }
    let (near_read, near_write) = near.into_split();
    let (far_read, far_write) = far.into_split();
    tokio::spawn(one_way(near_read, far_write, delay));
    tokio::spawn(one_way(far_read, near_write, delay));
}

/// Carries bytes, and the end, so that each arrives `delay` after it was sent.
async fn one_way(mut source: OwnedReadHalf, mut sink: OwnedWriteHalf, delay: Duration) {
    let (sender, mut receiver) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    tokio::spawn(async move {
        while let Some((due, bytes)) = receiver.recv().await {
            tokio::time::sleep_until(due).await;
            if sink.write_all(&bytes).await.is_err() {
                return;
            }
        }
        let _ = sink.shutdown().await;
    });
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = source.read(&mut buffer).await {
        if sender
            .send((Instant::now() + delay, buffer[..count].to_vec()))
            .is_err()
        {
            return;
        }
    }
    // The end is as late as the bytes.
    let _ = sender.send((Instant::now() + delay, Vec::new()));
}

//! The accept loop before scripted entrances, with a paused clock.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod backoff;
mod crowds;
mod doorway;
mod loops;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Mutex;

use azdb_config::route::Route;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::*;
use crate::ending::Ending;
use crate::postgres::Postgres;
use crate::rig::{Databases, ExplosiveDial, Fuse, House, Spoken};

const HERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 1);

/// An entrance at which a test lets people in.
struct Scripted {
    coming: tokio::sync::Mutex<mpsc::UnboundedReceiver<io::Result<(AppSocket, Peer)>>>,
    /// When the loop asked, in order.
    asked: Arc<Mutex<Vec<Instant>>>,
}

impl Entrance for Scripted {
    async fn accept(&self) -> io::Result<(AppSocket, Peer)> {
        self.asked.lock().unwrap().push(Instant::now());
        self.coming.lock().await.recv().await.unwrap()
    }
}

/// A street with a listener's door in it.
struct Street {
    entrance: mpsc::UnboundedSender<io::Result<(AppSocket, Peer)>>,
    asked: Arc<Mutex<Vec<Instant>>>,
    reception: Reception,
    house: Neighbours,
}

/// What a story may need besides the door.
struct Neighbours {
    databases: Databases,
    server: Arc<rustls::ServerConfig>,
    fuse: Fuse,
    _token_file: tempfile::NamedTempFile,
}

impl Street {
    fn new(change: impl FnOnce(&mut Route)) -> Self {
        Self::of::<Postgres>(change)
    }

    fn of<P: Spoken>(change: impl FnOnce(&mut Route)) -> Self {
        let (house, fuse) = (House::<P>::spoken(change), Fuse::default());
        let reception = Reception::in_front_of(
            ExplosiveDial::instead(house.lobby, &fuse),
            Ending::default(),
        );
        let behind = watch::Sender::new(reception.clone());
        let (entrance, coming) = mpsc::unbounded_channel();
        let asked = Arc::default();
        let scripted = Scripted {
            coming: tokio::sync::Mutex::new(coming),
            asked: Arc::clone(&asked),
        };
        let listener = Listener::new(scripted, behind.subscribe(), Home::with([]));
        tokio::spawn(async move { listener.serve().await });
        let house = Neighbours {
            databases: house.databases,
            server: house.server,
            fuse,
            _token_file: house.token_file,
        };
        Self {
            entrance,
            asked,
            reception,
            house,
        }
    }

    /// Somebody knocks.
    fn come(&self, peer: Peer) -> DuplexStream {
        let (app, socket) = duplex(64 * 1024);
        let arrival = Ok((AppSocket::InProcess(socket), peer));
        assert!(self.entrance.send(arrival).is_ok(), "the loop is there");
        app
    }

    /// The kernel does not hand out a connection.
    fn fail(&self, error: io::Error) {
        assert!(self.entrance.send(Err(error)).is_ok(), "the loop is there");
    }

    /// Lets everything happen that waits for no clock.
    async fn settle(&self) {
        tokio::time::sleep(Duration::from_nanos(1)).await;
    }

    fn accepted(&self) -> u64 {
        self.reception.ledger().accepted.read()
    }

    /// The time between asking and asking again, in milliseconds.
    fn pauses(&self) -> VecDeque<u128> {
        let asked = self.asked.lock().unwrap();
        let pairs = asked.iter().zip(asked.iter().skip(1));
        pairs
            .map(|(one, next)| (*next - *one).as_millis())
            .collect()
    }
}

async fn hear_out(mut app: DuplexStream) -> Vec<u8> {
    let mut heard = Vec::new();
    app.read_to_end(&mut heard).await.unwrap();
    heard
}

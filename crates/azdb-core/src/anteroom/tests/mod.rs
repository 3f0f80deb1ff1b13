//! Who stays and who goes, with a paused clock.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod order;
mod places;

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

use super::*;

/// Somebody who has come in: the far end of the connection, the near one, and its place.
struct Guest {
    far: DuplexStream,
    near: Arriving<DuplexStream>,
    place: Place,
}

impl Guest {
    /// Says so many bytes, and is heard.
    async fn says(&mut self, bytes: usize) {
        self.far.write_all(&vec![b'x'; bytes]).await.unwrap();
        self.near.read_exact(&mut vec![0; bytes]).await.unwrap();
    }

    /// Is told something.
    async fn is_told(&mut self) {
        self.near.write_all(b"go on").await.unwrap();
    }

    fn stays(&self) -> bool {
        !self.place.is_lost()
    }
}

async fn comes_as(room: &Arc<Anteroom>, peer: Peer) -> Guest {
    let (far, near) = duplex(1024);
    // Those of these stories who are sent away stay about, and keep nobody out.
    let threshold = Threshold(room.sockets.try_acquire().ok());
    let place = room.take_in(peer, threshold);
    let near = place.around(near);
    Guest { far, near, place }
}

/// One by one each of another machine, so that none of them has more than its share.
async fn comes(room: &Arc<Anteroom>) -> Guest {
    let number = u8::try_from(room.lock().next).unwrap();
    let addr = SocketAddr::from(([10, 0, 0, number], 1));
    comes_as(room, Peer::Tcp(addr)).await
}

/// A full room of those who have had their time to speak.
async fn crowd(places: usize) -> (Arc<Anteroom>, Vec<Guest>) {
    let room = Anteroom::new("orders", places);
    let mut guests = Vec::new();
    for _ in 0..places {
        guests.push(comes(&room).await);
    }
    tokio::time::sleep(GRACE).await;
    (room, guests)
}

fn who_stays(guests: &[Guest]) -> Vec<bool> {
    guests.iter().map(Guest::stays).collect()
}

/// Somebody who wants to come in.
fn at_the_threshold(room: &Arc<Anteroom>) -> tokio::task::JoinHandle<()> {
    let room = Arc::clone(room);
    tokio::spawn(async move { drop(room.threshold().await) })
}

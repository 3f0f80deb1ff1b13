//! A door and the apps that come through it.

mod announced;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use azdb_quote::Chain;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::anteroom::{ARRIVALS, Anteroom, Place, Threshold};
use crate::reception::Reception;
use crate::socket::{AppSocket, Door, Peer};
use crate::way::Home;

/// First and longest pause after the kernel would not hand out a connection.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));

/// A door that closes has nobody waiting any more when nobody comes for so long.
const QUEUED: Duration = Duration::from_millis(5);
/// Whoever comes all the time keeps no door open.
const LONGEST_QUEUE: Duration = Duration::from_millis(200);

/// Where apps come from: doors in production, scripts in tests.
pub(crate) trait Entrance: Send + 'static {
    /// Waits for an app.
    fn accept(&self) -> impl Future<Output = io::Result<(AppSocket, Peer)>> + Send;

    /// Whether whoever waits there may go on waiting when we close it: for the next process.
    fn outlives_us(&self) -> bool {
        false
    }
}

impl Entrance for Door {
    async fn accept(&self) -> io::Result<(AppSocket, Peer)> {
        Door::accept(self).await
    }

    fn outlives_us(&self) -> bool {
        self.is_passed()
    }
}

/// Accepts at one entrance.
pub(crate) struct Listener<E> {
    entrance: E,
    /// Who takes in whoever comes now.
    reception: watch::Receiver<Reception>,
    anteroom: Arc<Anteroom>,
    home: Arc<Home>,
}

impl<E: Entrance> Listener<E> {
    pub(crate) fn new(entrance: E, reception: watch::Receiver<Reception>, home: Arc<Home>) -> Self {
        let anteroom = Anteroom::new(&reception.borrow().route().name, ARRIVALS);
        Self {
            entrance,
            anteroom,
            reception,
            home,
        }
    }

    /// Accepts until the door is `closed`. Whoever has come before that is taken in: the kernel would reset them.
    pub(crate) async fn serve_until(self, closed: CancellationToken) {
        tokio::select! {
            // First: whoever comes at a door that is closed is the next process's, where there will be one.
            biased;
            () = closed.cancelled() => {}
            () = self.serve() => {}
        }
        if self.entrance.outlives_us() {
            return;
        }
        let queue = async {
            while let Ok(Ok((socket, peer))) =
                tokio::time::timeout(QUEUED, self.entrance.accept()).await
            {
                let threshold = self.anteroom.threshold().await;
                self.take_in(socket, peer, threshold);
            }
        };
        let _ = tokio::time::timeout(LONGEST_QUEUE, queue).await;
    }

    /// Accepts for ever. Dropped to close the door.
    pub(crate) async fn serve(&self) {
        let mut pause = BACKOFF.0;
        loop {
            let threshold = self.anteroom.threshold().await;
            let (socket, peer) = match self.entrance.accept().await {
                Ok(accepted) => accepted,
                Err(error) if concerns_one_connection(&error) => continue,
                Err(error) => {
                    // EMFILE, ENFILE, ENOBUFS: the connection stays in the backlog, and asking again at once would spin.
                    // Whoever has said nothing may have taken what others need.
                    let route = self.reception.borrow().route().name.clone();
                    tracing::warn!(route, error = %Chain(&error), pause_s = pause.as_secs_f64(), "cannot accept");
                    self.anteroom.thin_out();
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(BACKOFF.1);
                    continue;
                }
            };
            pause = BACKOFF.0;
            self.take_in(socket, peer, threshold);
        }
    }

    /// Takes somebody in.
    fn take_in(&self, socket: AppSocket, peer: Peer, threshold: Threshold<'_>) {
        let reception = self.reception.borrow();
        let route = reception.route();
        let peer = match route.admission.uids {
            Some(_) => peer.examined(socket.destinations()),
            None => peer,
        };
        let is_ours = |addr| self.home.knows(addr, || socket.destinations());
        if peer.addr().is_some_and(is_ours) {
            // Our other end tells its app what has happened.
            tracing::debug!(route = %route.name, %peer, "a connection of our own has come back to us");
            return;
        }
        let place = self.anteroom.take_in(peer, threshold);
        match peer.addr() {
            Some(addr) if route.admission.announces(addr.ip()) => {
                take_in_announced(reception.clone(), socket, addr, place);
            }
            _ => reception.take_in(socket, peer, place),
        }
    }
}

/// Takes in whoever a load balancer says that comes, once it has said it.
fn take_in_announced(
    reception: Reception,
    mut socket: AppSocket,
    balancer: SocketAddr,
    place: Place,
) {
    let hearing = reception.clone();
    hearing.spawn(async move {
        match announced::hear(&mut socket, balancer).await {
            Ok(peer) => reception.take_in(socket, peer, place.of(peer)),
            Err(error) => {
                let route = &reception.route().name;
                tracing::debug!(route, %balancer, error = %Chain(&error), "no header of the PROXY protocol");
            }
        }
    });
}

/// Whether the error is the connection's own: it was gone before we took it.
fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

#[cfg(test)]
mod tests;

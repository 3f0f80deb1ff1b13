//! A door and the apps that come through it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use azdb_quote::{Chain, Spelled};

use crate::anteroom::{ARRIVALS, Anteroom};
use crate::reception::Reception;
use crate::socket::{AppSocket, Door, Peer};
use crate::way::Home;

/// First and longest pause after the kernel would not hand out a connection.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));

/// Where apps come from: doors in production, scripts in tests.
pub(crate) trait Entrance: Send + 'static {
    /// Waits for an app.
    fn accept(&self) -> impl Future<Output = io::Result<(AppSocket, Peer)>> + Send;
}

impl Entrance for Door {
    async fn accept(&self) -> io::Result<(AppSocket, Peer)> {
        Door::accept(self).await
    }
}

/// Accepts at one entrance.
pub(crate) struct Listener<E> {
    entrance: E,
    reception: Reception,
    anteroom: Arc<Anteroom>,
    home: Arc<Home>,
}

impl<E: Entrance> Listener<E> {
    pub(crate) fn new(entrance: E, reception: Reception, home: Arc<Home>) -> Self {
        Self {
            entrance,
            anteroom: Anteroom::new(&reception.route().name, ARRIVALS),
            reception,
            home,
        }
    }

    /// Accepts for ever. Dropped to close the door.
    pub(crate) async fn serve(self) {
        let route = self.reception.route();
        let mut pause = BACKOFF.0;
        loop {
            let threshold = self.anteroom.threshold().await;
            let (socket, peer) = match self.entrance.accept().await {
                Ok(accepted) => accepted,
                Err(error) if concerns_one_connection(&error) => continue,
                Err(error) => {
                    // EMFILE, ENFILE, ENOBUFS: the connection stays in the backlog, and asking again at once would spin.
                    // Whoever has said nothing may have taken what others need.
                    tracing::warn!(route = %route.name, error = %Chain(&error), pause = %Spelled(pause), "cannot accept");
                    self.anteroom.thin_out();
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(BACKOFF.1);
                    continue;
                }
            };
            pause = BACKOFF.0;
            let peer = match route.admission.uids {
                Some(_) => peer.examined(socket.destinations()),
                None => peer,
            };
            let is_ours = |addr| self.home.knows(addr, || socket.destinations());
            if peer.addr().is_some_and(is_ours) {
                // Our other end tells its app what has happened.
                tracing::debug!(route = %route.name, %peer, "a connection of our own has come back to us");
                continue;
            }
            let place = self.anteroom.take_in(peer, threshold);
            self.reception.take_in(socket, peer, place);
        }
    }
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

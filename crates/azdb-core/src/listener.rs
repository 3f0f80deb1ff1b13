//! A door and the apps that come through it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::lobby::Lobby;
use crate::session::{self, Ending};
use crate::socket::{Door, Peer};
use crate::upstream::Dial;
use azdb_config::route::Admission;

/// Connections beyond `max_connections` that may be open while they say who they are: cancel requests, and logins that
/// are to be told "too many".
const ANTEROOM: usize = 64;

/// First and longest pause after the kernel would not hand out a connection.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));

/// Accepts for one door.
pub(crate) struct Listener<D: Dial> {
    door: Door,
    lobby: Arc<Lobby<D>>,
    anteroom: Arc<Semaphore>,
    ending: Ending,
}

impl<D: Dial> Listener<D> {
    pub(crate) fn new(door: Door, lobby: Arc<Lobby<D>>, ending: Ending) -> Self {
        let room = lobby.route.max_connections.saturating_add(ANTEROOM);
        let anteroom = Arc::new(Semaphore::new(room.min(Semaphore::MAX_PERMITS)));
        Self {
            door,
            lobby,
            anteroom,
            ending,
        }
    }

    /// Accepts for ever. Dropped to close the door.
    pub(crate) async fn serve(self) {
        let mut pause = BACKOFF.0;
        loop {
            let Ok(place) = Arc::clone(&self.anteroom).acquire_owned().await else {
                return;
            };
            let (socket, peer) = match self.door.accept().await {
                Ok(accepted) => accepted,
                Err(error) if concerns_one_connection(&error) => continue,
                Err(error) => {
                    // EMFILE, ENFILE, ENOBUFS: the connection stays in the backlog, and asking again at once would spin.
                    tracing::warn!(route = %self.lobby.route.name, %error, ?pause, "cannot accept");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(BACKOFF.1);
                    continue;
                }
            };
            pause = BACKOFF.0;
            if !admits(&self.lobby.route.admission, peer) {
                tracing::warn!(route = %self.lobby.route.name, %peer, "not admitted, see allow and allow_uids");
                continue;
            }
            let (lobby, ending) = (Arc::clone(&self.lobby), self.ending.clone());
            self.ending.spawn(async move {
                session::serve(socket, peer, &lobby, &ending).await;
                drop(place);
            });
        }
    }
}

fn admits(admission: &Admission, peer: Peer) -> bool {
    match peer {
        Peer::Tcp(addr) => admission.admits(addr.ip()),
        Peer::Unix(uid) => admission
            .uids
            .as_ref()
            .is_none_or(|uids| uids.contains(&uid)),
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

//! Sessions that follow their upstream's name (`follow_dns`): when it has moved, they end at rest, and their apps come again.
//!
//! ```text
//!   name --> look-up --> addresses --> sessions elsewhere, twice in a row --> goodbye at rest
//!     ^                                                                            |
//!     +---------------- 15 s later, while there are sessions ----------------------+
//! ```
//!
//! How long an answer holds cannot be seen through the system's resolver, so it is asked regularly. One answer without an address is
//! not believed: names with many addresses show a few at a time.
//!
//! # Invariants
//!
//! * Nobody is asked while no session follows a name.
//! * A name that is not resolved moves nobody.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use azdb_config::route::Endpoint;
use azdb_quote::Chain;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{Lobby, Protocol};
use crate::way::{Dial, Dialled};

/// Time between two look-ups of a name, a quarter more or less.
const EVERY: Duration = Duration::from_secs(15);
/// Answers in a row that lack an address which has moved.
const TWICE: u32 = 2;

/// The places where a route's sessions are.
#[derive(Debug, Default)]
pub(crate) struct Followers {
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct State {
    places: HashMap<(Endpoint, SocketAddr), Place>,
    is_watched: bool,
}

/// An address behind a name.
#[derive(Debug, Default)]
struct Place {
    sessions: usize,
    /// Answers in a row without it.
    missed: u32,
    moved: CancellationToken,
}

/// A session that follows a name.
#[derive(Debug)]
pub(crate) struct Following {
    followers: Arc<Followers>,
    place: (Endpoint, SocketAddr),
    /// The name has moved.
    moved: CancellationToken,
}

impl Following {
    /// Completes when the name has moved.
    pub(crate) async fn moved(&self) {
        self.moved.cancelled().await;
    }

    /// The name, if it has moved.
    pub(crate) fn moved_from(&self) -> Option<&Endpoint> {
        self.moved.is_cancelled().then_some(&self.place.0)
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let mut state = self.followers.lock();
        if let Some(place) = state.places.get_mut(&self.place) {
            place.sessions -= 1;
            if place.sessions == 0 {
                state.places.remove(&self.place);
            }
        }
    }
}

impl Followers {
    /// A session that is behind `name` at `addr`.
    fn follow(self: &Arc<Self>, name: &Endpoint, addr: SocketAddr) -> Following {
        let key = (name.clone(), addr);
        let mut state = self.lock();
        let place = state.places.entry(key.clone()).or_default();
        if place.moved.is_cancelled() {
            // Somebody has found it behind the name again.
            (place.missed, place.moved) = (0, CancellationToken::new());
        }
        place.sessions += 1;
        let moved = place.moved.clone();
        drop(state);
        self.arrived.notify_one();
        Following {
            followers: Arc::clone(self),
            place: key,
            moved,
        }
    }

    /// Waits until there are sessions, and returns the names that they follow.
    async fn names(&self) -> Vec<Endpoint> {
        loop {
            let mut names: Vec<Endpoint> = Vec::new();
            for (name, _) in self.lock().places.keys() {
                if !names.contains(name) {
                    names.push(name.clone());
                }
            }
            if !names.is_empty() {
                return names;
            }
            self.arrived.notified().await;
        }
    }

    /// Judges the places of `name` by its addresses.
    fn judge(&self, name: &Endpoint, addresses: &[SocketAddr]) {
        let mut state = self.lock();
        let places = state.places.iter_mut();
        for ((_, addr), place) in places.filter(|((known, _), _)| known == name) {
            if addresses.contains(addr) {
                place.missed = 0;
                continue;
            }
            place.missed = place.missed.saturating_add(1);
            if place.missed == TWICE {
                let sessions = place.sessions;
                tracing::info!(%name, %addr, sessions, "the name has moved, sessions end when they are at rest");
                place.moved.cancel();
            }
        }
    }

    /// A map stays a map when a thread panics beside it.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P: Protocol, D: Dial> Lobby<P, D> {
    /// Makes a new session follow its upstream's name, where the route says so and it has one.
    pub(crate) fn follow(&self, dialled: &Dialled) -> Option<Box<Following>> {
        let name = match &self.route.connect_to {
            // An upstream that sends us on sends us past it.
            Some(name) if self.route.upstream.contains(&dialled.upstream) => name,
            _ => &dialled.upstream,
        };
        if !self.route.follow_dns || name.host.parse::<IpAddr>().is_ok() {
            return None;
        }
        let following = self.state.followers.follow(name, dialled.addr);
        Some(Box::new(following))
    }

    /// Looks the names up that sessions follow, from the first call on and for as long as there is the lobby.
    pub(crate) fn watch_names(self: &Arc<Self>) {
        let followers = Arc::clone(&self.state.followers);
        let was_watched = std::mem::replace(&mut followers.lock().is_watched, true);
        if !self.route.follow_dns || was_watched {
            return;
        }
        let (lobby, closing) = (Arc::downgrade(self), self.closing.clone());
        tokio::spawn(async move { closing.run_until_cancelled(watch(lobby, followers)).await });
    }
}

async fn watch<P: Protocol, D: Dial>(lobby: Weak<Lobby<P, D>>, followers: Arc<Followers>) {
    loop {
        let names = followers.names().await;
        tokio::time::sleep(super::turns::jittered(EVERY)).await;
        for name in names {
            let Some(lobby) = lobby.upgrade() else {
                return;
            };
            match lobby.dialler.resolve(&name, EVERY).await {
                Ok(addresses) => followers.judge(&name, &addresses),
                Err(cause) => {
                    tracing::debug!(error = %Chain(&cause), "cannot see whether a name has moved");
                }
            }
        }
    }
}

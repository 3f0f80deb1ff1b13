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
//! * Nobody is asked while nothing follows a name.
//! * Whatever becomes of the settings under which sessions began, their names are asked for once at a time.
//! * A name that is not resolved moves nobody.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use azdb_config::route::Endpoint;
use azdb_quote::Chain;
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

    /// What is set when the name has moved.
    pub(crate) fn moves(&self) -> CancellationToken {
        self.moved.clone()
    }

    /// The name, if it has moved.
    pub(crate) fn moved_from(&self) -> Option<&Endpoint> {
        self.moved.is_cancelled().then_some(&self.place.0)
    }
}

/// Completes when what is set by a name that has moved is; never for what follows none.
pub(crate) async fn moved(moves: Option<CancellationToken>) {
    match moves {
        Some(moves) => moves.cancelled().await,
        None => std::future::pending().await,
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
    /// A session that is behind `name` at `addr`. Says also whether nobody watches the names.
    fn follow(self: &Arc<Self>, name: &Endpoint, addr: SocketAddr) -> (Following, bool) {
        let key = (name.clone(), addr);
        let mut state = self.lock();
        let place = state.places.entry(key.clone()).or_default();
        if place.moved.is_cancelled() {
            // Somebody has found it behind the name again.
            (place.missed, place.moved) = (0, CancellationToken::new());
        }
        place.sessions += 1;
        let moved = place.moved.clone();
        let was_watched = std::mem::replace(&mut state.is_watched, true);
        drop(state);
        let following = Following {
            followers: Arc::clone(self),
            place: key,
            moved,
        };
        (following, !was_watched)
    }

    /// The names that sessions follow. Without any, nobody watches them any more.
    fn names(&self) -> Vec<Endpoint> {
        let mut state = self.lock();
        let mut names: Vec<Endpoint> = Vec::new();
        for (name, _) in state.places.keys() {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        state.is_watched = !names.is_empty();
        names
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

    /// There is nothing any more where names have led.
    #[cfg(test)]
    fn all_move(&self) {
        for name in self.names() {
            for _ in 0..TWICE {
                self.judge(&name, &[]);
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
        let followers = &self.state.followers;
        let (following, is_first) = followers.follow(name, dialled.addr);
        if is_first {
            let watching = watch(self.dialler.clone(), Arc::clone(followers));
            let closing = self.closing.clone();
            tokio::spawn(async move { closing.run_until_cancelled(watching).await });
        }
        Some(Box::new(following))
    }

    /// The upstream's name has moved.
    #[cfg(test)]
    pub(crate) fn name_moves(&self) {
        self.state.followers.all_move();
    }
}

/// Looks the names up for as long as sessions follow any.
async fn watch(dialler: impl Dial, followers: Arc<Followers>) {
    loop {
        tokio::time::sleep(super::turns::jittered(EVERY)).await;
        let names = followers.names();
        if names.is_empty() {
            return;
        }
        for name in names {
            match dialler.resolve(&name, EVERY).await {
                Ok(addresses) => followers.judge(&name, &addresses),
                Err(cause) => {
                    tracing::debug!(error = %Chain(&cause), "cannot see whether a name has moved");
                }
            }
        }
    }
}

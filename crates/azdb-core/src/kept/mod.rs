//! Sessions, and connections, that wait for an app.
//!
//! ```text
//!                     +------------------ Kept ------------------+
//!   learn ----------> | Patterns: what comes again, what it found |
//!   made, given back  | Stock: by login, each with a watch        | --take--> an app
//!   a login -- Ahead  | one connection that has said nothing      |
//!                     +-------------------------------------------+
//! ```
//!
//! Which login is like which, how it is said again and how a session is made like new are a protocol's words; who makes and who resets
//! is the lobby's. This room has the rest: who waits, for how long, and for whom.
//!
//! # Invariants
//!
//! * An app gets a session of a login that equals its own in each byte, or none.
//! * A byte, or an end, that comes while a session waits ends it.
//! * What was made under other settings of the route than those of now is given to nobody.

mod ahead;
mod key;
mod patterns;
mod seat;
mod stock;
mod tally;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use azdb_config::route::Route;

pub(crate) use ahead::{Ahead, Making};
pub(crate) use key::{Difference, Key};
pub(crate) use patterns::{Pattern, Patterns};
pub(crate) use seat::{Seat, Waits, is_quiet, poll_stream_stirs};
pub(crate) use stock::{Kind, Stock};
pub(crate) use tally::{Found, Tally};

/// What a route keeps for the apps to come: sessions `T`, and logins as they are said again, `Q`.
pub(crate) struct Kept<T, Q> {
    pub(crate) stock: Stock<T>,
    patterns: Mutex<Patterns<Q>>,
    /// Whose settings these are; `None` when no configuration has the route any more.
    route: Mutex<Option<Arc<Route>>>,
}

impl<T: Waits, Q> Kept<T, Q> {
    /// Nothing yet.
    pub(crate) fn of(route: &Arc<Route>) -> Self {
        Self {
            stock: Stock::default(),
            patterns: Mutex::default(),
            route: Mutex::new(Some(Arc::clone(route))),
        }
    }

    /// What has been learned.
    pub(crate) fn patterns(&self) -> MutexGuard<'_, Patterns<Q>> {
        lock(&self.patterns)
    }

    /// Whether these are the settings of now.
    pub(crate) fn is_of(&self, route: &Arc<Route>) -> bool {
        let own = lock(&self.route);
        own.as_ref().is_some_and(|own| Arc::ptr_eq(own, route))
    }

    /// From now on these are the settings, or there are none. Returns what waited under those of before.
    pub(crate) fn go_on_under(&self, route: Option<&Arc<Route>>) -> Vec<T> {
        *lock(&self.route) = route.cloned();
        self.patterns().forget();
        self.stock.clear(|_, _| true)
    }

    /// Writes down that a login has found none that waited for it.
    pub(crate) fn missed(&self, key: &Key) {
        let waiting = self.stock.keys();
        let mut patterns = self.patterns();
        let found = patterns.missed(key, &waiting);
        patterns.tally.note(found);
    }
}

/// Nothing is half done behind these locks when a thread panics.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

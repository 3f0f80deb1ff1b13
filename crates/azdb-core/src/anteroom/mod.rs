//! Those who have come in and have not said yet what they want.
//!
//! ```text
//!   door --accept--> anteroom --says whom it wants to be--> sessions   (max_connections)
//!                       |   '---says what to cancel-------> cancels    (places of their own)
//!                       '--full: whoever has said least, the oldest first, is sent away
//! ```
//!
//! A connection costs whoever opens it nothing, so waiting for its first words must not cost anybody else a place. One that is
//! sent away reads as one that has left: whatever its login holds for it is given back as it always is.
//!
//! # Invariants
//!
//! * Whoever has said whom it wants to be is never sent away, and never waits behind those who have not.
//! * An anteroom has at most as many inside as it has places, and at most as many again on their way out.
//! * A crowd is told of once when it begins and once when it is over, however many come.

mod arriving;
mod crowd;
mod ticket;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

pub(crate) use arriving::Arriving;
pub(crate) use ticket::Place;

use crate::socket::{Peer, most_files};
use crowd::{Crowd, Origin};
use ticket::Ticket;

/// Connections of a door that may be open while they say who they are.
pub(crate) const ARRIVALS: usize = 1024;
/// The share of the files that this process may open, at most, which one anteroom takes.
const SHARE_OF_FILES: usize = 4;
/// For so long since it was its turn to speak, an arrival is given the benefit of the doubt: only older ones go before it.
const GRACE: Duration = Duration::from_millis(250);
/// The share of the arrivals that is sent away when the process has no files left.
const SHARE_OF_ARRIVALS: usize = 8;

/// The right to open one more socket.
pub(crate) struct Threshold<'a>(Option<SemaphorePermit<'a>>);

/// The anteroom of one door.
pub(crate) struct Anteroom {
    /// Whose door it is, for log lines: a route's, or an endpoint's.
    of: String,
    places: usize,
    /// One for each socket that is open on behalf of an arrival.
    sockets: Semaphore,
    /// What times of tickets count from.
    opened: Instant,
    inside: Mutex<Inside>,
}

struct Inside {
    /// By number, which is the order in which they came.
    arrivals: BTreeMap<u64, Arc<Ticket>>,
    next: u64,
    crowd: Crowd,
}

impl Anteroom {
    /// An empty one for a door of `of`, with so many places; with fewer, where the process may open few files.
    pub(crate) fn new(of: &str, places: usize) -> Arc<Self> {
        let places = places.min(most_files() / SHARE_OF_FILES).max(1);
        Arc::new(Self {
            of: of.to_owned(),
            places,
            sockets: Semaphore::new(places.saturating_mul(2).min(Semaphore::MAX_PERMITS)),
            opened: Instant::now(),
            inside: Mutex::new(Inside {
                arrivals: BTreeMap::new(),
                next: 0,
                crowd: Crowd::default(),
            }),
        })
    }

    /// Waits until one more socket may be opened: those who have been sent away must have gone.
    pub(crate) async fn threshold(&self) -> Threshold<'_> {
        // The semaphore is never closed.
        Threshold(self.sockets.acquire().await.ok())
    }

    /// Takes somebody in, and sends somebody away for it when the room is full.
    pub(crate) fn take_in(self: &Arc<Self>, peer: Peer, threshold: Threshold<'_>) -> Place {
        if let Some(socket) = threshold.0 {
            // Whoever leaves gives it back.
            socket.forget();
        }
        let now = self.now();
        let mut inside = self.lock();
        if inside.arrivals.len() >= self.places {
            self.send_away(&mut inside, 1);
        }
        let ticket = Arc::new(Ticket::new(Origin::of(peer), now));
        let number = inside.next;
        inside.next = number.wrapping_add(1);
        inside.crowd.comes(ticket.origin);
        inside.arrivals.insert(number, Arc::clone(&ticket));
        Place::in_room(ticket, number, self)
    }

    /// Sends a share of the arrivals away: the process has no files left, and theirs are worth least.
    pub(crate) fn thin_out(self: &Arc<Self>) {
        let mut inside = self.lock();
        let share = inside.arrivals.len().div_ceil(SHARE_OF_ARRIVALS);
        self.send_away(&mut inside, share);
    }

    fn send_away(self: &Arc<Self>, inside: &mut Inside, count: usize) {
        for _ in 0..count {
            let Some(number) = inside.least(self.now(), self.places) else {
                return;
            };
            let Some(ticket) = inside.arrivals.remove(&number) else {
                return;
            };
            if inside.crowd.sends_away() {
                crowd::begins(self, inside);
            }
            inside.crowd.goes(ticket.origin);
            ticket.send_away();
        }
    }

    /// Whoever held this place has gone on, or out.
    fn leave(&self, number: u64, ticket: &Ticket) {
        let mut inside = self.lock();
        if inside.arrivals.remove(&number).is_some() {
            inside.crowd.goes(ticket.origin);
        }
        drop(inside);
        self.sockets.add_permits(1);
    }

    /// Milliseconds since the room was opened.
    fn now(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// A room stays a room when a thread panics beside it.
    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    /// Whose turn it is to go. Where more than half are of one origin, it is one of those.
    fn least(&self, now: u64, places: usize) -> Option<u64> {
        let most = self.crowd.most().filter(|(_, count)| *count > places / 2);
        let mut found: Option<(u64, u64)> = None;
        for (number, ticket) in &self.arrivals {
            if most.is_some_and(|(origin, _)| origin != ticket.origin) {
                continue;
            }
            let said = ticket.worth(now);
            if found.is_none_or(|(least, _)| said < least) {
                found = Some((said, *number));
            }
            if said == 0 {
                break;
            }
        }
        found.map(|(_, number)| number)
    }
}

#[cfg(test)]
mod tests;

//! Those who have come in and have not said yet what they want.
//!
//! ```text
//!   door --accept--> anteroom --says whom it wants to be--> sessions   (max_connections)
//!                       |   '---says what to cancel-------> cancels    (places of their own)
//!                       '--full: whoever has said least, the oldest first, is sent away
//! ```
//!
//! A connection costs whoever opens it nothing, so waiting for its first words must not cost anybody else a place. One that is
//! sent away reads as one that has left: whatever its login holds for it is given back as it always is. One that has spoken, and has
//! not been heard yet on a busy machine, stays.
//!
//! # Invariants
//!
//! * Whoever has said whom it wants to be is never sent away, and never waits behind those who have not.
//! * An anteroom has at most as many inside as it has places, and at most half as many beside them, on their way out or on their
//!   way back.
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
pub(crate) use crowd::Origin;
pub(crate) use ticket::Place;

use crate::socket::{Peer, most_files};
use crowd::Crowd;
use ticket::Ticket;

/// Connections of a door that may be open while they say who they are.
pub(crate) const ARRIVALS: usize = 768;
/// The share of the files that this process may open, at most, which one anteroom takes.
const SHARE_OF_FILES: usize = 4;
/// Nobody is sent away that came, or was told something, less than so long ago. Many honest apps at once are through by then.
const GRACE: Duration = Duration::from_secs(1);
/// The same in a crowd of which one in [`SHARE_OF_ARRIVALS`] has been sent away: a room that is emptied more slowly would keep honest
/// apps in the kernel's queue for seconds.
const SHORT_GRACE: Duration = Duration::from_millis(50);
/// How often a full room in which all are given that looks again.
const LOOK: Duration = Duration::from_millis(5);
/// The share of the arrivals that is sent away when the process has no files left, and that makes a crowd.
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
            sockets: Semaphore::new(places.saturating_add(places.div_ceil(2))),
            inside: Mutex::new(Inside {
                arrivals: BTreeMap::new(),
                next: 0,
                crowd: Crowd::default(),
            }),
        })
    }

    /// Waits until one more may come in: those who have been sent away must have gone, and in a full room somebody must have had
    /// time enough. Meanwhile the kernel keeps whoever comes.
    pub(crate) async fn threshold(&self) -> Threshold<'_> {
        // The semaphore is never closed.
        let socket = self.sockets.acquire().await.ok();
        while self.lock().is_full_of_hope(self.places) {
            tokio::time::sleep(LOOK).await;
        }
        Threshold(socket)
    }

    /// Takes somebody in, and sends somebody away for it when the room is full.
    pub(crate) fn take_in(self: &Arc<Self>, peer: Peer, threshold: Threshold<'_>) -> Place {
        if let Some(socket) = threshold.0 {
            // Whoever leaves gives it back.
            socket.forget();
        }
        let mut inside = self.lock();
        let too_many = (inside.arrivals.len() + 1).saturating_sub(self.places);
        self.send_away(&mut inside, too_many);
        let number = inside.next;
        inside.next = number.wrapping_add(1);
        let ticket = Arc::new(Ticket::new(number, Origin::of(peer)));
        inside.admit(&ticket);
        Place::in_room(ticket, self, peer)
    }

    /// Takes somebody back who had spoken when it was sent away.
    fn take_back(&self, ticket: &Arc<Ticket>) {
        let mut inside = self.lock();
        if ticket.comes_back() {
            inside.crowd.takes_back();
            inside.admit(ticket);
        }
    }

    /// Sends a share of the arrivals away: the process has no files left, and theirs are worth least.
    pub(crate) fn thin_out(self: &Arc<Self>) {
        let mut inside = self.lock();
        let share = inside.arrivals.len().div_ceil(SHARE_OF_ARRIVALS);
        self.send_away(&mut inside, share);
    }

    fn send_away(self: &Arc<Self>, inside: &mut Inside, count: usize) {
        for _ in 0..count {
            let Some(number) = inside.least(Instant::now(), self.places) else {
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

    fn is_crowded(&self) -> bool {
        self.lock().crowd.is_there()
    }

    /// Whoever held this place has gone on, or out.
    fn leave(&self, ticket: &Ticket) {
        let mut inside = self.lock();
        if inside.arrivals.remove(&ticket.number).is_some() {
            inside.crowd.goes(ticket.origin);
        }
        drop(inside);
        self.sockets.add_permits(1);
    }

    /// A room stays a room when a thread panics beside it.
    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    fn admit(&mut self, ticket: &Arc<Ticket>) {
        self.crowd.comes(ticket.origin);
        self.arrivals.insert(ticket.number, Arc::clone(ticket));
    }

    /// Whether there is no place, and nobody whose turn it is to go.
    fn is_full_of_hope(&self, places: usize) -> bool {
        self.arrivals.len() >= places && self.least(Instant::now(), places).is_none()
    }

    /// Whose turn it is to go. Where more than half are of one origin, it is one of those.
    fn least(&self, now: Instant, places: usize) -> Option<u64> {
        let most = self.crowd.most().filter(|(_, count)| *count > places / 2);
        let is_crowd = self.crowd.has_lost(places.div_ceil(SHARE_OF_ARRIVALS));
        let grace = if is_crowd { SHORT_GRACE } else { GRACE };
        let mut found: Option<(u64, u64)> = None;
        for (number, ticket) in &self.arrivals {
            if most.is_some_and(|(origin, _)| origin != ticket.origin) {
                continue;
            }
            let Some(said) = ticket.worth(now, grace) else {
                continue;
            };
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

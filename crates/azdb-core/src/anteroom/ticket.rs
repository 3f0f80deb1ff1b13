//! A place in an anteroom, from both sides.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::crowd::Origin;
use super::{Anteroom, Arriving};
use crate::phases::Phases;
use crate::socket::Peer;

/// More bytes than any greeting has, and fewer than a TLS server's first words.
const LONGEST_GREETING: u64 = 256;

const WAITS: u8 = 0;
const SENT_AWAY: u8 = 1;
const HAS_LEFT: u8 = 2;

/// What an anteroom knows of an arrival.
pub(super) struct Ticket {
    /// Its place's.
    pub(super) number: u64,
    pub(super) origin: Origin,
    state: AtomicU8,
    /// Bytes.
    said: AtomicU64,
    /// Bytes that it has been told.
    told: AtomicU64,
    came: Instant,
    /// Milliseconds after it came since when it could have spoken.
    turn: AtomicU64,
    sent_away: Notify,
}

impl Ticket {
    pub(super) fn new(number: u64, origin: Origin) -> Self {
        Self {
            number,
            origin,
            state: AtomicU8::new(WAITS),
            said: AtomicU64::new(0),
            told: AtomicU64::new(0),
            came: Instant::now(),
            turn: AtomicU64::new(0),
            sent_away: Notify::new(),
        }
    }

    /// How much speaks for keeping it: what it has said. `None` when it came, or was told something, less than `grace` ago.
    pub(super) fn worth(&self, now: Instant, grace: Duration) -> Option<u64> {
        let turn = Duration::from_millis(self.turn.load(Ordering::Relaxed));
        let had_time = now.saturating_duration_since(self.came) >= grace + turn;
        had_time.then(|| self.said.load(Ordering::Relaxed))
    }

    pub(super) fn send_away(&self) {
        if self.turns(WAITS, SENT_AWAY) {
            self.sent_away.notify_one();
        }
    }

    /// Whether it was sent away, and waits again from now on.
    pub(super) fn comes_back(&self) -> bool {
        let is_back = self.turns(SENT_AWAY, WAITS);
        if is_back {
            self.turn_comes();
        }
        is_back
    }

    fn turns(&self, from: u8, to: u8) -> bool {
        let (order, otherwise) = (Ordering::AcqRel, Ordering::Acquire);
        let turned = self.state.compare_exchange(from, to, order, otherwise);
        turned.is_ok()
    }

    pub(super) fn is_sent_away(&self) -> bool {
        self.state.load(Ordering::Acquire) == SENT_AWAY
    }

    pub(super) fn has_left(&self) -> bool {
        self.state.load(Ordering::Acquire) == HAS_LEFT
    }

    /// It has said so many bytes more.
    pub(super) fn said(&self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.said.fetch_add(bytes, Ordering::Relaxed);
    }

    /// It has been told so many bytes, and it is its turn again.
    pub(super) fn was_told(&self, bytes: usize) {
        self.turn_comes();
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.told.fetch_add(bytes, Ordering::Relaxed);
    }

    fn turn_comes(&self) {
        let turn = u64::try_from(self.came.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.turn.store(turn, Ordering::Relaxed);
    }
}

/// A place in an anteroom, held by an arrival until it goes on or out.
pub(crate) struct Place {
    ticket: Arc<Ticket>,
    peer: Peer,
    /// `None` for an app of this process.
    room: Option<Arc<Anteroom>>,
    /// The stopwatch of a login that is watched.
    watched: Option<Arc<Phases>>,
}

impl Place {
    /// The place of an app that came through no door.
    pub(crate) fn outside() -> Self {
        Self::outside_of(Peer::InProcess)
    }

    /// The same of an app that is somebody else.
    pub(crate) fn outside_of(peer: Peer) -> Self {
        Self {
            ticket: Arc::new(Ticket::new(0, Origin::of(peer))),
            peer,
            room: None,
            watched: None,
        }
    }

    /// The same of an app whose login is watched.
    pub(crate) fn watched(mut self, phases: Arc<Phases>) -> Self {
        self.watched = Some(phases);
        self
    }

    /// The stopwatch by which it is watched.
    pub(crate) fn watch(&self) -> Option<&Arc<Phases>> {
        self.watched.as_ref()
    }

    pub(super) fn in_room(ticket: Arc<Ticket>, room: &Arc<Anteroom>, peer: Peer) -> Self {
        let room = Some(Arc::clone(room));
        Self {
            ticket,
            peer,
            room,
            watched: None,
        }
    }

    /// The same place, of whoever turned out to have come.
    pub(crate) fn of(mut self, peer: Peer) -> Self {
        self.peer = peer;
        self
    }

    /// Whose place it is.
    pub(crate) fn peer(&self) -> Peer {
        self.peer
    }

    /// The connection that holds the place. What it hears and says from now on is known to the room.
    pub(crate) fn around<S>(&self, stream: S) -> Arriving<S> {
        let room = self.room.clone();
        Arriving::new(stream, room.map(|room| (Arc::clone(&self.ticket), room)))
    }

    /// Goes on: it has said what it wants, and has a place elsewhere. One that has been sent away meanwhile goes on all the same.
    pub(crate) fn leave(&self) {
        if self.ticket.state.swap(HAS_LEFT, Ordering::AcqRel) != HAS_LEFT
            && let Some(room) = &self.room
        {
            room.leave(&self.ticket);
        }
    }

    /// Whether it has not gone on yet.
    pub(crate) fn is_held(&self) -> bool {
        !self.ticket.has_left()
    }

    /// Whether it was given to somebody else.
    pub(crate) fn is_lost(&self) -> bool {
        self.ticket.is_sent_away()
    }

    /// Whether so many wait with it that some are sent away.
    pub(crate) fn is_crowded(&self) -> bool {
        self.room.as_ref().is_some_and(|room| room.is_crowded())
    }

    /// Whether nothing at all has been said.
    pub(crate) fn is_silent(&self) -> bool {
        self.ticket.said.load(Ordering::Relaxed) == 0
    }

    /// Whether it has been shown a certificate: nothing else that an arrival is told is as long.
    pub(crate) fn has_seen_certificate(&self) -> bool {
        self.ticket.told.load(Ordering::Relaxed) > LONGEST_GREETING
    }

    /// Waits until the place is given to somebody else.
    pub(crate) async fn lost(&self) {
        self.ticket.sent_away.notified().await;
    }

    /// Runs what its holder does. When the place is lost the holder's [`Arriving`] connection breaks, and what it does comes to its
    /// own end.
    pub(crate) async fn hold<T>(&self, mut doing: Pin<&mut impl Future<Output = T>>) -> T {
        loop {
            tokio::select! {
                biased;
                done = &mut doing => return done,
                // It looks again whether there is something to read.
                () = self.lost() => {}
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.leave();
    }
}

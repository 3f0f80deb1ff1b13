//! A place in an anteroom, from both sides.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use tokio::sync::Notify;

use super::crowd::Origin;
use super::{Anteroom, Arriving, GRACE};

/// More bytes than any greeting has, and fewer than a TLS server's first words.
const LONGEST_GREETING: u64 = 256;

const WAITS: u8 = 0;
const SENT_AWAY: u8 = 1;
const HAS_LEFT: u8 = 2;

/// What an anteroom knows of an arrival.
pub(super) struct Ticket {
    pub(super) origin: Origin,
    state: AtomicU8,
    /// Bytes.
    said: AtomicU64,
    /// Bytes that it has been told.
    told: AtomicU64,
    /// Since when it could have spoken, in the room's milliseconds.
    turn: AtomicU64,
    sent_away: Notify,
}

impl Ticket {
    pub(super) fn new(origin: Origin, now: u64) -> Self {
        Self {
            origin,
            state: AtomicU8::new(WAITS),
            said: AtomicU64::new(0),
            told: AtomicU64::new(0),
            turn: AtomicU64::new(now),
            sent_away: Notify::new(),
        }
    }

    /// How much speaks for keeping it: what it has said, once it has had the time to say something.
    pub(super) fn worth(&self, now: u64) -> u64 {
        let waited = now.saturating_sub(self.turn.load(Ordering::Relaxed));
        if u128::from(waited) < GRACE.as_millis() {
            return u64::MAX;
        }
        self.said.load(Ordering::Relaxed)
    }

    pub(super) fn send_away(&self) {
        let (from, to) = (WAITS, SENT_AWAY);
        let order = Ordering::AcqRel;
        if self
            .state
            .compare_exchange(from, to, order, Ordering::Acquire)
            .is_ok()
        {
            self.sent_away.notify_one();
        }
    }

    pub(super) fn waits(&self) -> bool {
        self.state.load(Ordering::Acquire) == WAITS
    }

    pub(super) fn is_sent_away(&self) -> bool {
        self.state.load(Ordering::Acquire) == SENT_AWAY
    }

    fn has_left(&self) -> bool {
        self.state.load(Ordering::Acquire) == HAS_LEFT
    }

    /// It has said so many bytes more.
    pub(super) fn said(&self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.said.fetch_add(bytes, Ordering::Relaxed);
    }

    /// It has been told so many bytes, and it is its turn again.
    pub(super) fn was_told(&self, bytes: usize, now: u64) {
        self.turn.store(now, Ordering::Relaxed);
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.told.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// A place in an anteroom, held by an arrival until it goes on or out.
pub(crate) struct Place {
    ticket: Arc<Ticket>,
    /// With the place's number there; `None` for an app of this process.
    room: Option<(u64, Arc<Anteroom>)>,
}

impl Place {
    /// The place of an app that came through no door.
    pub(crate) fn outside() -> Self {
        Self {
            ticket: Arc::new(Ticket::new(Origin::Here, 0)),
            room: None,
        }
    }

    pub(super) fn in_room(ticket: Arc<Ticket>, number: u64, room: &Arc<Anteroom>) -> Self {
        Self {
            ticket,
            room: Some((number, Arc::clone(room))),
        }
    }

    /// The connection that holds the place. What it hears and says from now on is known to the room.
    pub(crate) fn around<S>(&self, stream: S) -> Arriving<S> {
        let room = self.room.as_ref().map(|(_, room)| Arc::clone(room));
        Arriving::new(stream, room.map(|room| (Arc::clone(&self.ticket), room)))
    }

    /// Goes on: it has said what it wants, and has a place elsewhere. One that has been sent away meanwhile goes on all the same.
    pub(crate) fn leave(&self) {
        if self.ticket.state.swap(HAS_LEFT, Ordering::AcqRel) != HAS_LEFT
            && let Some((number, room)) = &self.room
        {
            room.leave(*number, &self.ticket);
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

    /// Runs what its holder does. Once the place is lost the holder's [`Arriving`] connection is broken, and what it does comes
    /// to its own end.
    pub(crate) async fn hold<T>(&self, doing: impl Future<Output = T>) -> T {
        let mut doing = pin!(doing);
        tokio::select! {
            biased;
            done = &mut doing => return done,
            () = self.lost() => {}
        }
        doing.await
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.leave();
    }
}

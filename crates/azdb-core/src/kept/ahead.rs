//! A connection that is made ahead of the next app, and has said nothing.
//!
//! ```text
//!   apps less than 10 s apart --> one is made --> the next app takes it
//!                                        '--> nobody for 10 s, 45 s old, or a byte: it goes
//! ```

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::seat::{Seat, Waits};

/// Apps that come so soon after each other are worth a connection ahead of the next.
const BRISK: Duration = Duration::from_secs(10);
/// Servers end a connection that says nothing for a minute (`authentication_timeout`, `client_login_timeout`).
const OLDEST: Duration = Duration::from_secs(45);
/// How long none is made after one that failed.
const PAUSE: Duration = Duration::from_secs(30);

/// The place for one such connection.
pub(crate) struct Ahead<T>(Mutex<State<T>>);

struct State<T> {
    last_app: Option<Instant>,
    slot: Slot<T>,
    rests_until: Option<Instant>,
    /// Of how many settings these are; what was made under others is of no use.
    era: u64,
}

enum Slot<T> {
    Empty,
    /// Since then.
    Making(Instant),
    Waiting(Seat<T>),
}

/// The right to make one.
pub(crate) struct Making {
    era: u64,
}

impl<T> Default for Ahead<T> {
    fn default() -> Self {
        Self(Mutex::new(State {
            last_app: None,
            slot: Slot::Empty,
            rests_until: None,
            era: 0,
        }))
    }
}

impl<T: Waits> Ahead<T> {
    /// An app has come, which takes the connection that is there. Whoever takes it looks whether it is still good.
    pub(crate) fn take(&self) -> Option<T> {
        let mut state = self.lock();
        let Slot::Waiting(seat) = &state.slot else {
            return None;
        };
        let seat = seat.clone();
        state.slot = Slot::Empty;
        drop(state);
        seat.take()
    }

    /// An app has come. Returns the right to make a connection for the next one, where that is worth it and there is none.
    pub(crate) fn app_comes(&self) -> Option<Making> {
        let now = Instant::now();
        let mut state = self.lock();
        let before = state.last_app.replace(now);
        let is_brisk = before.is_some_and(|before| now.saturating_duration_since(before) < BRISK);
        let rests = state.rests_until.is_some_and(|until| until > now);
        let is_free = match state.slot {
            Slot::Empty => true,
            // Whoever made it came to no end.
            Slot::Making(since) => now.saturating_duration_since(since) > PAUSE,
            Slot::Waiting(_) => false,
        };
        if !is_brisk || rests || !is_free {
            return None;
        }
        state.slot = Slot::Making(now);
        Some(Making { era: state.era })
    }

    /// It has been made, or could not be. What is returned goes when [`Ahead::stays`] is over.
    pub(crate) fn made(&self, Making { era }: Making, made: Option<T>) -> Option<Seat<T>> {
        let mut state = self.lock();
        if state.era != era {
            return None;
        }
        match made {
            Some(made) => {
                let seat = Seat::of(made);
                state.slot = Slot::Waiting(seat.clone());
                Some(seat)
            }
            None => {
                state.slot = Slot::Empty;
                state.rests_until = Some(Instant::now() + PAUSE);
                None
            }
        }
    }

    /// Completes when one that was made now has waited for long enough.
    pub(crate) async fn stays(&self) {
        let oldest = Instant::now() + OLDEST;
        loop {
            let last_app = self.lock().last_app;
            let until = last_app.map_or(oldest, |last| (last + BRISK).min(oldest));
            if until <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(until).await;
        }
    }

    /// Forgets a place whose connection has gone.
    pub(crate) fn forget(&self, seat: &Seat<T>) {
        let mut state = self.lock();
        if matches!(&state.slot, Slot::Waiting(there) if there.is(seat)) {
            state.slot = Slot::Empty;
        }
    }

    /// What is there, or being made, is of no use any more.
    pub(crate) fn clear(&self) {
        let mut state = self.lock();
        state.era = state.era.wrapping_add(1);
        state.rests_until = None;
        let slot = std::mem::replace(&mut state.slot, Slot::Empty);
        drop(state);
        if let Slot::Waiting(seat) = slot {
            drop(seat.take());
        }
    }

    /// From now on none is made.
    #[cfg(test)]
    pub(crate) fn stop(&self) {
        self.lock().rests_until = Some(Instant::now() + PAUSE * 10_000);
    }

    /// Whether one waits.
    #[cfg(test)]
    pub(crate) fn has_one(&self) -> bool {
        matches!(self.lock().slot, Slot::Waiting(_))
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

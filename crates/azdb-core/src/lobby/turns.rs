//! Whose turn it is to try again, while an upstream is away: one login of a route at a time, with pauses that grow.
//!
//! ```text
//!   away --> one tries, 100 ms, 200 ms ... 1 s apart --> it answers --> two at a time, four, eight ...
//! ```
//!
//! A server that has just started, or that has one place free, is not stormed by everybody who has waited for it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// The first pause, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));
/// Most logins that try at a time once the upstream answers.
const MOST: usize = 32;

/// The turns of a route.
#[derive(Debug)]
pub(crate) struct Turns {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    /// Since when it is away, as far as anybody knows.
    away: Option<Instant>,
    pause: Duration,
    /// From when on somebody may try.
    next: Instant,
    trying: usize,
    /// How many may try at a time.
    width: usize,
}

/// Permission to try once. Dropped, it is the next one's.
#[derive(Debug)]
pub(super) struct Turn<'a>(&'a Turns);

impl Default for Turns {
    fn default() -> Self {
        let state = State {
            away: None,
            pause: PAUSES.0,
            next: Instant::now(),
            trying: 0,
            width: 1,
        };
        Self {
            state: Mutex::new(state),
            changed: Notify::new(),
        }
    }
}

impl Turns {
    /// Waits for a turn.
    pub(super) async fn take(&self) -> Turn<'_> {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            let next = {
                let mut state = self.lock();
                if state.trying >= state.width {
                    None
                } else if state.next > Instant::now() {
                    Some(state.next)
                } else {
                    state.trying += 1;
                    return Turn(self);
                }
            };
            match next {
                None => changed.await,
                Some(next) => tokio::select! {
                    () = changed => {}
                    () = tokio::time::sleep_until(next) => {}
                },
            }
        }
    }

    /// Somebody has found the upstream away, with a `turn` or on arrival. Returns whether that is news.
    pub(super) fn away(&self, turn: Option<Turn<'_>>) -> bool {
        let now = Instant::now();
        let mut state = self.lock();
        let is_news = state.away.is_none();
        state.away.get_or_insert(now);
        state.width = 1;
        if turn.is_some() {
            state.pause = (state.pause * 2).min(PAUSES.1);
            state.next = now + jittered(state.pause);
        } else if state.trying == 0 && state.next <= now {
            state.pause = PAUSES.0;
            state.next = now + jittered(PAUSES.0);
        }
        drop(state);
        drop(turn);
        is_news
    }

    /// Somebody has found it there. Returns for how long it was away, if that is news.
    pub(super) fn back(&self, turn: Option<Turn<'_>>) -> Option<Duration> {
        let mut state = self.lock();
        let away = state.away.take();
        if away.is_some() || turn.is_some() {
            state.width = (state.width * 2).min(MOST);
            state.pause = PAUSES.0;
            state.next = Instant::now();
            drop(state);
            self.changed.notify_waiters();
        } else {
            drop(state);
        }
        drop(turn);
        away.map(|since| since.elapsed())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.trying = state.trying.saturating_sub(1);
        drop(state);
        self.0.changed.notify_waiters();
    }
}

/// Three to five quarters of a pause: proxies that lost the same upstream at the same moment do not come back in step.
pub(super) fn jittered(pause: Duration) -> Duration {
    let mut random = [0];
    // Without randomness they do.
    let _ = aws_lc_rs::rand::fill(&mut random);
    let [random] = random;
    pause * 3 / 4 + pause * u32::from(random) / 512
}

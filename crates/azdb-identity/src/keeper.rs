//! One task per token: it fetches, it waits, it fetches again. Everybody else only looks at what it has.
//!
//! ```text
//!              +--------- refresh due, clock jumped, somebody asks ---------+
//!              v                                                            |
//!   start -> fetch -- good --> publish token ---- wait: refresh_in, half, end - 5 min
//!              |                                                            |
//!              +----- bad ---> publish error, keep the token while it lasts |
//!                              wait: 1, 2, 4 ... s, or 5 min if permanent --+
//!                              or, while a login waits: as soon as `schedule::hurried` allows
//! ```
//!
//! # Invariants
//!
//! * Two fetches of one token never run at the same time.
//! * A caller that goes away stops no fetch.
//! * A token that is still good is served while a fetch runs and after it went wrong.
//! * No token with less than 60 seconds left is handed out.
//! * A permanent error is told at once, and its cause is tried again at most every 30 seconds (5 where a program is started;
//!   a file is read for every login that comes a second later).
//! * Whoever says that a fault is mended is believed once: it is tried again at once.
//! * A login that waits through a passing fault hears within a second that a source on this machine is mended. An answer of
//!   Microsoft's authority, and a throttled endpoint, are left alone for as long as without it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::clock::Clock;
use crate::round::Round;
use crate::schedule::{self, Jitter};
use crate::source::TokenSource;
use crate::{Audience, SourceKind, Token, TokenError};

/// What is known of one token at one moment.
#[derive(Clone, Default)]
pub(crate) struct Known {
    /// Since when the fetch is under way that has not ended.
    pub(crate) under_way: Option<Instant>,
    /// Who was asked last.
    pub(crate) source: Option<SourceKind>,
    pub(crate) token: Option<Kept>,
    /// The last error, until a fetch goes well again.
    pub(crate) failure: Option<Failure>,
    /// The last error ever, for the status.
    pub(crate) last_error: Option<(TokenError, SystemTime)>,
    pub(crate) tally: Tally,
}

/// The token in hand.
#[derive(Clone)]
pub(crate) struct Kept {
    pub(crate) token: Token,
    pub(crate) fetched_at: SystemTime,
    pub(crate) refresh_at: SystemTime,
}

/// Why there is no newer token.
#[derive(Clone)]
pub(crate) struct Failure {
    pub(crate) error: TokenError,
    pub(crate) in_a_row: u32,
    /// Nobody's wish for a newer token causes a fetch before this.
    pub(crate) not_before: Instant,
    /// No login that has none causes one before this.
    pub(crate) not_before_without: Instant,
}

/// Finished fetches.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(crate) good: u64,
    pub(crate) transient: u64,
    pub(crate) permanent: u64,
    pub(crate) last_took: Duration,
    /// When a fetch ended that a database's word had caused.
    last_forced: Option<Instant>,
}

impl Tally {
    pub(crate) fn finished(&self) -> u64 {
        self.good + self.transient + self.permanent
    }

    /// Whether a database's word has caused a fetch so recently that another one would give the same.
    pub(crate) fn was_forced(&self) -> bool {
        let ended = self.last_forced;
        ended.is_some_and(|ended| ended.elapsed() < schedule::FORCED_FLOOR)
    }

    /// A fetch has ended.
    pub(crate) fn note_forced(&mut self, forced: bool) {
        if forced {
            self.last_forced = Some(Instant::now());
        }
    }
}

impl Known {
    /// The token, if it has life enough for a login.
    pub(crate) fn usable(&self) -> Option<&Kept> {
        let kept = self.token.as_ref()?;
        (kept.token.left() >= schedule::FLOOR).then_some(kept)
    }

    /// The error to tell at once, and whether it is time to try again all the same.
    fn refusal(&self) -> Option<(&TokenError, bool)> {
        let failure = self.failure.as_ref()?;
        let retry = Instant::now() >= failure.not_before_without;
        (!failure.error.is_transient()).then_some((&failure.error, retry))
    }
}

/// What the task and its callers share.
#[derive(Default)]
pub(crate) struct Wishes {
    pub(crate) look_again: Notify,
    pub(crate) forced: AtomicBool,
    /// Somebody says that what made the last fetch go wrong is mended.
    pub(crate) mended: AtomicBool,
    /// How many logins wait for a token at this moment.
    waiting: AtomicUsize,
}

impl Wishes {
    pub(crate) fn somebody_waits(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }
}

/// A login that waits, counted for as long as it does.
struct Waits<'a>(&'a Wishes);

impl<'a> Waits<'a> {
    fn at(wishes: &'a Wishes) -> Self {
        wishes.waiting.fetch_add(1, Ordering::Relaxed);
        Self(wishes)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A handle on the task. The task ends with it.
pub(crate) struct Keeper {
    known: watch::Receiver<Known>,
    wishes: Arc<Wishes>,
    clock: Clock,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Keeper {
    /// Starts the task, which fetches at once.
    pub(crate) fn start(
        source: Box<dyn TokenSource>,
        audience: Audience,
        clock: Clock,
        jitter: Jitter,
    ) -> Self {
        let (publish, known) = watch::channel(Known::default());
        let wishes = Arc::<Wishes>::default();
        let round = Round {
            source,
            audience,
            clock: clock.clone(),
            jitter,
            publish,
            wishes: Arc::clone(&wishes),
            forced: false,
            warned: None,
        };
        let task = tokio::spawn(round.run());
        Self {
            known,
            wishes,
            clock,
            task,
        }
    }

    pub(crate) fn known(&self) -> watch::Ref<'_, Known> {
        self.known.borrow()
    }

    /// True when the task is gone, which only a bug in a source can cause.
    pub(crate) fn is_dead(&self) -> bool {
        self.task.is_finished()
    }

    /// The token now, or a future for it. Only the future waits; the first look costs no allocation and no await.
    pub(crate) fn look(&self) -> Result<Token, Waiter> {
        let known = self.known.borrow();
        if let Some(kept) = known.usable() {
            if self.clock.until(kept.refresh_at).is_zero() {
                // After a suspended machine woke up: the task's own wait may not have noticed yet.
                self.wishes.look_again.notify_one();
            }
            return Ok(kept.token.clone());
        }
        drop(known);
        Err(self.waiter())
    }

    /// Fetches at once, unless the last fetch went well.
    pub(crate) fn retry(&self) {
        self.wishes.mended.store(true, Ordering::Relaxed);
        self.wishes.look_again.notify_one();
    }

    pub(crate) fn waiter(&self) -> Waiter {
        Waiter {
            known: self.known.clone(),
            wishes: Arc::clone(&self.wishes),
        }
    }
}

/// Somebody who waits for the task. Dropping it changes nothing for the task.
pub(crate) struct Waiter {
    known: watch::Receiver<Known>,
    wishes: Arc<Wishes>,
}

/// The task is gone.
pub(crate) struct Gone;

impl Waiter {
    /// Waits for a usable token or a permanent error.
    pub(crate) async fn token(mut self) -> Result<Result<Token, TokenError>, Gone> {
        let mut asked_at = None;
        let wishes = Arc::clone(&self.wishes);
        let _waits = Waits::at(&wishes);
        loop {
            {
                let known = self.known.borrow_and_update();
                if let Some(kept) = known.usable() {
                    return Ok(Ok(kept.token.clone()));
                }
                let finished = known.tally.finished();
                if let Some((error, retry)) = known.refusal()
                    && (!retry || asked_at.is_some_and(|before| finished > before))
                {
                    return Ok(Err(error.clone()));
                }
                asked_at.get_or_insert(finished);
            }
            self.wishes.look_again.notify_one();
            self.known.changed().await.map_err(|_| Gone)?;
        }
    }

    /// Waits for a token that is not `rejected`; `None` when the source gave the same one again.
    pub(crate) async fn other_than(
        mut self,
        rejected: &Token,
    ) -> Result<Result<Option<Token>, TokenError>, Gone> {
        let mut asked_at = None;
        loop {
            {
                let known = self.known.borrow_and_update();
                if let Some(kept) = known.usable()
                    && !kept.token.is_same_as(rejected)
                {
                    return Ok(Ok(Some(kept.token.clone())));
                }
                let finished = known.tally.finished();
                let answered = asked_at.is_some_and(|before| finished > before);
                match &known.failure {
                    Some(failure) if answered || Instant::now() < failure.not_before => {
                        return Ok(Err(failure.error.clone()));
                    }
                    None if answered || known.tally.was_forced() => return Ok(Ok(None)),
                    _ => {}
                }
                asked_at.get_or_insert(finished);
            }
            self.wishes.forced.store(true, Ordering::Relaxed);
            self.wishes.look_again.notify_one();
            self.known.changed().await.map_err(|_| Gone)?;
        }
    }
}

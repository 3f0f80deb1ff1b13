//! Reloads of the configuration: who asks for one, and what became of the last.
//!
//! ```text
//!   signal, changed file ----------------------> whoever reloads --> Reloads::done --> /status, /metrics
//!   POST /reload --> Reloads::ask --> wanted ---------^                   |
//!                        ^------------------- outcome --------------------+
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use azdb_identity::Clock;
use tokio::sync::{Notify, watch};

/// What became of a reload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReloadOutcome {
    /// The new configuration is in force.
    Applied {
        /// What of it is not before a restart, and what is unwise in it.
        warnings: Vec<String>,
    },
    /// The one of before is in force.
    Refused {
        /// Whose doing it is.
        by: RefusedBy,
        /// Everything that is wrong.
        problems: Vec<String>,
    },
}

/// Why a reload was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusedBy {
    /// The configuration is not right.
    Configuration,
    /// This machine would not: an address is taken, for example.
    System,
}

/// Those of a process. Clones are the same.
#[derive(Clone, Default)]
pub struct Reloads(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// How often one was asked for.
    asked: AtomicU64,
    wake: Notify,
    /// Whether somebody reloads.
    served: watch::Sender<bool>,
    told: watch::Sender<Told>,
}

/// What is known of the reloads so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Told {
    /// Every question up to this one is answered.
    answered: u64,
    pub(crate) last: Option<(ReloadOutcome, SystemTime)>,
    /// When the configuration that is in force was read, if not at the start.
    pub(crate) applied_at: Option<SystemTime>,
    pub(crate) applied: u64,
    pub(crate) refused: u64,
}

/// What a reload that begins now answers.
#[derive(Debug, Clone, Copy)]
pub struct Begun(u64);

impl Reloads {
    /// Asks for a reload, and waits for what becomes of it. `None` where nobody reloads: a process that has opened its doors a moment ago
    /// is waited for.
    pub(crate) async fn ask(&self) -> Option<ReloadOutcome> {
        const PATIENCE: Duration = Duration::from_secs(2);
        let mut served = self.0.served.subscribe();
        let served = served.wait_for(|is_served| *is_served);
        let _ = tokio::time::timeout(PATIENCE, served).await.ok()?.ok()?;
        let question = self.0.asked.fetch_add(1, Ordering::AcqRel) + 1;
        self.0.wake.notify_one();
        let mut told = self.0.told.subscribe();
        let told = told.wait_for(|told| told.answered >= question).await.ok()?;
        told.last.as_ref().map(|(outcome, _)| outcome.clone())
    }

    /// Waits until somebody asks for one.
    pub async fn wanted(&self) {
        self.0.served.send_replace(true);
        while self.0.asked.load(Ordering::Acquire) == self.0.told.borrow().answered {
            self.0.wake.notified().await;
        }
    }

    /// A reload begins: whoever has asked up to now is answered by it.
    pub fn begin(&self) -> Begun {
        Begun(self.0.asked.load(Ordering::Acquire))
    }

    /// It is done.
    pub fn done(&self, begun: Begun, outcome: ReloadOutcome) {
        let at = Clock::system().now();
        self.0.told.send_modify(|told| {
            match &outcome {
                ReloadOutcome::Applied { .. } => {
                    told.applied += 1;
                    told.applied_at = Some(at);
                }
                ReloadOutcome::Refused { .. } => told.refused += 1,
            }
            told.last = Some((outcome, at));
            told.answered = begun.0;
        });
    }

    pub(crate) fn told(&self) -> Told {
        self.0.told.borrow().clone()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    fn applied() -> ReloadOutcome {
        ReloadOutcome::Applied {
            warnings: Vec::new(),
        }
    }

    fn refused() -> ReloadOutcome {
        ReloadOutcome::Refused {
            by: RefusedBy::Configuration,
            problems: vec!["proxy.toml:1: not TOML".to_owned()],
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_is_answered_by_a_reload_that_begins_after_it() {
        let reloads = Reloads::default();
        assert_eq!(reloads.ask().await, None, "nobody reloads");
        let waiting = tokio::spawn({
            let reloads = reloads.clone();
            async move { reloads.wanted().await }
        });
        while !*reloads.0.served.borrow() {
            tokio::task::yield_now().await;
        }
        // A signal has come before.
        let early = reloads.begin();
        let ask = |reloads: &Reloads| {
            let reloads = reloads.clone();
            tokio::spawn(async move { reloads.ask().await })
        };
        let (one, two) = (ask(&reloads), ask(&reloads));
        waiting.await.unwrap();
        reloads.done(early, refused());
        reloads.wanted().await;
        let late = reloads.begin();
        assert_eq!((one.is_finished(), two.is_finished()), (false, false));
        reloads.done(late, applied());
        assert_eq!(one.await.unwrap(), Some(applied()));
        assert_eq!(two.await.unwrap(), Some(applied()));
        let told = reloads.told();
        assert_eq!((told.applied, told.refused), (1, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_that_comes_before_there_is_anybody_to_ask_waits_for_a_moment() {
        let reloads = Reloads::default();
        let asking = tokio::spawn({
            let reloads = reloads.clone();
            async move { reloads.ask().await }
        });
        tokio::task::yield_now().await;
        reloads.wanted().await;
        let begun = reloads.begin();
        reloads.done(begun, applied());
        assert_eq!(asking.await.unwrap(), Some(applied()));
    }
}

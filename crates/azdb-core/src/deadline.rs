//! One clock for a whole login.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use azdb_quote::Spelled;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::fault::{Late, Overdue};
use crate::phases::{Phase, Phases};

/// The moment by which a login must be through, token, dialling and TLS included, or the end of the proxy if that comes first.
#[derive(Debug, Clone)]
pub(crate) struct Deadline {
    at: Instant,
    /// As people know it.
    limit: Duration,
    end: CancellationToken,
    phases: Arc<Phases>,
}

impl Deadline {
    /// Starts the clock.
    pub(crate) fn after(limit: Duration) -> Self {
        Self {
            at: Instant::now() + limit,
            limit,
            end: CancellationToken::new(),
            phases: Arc::new(Phases::begin()),
        }
    }

    /// The same, or when `end` comes.
    pub(crate) fn or(self, end: &CancellationToken) -> Self {
        let end = end.clone();
        Self { end, ..self }
    }

    /// The same by this stopwatch.
    pub(crate) fn by(self, phases: &Arc<Phases>) -> Self {
        let phases = Arc::clone(phases);
        Self { phases, ..self }
    }

    /// The same, but a tenth of it earlier: time enough to tell the app.
    pub(crate) fn with_time_to_tell(self) -> Self {
        let at = self.at.checked_sub(self.limit / 10).unwrap_or(self.at);
        Self { at, ..self }
    }

    /// An equal share of what is left, of so many.
    pub(crate) fn share(&self, parts: usize) -> Self {
        if parts <= 1 {
            return self.clone();
        }
        let left = self.left();
        let share = left / u32::try_from(parts).unwrap_or(u32::MAX);
        // Told to people, who read no more than tenths.
        let tenths = share.as_millis().saturating_add(50).max(100) / 100;
        let limit = Duration::from_millis(100) * u32::try_from(tenths).unwrap_or(u32::MAX);
        Self {
            at: Instant::now() + share,
            limit,
            end: self.end.clone(),
            phases: Arc::clone(&self.phases),
        }
    }

    /// How long a step has taken that began then. One that had all of the time has taken what people know as the limit, with the tenth
    /// that is kept to tell the app.
    fn waited(&self, since: Instant) -> Duration {
        const ROUNDED: Duration = Duration::from_millis(100);
        let waited = since.elapsed();
        if waited + self.limit / 10 + ROUNDED >= self.limit {
            return self.limit;
        }
        Spelled::measured(waited).0
    }

    /// The time that is left.
    pub(crate) fn left(&self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    /// The same with a stopwatch of its own, for what is done beside something else.
    pub(crate) fn apart(&self) -> Self {
        Self {
            phases: Arc::new(Phases::begin()),
            ..self.clone()
        }
    }

    /// What the login has spent its time on so far.
    pub(crate) fn phases(&self) -> &Arc<Phases> {
        &self.phases
    }

    /// Runs one step of the login, which is for this phase.
    ///
    /// # Errors
    ///
    /// The step's own, or [`Late`], which knows what the login was `doing` when its time ran out.
    pub(crate) fn run<T, E: From<Late>>(
        &self,
        phase: Phase,
        doing: &'static str,
        step: impl Future<Output = Result<T, E>>,
    ) -> impl Future<Output = Result<T, E>> {
        // Boxed: whoever waits with a time-out holds its step several times over, and steps have steps.
        let step = tokio::time::timeout_at(self.at, Box::pin(step));
        async move {
            let _lap = self.phases.lap(phase);
            let since = Instant::now();
            match self.end.run_until_cancelled(step).await {
                Some(Ok(outcome)) => outcome,
                Some(Err(_)) => {
                    let overdue = Overdue {
                        doing,
                        limit: self.limit,
                        waited: self.waited(since),
                    };
                    Err(Late::Overdue(overdue).into())
                }
                None => Err(Late::ShuttingDown.into()),
            }
        }
    }
}

//! One clock for a whole login.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::fault::{Late, Overdue};

/// The moment by which a login must be through, token, dialling and TLS included, or the end of the proxy if that comes first.
#[derive(Debug, Clone)]
pub(crate) struct Deadline {
    at: Instant,
    /// As people know it.
    limit: Duration,
    end: CancellationToken,
}

impl Deadline {
    /// Starts the clock.
    pub(crate) fn after(limit: Duration) -> Self {
        Self {
            at: Instant::now() + limit,
            limit,
            end: CancellationToken::new(),
        }
    }

    /// The same, or when `end` comes.
    pub(crate) fn or(self, end: &CancellationToken) -> Self {
        let end = end.clone();
        Self { end, ..self }
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
        let end = self.end.clone();
        Self {
            at: Instant::now() + share,
            limit,
            end,
        }
    }

    /// The time that is left.
    pub(crate) fn left(&self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    /// Runs one step of the login.
    ///
    /// # Errors
    ///
    /// The step's own, or [`Late`], which knows what the login was `doing` when its time ran out.
    pub(crate) fn run<T, E: From<Late>>(
        &self,
        doing: &'static str,
        step: impl Future<Output = Result<T, E>>,
    ) -> impl Future<Output = Result<T, E>> {
        // Boxed: whoever waits with a time-out holds its step several times over, and steps have steps.
        let step = tokio::time::timeout_at(self.at, Box::pin(step));
        async move {
            match self.end.run_until_cancelled(step).await {
                Some(Ok(outcome)) => outcome,
                Some(Err(_)) => {
                    let limit = self.limit;
                    Err(Late::Overdue(Overdue { doing, limit }).into())
                }
                None => Err(Late::ShuttingDown.into()),
            }
        }
    }
}

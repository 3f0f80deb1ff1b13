//! One clock for a whole login.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

use crate::fault::Overdue;

/// The moment by which a login must be through, token, dialling and TLS included.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    at: Instant,
    limit: Duration,
}

impl Deadline {
    /// Starts the clock.
    pub(crate) fn after(limit: Duration) -> Self {
        Self {
            at: Instant::now() + limit,
            limit,
        }
    }

    /// An equal share of what is left, of so many.
    pub(crate) fn share(&self, parts: usize) -> Self {
        if parts <= 1 {
            return *self;
        }
        let left = self.left();
        let share = left / u32::try_from(parts).unwrap_or(u32::MAX);
        // Told to people: nobody reads nanoseconds.
        Self::after(share - Duration::from_nanos(u64::from(share.subsec_nanos() % 1_000_000)))
    }

    /// The time that is left.
    pub(crate) fn left(&self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    /// Runs one step of the login.
    ///
    /// # Errors
    ///
    /// The step's own, or [`Overdue`] naming what the login was `doing` when its time ran out.
    pub(crate) async fn run<T, E: From<Overdue>>(
        &self,
        doing: &'static str,
        step: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let limit = self.limit;
        match tokio::time::timeout_at(self.at, step).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Overdue { doing, limit }.into()),
        }
    }
}

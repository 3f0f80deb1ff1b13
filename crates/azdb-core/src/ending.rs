//! What sessions, doors and the server share: where sessions run, and how everything comes to an end together.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::workers::{Seat, Workers};

/// The steps of the end: the word, no new apps, perhaps goodbye to those at rest, then goodbye.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ending {
    /// Where sessions run.
    pub(crate) workers: Workers,
    /// Somebody has asked for the end: apps are still served, and nobody new should be sent here.
    pub(crate) stopping: CancellationToken,
    /// No new session may begin.
    pub(crate) closing: CancellationToken,
    /// Sessions are to say goodbye as soon as they are idle.
    pub(crate) rest: CancellationToken,
    /// Sessions that still run are to say goodbye.
    pub(crate) goodbye: CancellationToken,
    /// Doors are to shut.
    pub(crate) shut: CancellationToken,
    pub(crate) doors: TaskTracker,
    pub(crate) tasks: TaskTracker,
    /// Connections that have come since no new session may begin: they are told so, and nothing waits for them.
    pub(crate) late: TaskTracker,
    /// Somebody has asked over HTTP for the end.
    pub(crate) quit: CancellationToken,
    admitted: Arc<AtomicUsize>,
    begun: Arc<AtomicU64>,
    /// Counts connections, so that the lines of one can be found in a log.
    numbers: Arc<AtomicU64>,
}

impl Ending {
    /// Sessions that have been let in and have not ended.
    pub(crate) fn sessions(&self) -> usize {
        self.admitted.load(Ordering::Relaxed)
    }

    /// Sessions that have ever been let in.
    pub(crate) fn begun(&self) -> u64 {
        self.begun.load(Ordering::Relaxed)
    }

    /// The number of the next connection.
    pub(crate) fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// Counts a session for as long as what is returned lives.
    pub(crate) fn admit(&self) -> Admitted<'_> {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.admitted.fetch_add(1, Ordering::Relaxed);
        Admitted(&self.admitted)
    }

    /// Shuts the doors, and has whoever is still there say goodbye within `limit`.
    pub(crate) async fn say_goodbye(&self, limit: Duration) {
        self.shut.cancel();
        self.doors.close();
        self.doors.wait().await;
        self.goodbye.cancel();
        self.late.close();
        let last = async {
            self.tasks.wait().await;
            self.late.wait().await;
        };
        let _ = tokio::time::timeout(limit, last).await;
    }

    /// Of a process that has such workers.
    pub(crate) fn of(workers: Workers) -> Self {
        Self {
            workers,
            ..Self::default()
        }
    }

    /// Runs a connection as a task of its own: a panic in it ends it and nothing else.
    pub(crate) fn spawn(&self, connection: impl Future<Output = ()> + Send + 'static) {
        self.spawn_at(Seat::here(), |_| connection);
    }

    /// The same at a seat.
    pub(crate) fn spawn_at<F>(&self, seat: Seat, connection: impl FnOnce(Seat) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let tracker = match self.closing.is_cancelled() {
            true => &self.late,
            false => &self.tasks,
        };
        seat.spawn(tracker, connection);
    }
}

/// One in the count of sessions.
pub(crate) struct Admitted<'a>(&'a AtomicUsize);

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

//! What a route has done: written by sessions, read by whoever asks.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use azdb_identity::Clock;
use azdb_quote::Chain;

use crate::fault::{Explained, Kind};

/// Counts of one route since the start of the process, and what went wrong last. Each stands for itself; a snapshot of several
/// may be torn.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Connections that were taken in, probes and cancel requests included.
    pub(crate) accepted: Count,
    /// Sessions that began.
    pub(crate) sessions: Count,
    /// Sessions that have ended.
    pub(crate) ended: Count,
    /// Logins that were refused, by us or by the upstream.
    pub(crate) refused: Count,
    /// Bytes that upstreams took.
    pub(crate) from_app: Count,
    /// Bytes that apps took.
    pub(crate) from_upstream: Count,
    last_refusal: Mutex<Option<Refusal>>,
}

/// A login that was refused.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// Whose business it is.
    pub kind: Kind,
    /// What happened, in one line.
    pub cause: String,
    /// What to do.
    pub remedy: String,
    /// When.
    pub at: SystemTime,
}

impl Ledger {
    /// Sessions that are there now.
    pub(crate) fn open(&self) -> u64 {
        // `ended` first: read the other way round, a session could end in between and count as minus one.
        let ended = self.ended.read();
        self.sessions.read().saturating_sub(ended)
    }

    /// Counts a refused login, and keeps why for whoever asks.
    pub(crate) fn refuse(&self, fault: &impl Explained) {
        self.refused.add(1);
        let refusal = Refusal {
            kind: fault.kind(),
            cause: Chain(fault).to_string(),
            remedy: fault.remedy().into_owned(),
            at: Clock::system().now(),
        };
        *self.lock() = Some(refusal);
    }

    /// The login that was refused last.
    pub(crate) fn last_refusal(&self) -> Option<Refusal> {
        self.lock().clone()
    }

    /// A refusal stays a refusal when a thread panics beside it.
    fn lock(&self) -> MutexGuard<'_, Option<Refusal>> {
        self.last_refusal
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A count that only grows.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Relaxed);
    }

    pub(crate) fn read(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

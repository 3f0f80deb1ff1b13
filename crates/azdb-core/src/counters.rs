//! What a route has done: written by sessions, read by whoever asks.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts of one route since the start of the process. Each stands for itself; a snapshot of several may be torn.
#[derive(Debug, Default)]
pub(crate) struct Counters {
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
}

impl Counters {
    /// Sessions that are there now.
    pub(crate) fn open(&self) -> u64 {
        // `ended` first: read the other way round, a session could end in between and count as minus one.
        let ended = self.ended.read();
        self.sessions.read().saturating_sub(ended)
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

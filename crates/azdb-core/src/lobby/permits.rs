//! The places among a route's sessions. How many there may be can change while they are taken.
//!
//! # Invariants
//!
//! * Fewer places than are taken cut nobody: nobody is let in until enough have left.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The places of a route. Each count stands for itself: nothing else is handed over by them.
#[derive(Debug)]
pub(crate) struct Permits {
    taken: AtomicUsize,
    limit: AtomicUsize,
}

impl Permits {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        let (taken, limit) = (AtomicUsize::new(0), AtomicUsize::new(limit));
        Arc::new(Self { taken, limit })
    }

    /// Whether nobody is let in now.
    pub(super) fn are_gone(&self) -> bool {
        self.taken.load(Relaxed) >= self.limit()
    }

    /// How many there are.
    pub(super) fn limit(&self) -> usize {
        self.limit.load(Relaxed)
    }

    /// From now on there are so many.
    pub(super) fn set_limit(&self, limit: usize) {
        self.limit.store(limit, Relaxed);
    }

    /// One of them, if one is left.
    pub(super) fn take(self: &Arc<Self>) -> Option<Permit> {
        let limit = self.limit();
        let one_more = |taken| (taken < limit).then_some(taken + 1);
        let taken = self.taken.fetch_update(Relaxed, Relaxed, one_more);
        taken.is_ok().then(|| Permit(Arc::clone(self)))
    }
}

/// A place among a route's sessions, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Permit(Arc<Permits>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Relaxed);
    }
}

//! Sessions that nobody has yet, because they are being made or reset. Each has a place among the route's, which is an app's when there
//! is no other.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use super::Permit;

/// The places of all that are made, or of all that are reset.
#[derive(Default)]
pub(super) struct Underway {
    places: Mutex<BTreeMap<u64, (Permit, CancellationToken)>>,
    next: AtomicU64,
}

/// One that has its place, unless an app has taken it.
pub(super) struct Holder<'a> {
    underway: &'a Underway,
    number: u64,
    /// Set when its place has become an app's.
    pub(super) stop: CancellationToken,
}

impl Underway {
    pub(super) fn hold(&self, place: Permit) -> Holder<'_> {
        let (number, stop) = (self.next.fetch_add(1, Relaxed), CancellationToken::new());
        self.lock().insert(number, (place, stop.clone()));
        Holder {
            underway: self,
            number,
            stop,
        }
    }

    /// The place of the one that has begun last.
    pub(super) fn give_way(&self) -> Option<Permit> {
        let (_, (place, stop)) = self.lock().pop_last()?;
        stop.cancel();
        Some(place)
    }

    pub(super) fn are_none(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, (Permit, CancellationToken)>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Holder<'_> {
    /// Its place, if it has one still.
    pub(super) fn place(&self) -> Option<Permit> {
        let place = self.underway.lock().remove(&self.number);
        place.map(|(place, _)| place)
    }
}

impl Drop for Holder<'_> {
    fn drop(&mut self) {
        drop(self.place());
    }
}

//! The sessions of a route that wait for an app.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::key::Key;
use super::seat::{Seat, Waits};

/// How a session came to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nobody has used it.
    Ready,
    /// An app has left it, and it was reset.
    Reused,
}

impl Kind {
    pub(crate) const ALL: [Self; 2] = [Self::Ready, Self::Reused];

    /// In metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Reused => "reused",
        }
    }
}

/// Sessions that wait, the oldest first.
pub(crate) struct Stock<T> {
    occupied: Mutex<Vec<Occupied<T>>>,
}

struct Occupied<T> {
    key: Arc<Key>,
    kind: Kind,
    /// Since when an app may have it; `None` while it greets one that may be another.
    from: Option<Instant>,
    seat: Seat<T>,
}

impl<T> Occupied<T> {
    fn is_free(&self) -> bool {
        self.from.is_some_and(|from| from <= Instant::now())
    }
}

impl<T> Default for Stock<T> {
    fn default() -> Self {
        Self {
            occupied: Mutex::default(),
        }
    }
}

impl<T: Waits> Stock<T> {
    /// Has this wait, and returns where: for an app that comes at `from` or later, though it gives way before. Whoever puts it here
    /// watches it.
    ///
    /// # Errors
    ///
    /// It comes back where there are `most` of its kind.
    pub(crate) fn put(
        &self,
        key: &Arc<Key>,
        kind: Kind,
        most: usize,
        from: Instant,
        thing: T,
    ) -> Result<Seat<T>, T> {
        let mut occupied = self.lock();
        if occupied.iter().filter(|one| one.kind == kind).count() >= most {
            return Err(thing);
        }
        let seat = Seat::of(thing);
        occupied.push(Occupied {
            key: Arc::clone(key),
            kind,
            from: Some(from),
            seat: seat.clone(),
        });
        Ok(seat)
    }

    /// One whose login is `wanted`: the one that was put here last, and before those that nobody has used one that somebody has.
    pub(crate) fn take(&self, wanted: impl Fn(&Key) -> bool) -> Option<(Arc<Key>, Kind, T)> {
        for kind in [Kind::Reused, Kind::Ready] {
            while let Some(Occupied { key, seat, .. }) = self.remove_last(kind, &wanted) {
                if let Some(thing) = seat.take() {
                    return Some((key, kind, thing));
                }
            }
        }
        None
    }

    fn remove_last(&self, kind: Kind, wanted: impl Fn(&Key) -> bool) -> Option<Occupied<T>> {
        let mut occupied = self.lock();
        let mut all = occupied.iter();
        let at = all.rposition(|one| one.kind == kind && one.is_free() && wanted(&one.key))?;
        Some(occupied.remove(at))
    }

    /// The same, which stays here: it greets an app, and is nobody else's until it is [taken back](Self::take_back).
    pub(crate) fn lend(&self, wanted: impl Fn(&Key) -> bool) -> Option<(Kind, Seat<T>)> {
        let mut occupied = self.lock();
        for kind in [Kind::Reused, Kind::Ready] {
            let mut all = occupied.iter_mut().rev();
            let one = all.find(|one| one.kind == kind && one.is_free() && wanted(&one.key));
            if let Some(one) = one {
                one.from = None;
                return Some((kind, one.seat.clone()));
            }
        }
        None
    }

    /// The app that it has greeted has come to nothing: it waits for others again.
    pub(crate) fn take_back(&self, seat: &Seat<T>) {
        let mut occupied = self.lock();
        if let Some(one) = occupied.iter_mut().find(|one| one.seat.is(seat)) {
            one.from = Some(Instant::now());
        }
    }

    /// The app that it has greeted has it, if it did not go meanwhile.
    pub(crate) fn claim(&self, seat: &Seat<T>) -> Option<T> {
        self.forget(seat);
        seat.take()
    }

    /// The one that goes first where there is no place for an app: the oldest that nobody has used. Last goes one that greets an app.
    pub(crate) fn give_way(&self) -> Option<T> {
        loop {
            let mut occupied = self.lock();
            let find = |kind| {
                let mut all = occupied.iter();
                all.position(|one| one.from.is_some() && one.kind == kind)
            };
            let first = find(Kind::Ready).or_else(|| find(Kind::Reused));
            if occupied.is_empty() {
                return None;
            }
            let Occupied { seat, .. } = occupied.remove(first.unwrap_or_default());
            drop(occupied);
            if let Some(thing) = seat.take() {
                return Some(thing);
            }
        }
    }

    /// All whose login is `unwanted`. They are nobody's any more.
    pub(crate) fn clear(&self, unwanted: impl Fn(Kind, &Key) -> bool) -> Vec<T> {
        let mut gone = Vec::new();
        self.lock().retain(|one| {
            let goes = unwanted(one.kind, &one.key);
            if goes {
                gone.push(one.seat.clone());
            }
            !goes
        });
        gone.iter().filter_map(Seat::take).collect()
    }

    /// Forgets a place from which whoever watched it has taken what was there.
    pub(crate) fn forget(&self, seat: &Seat<T>) {
        self.lock().retain(|one| !one.seat.is(seat));
    }

    /// How many wait with such a login.
    pub(crate) fn count(&self, wanted: impl Fn(Kind, &Key) -> bool) -> usize {
        let occupied = self.lock();
        let wanted = occupied.iter().filter(|one| wanted(one.kind, &one.key));
        wanted.count()
    }

    /// Has a look at the logins of those that wait.
    pub(super) fn keys(&self) -> Vec<Arc<Key>> {
        let occupied = self.lock();
        occupied.iter().map(|one| Arc::clone(&one.key)).collect()
    }

    /// A list stays a list when a thread panics beside it.
    fn lock(&self) -> MutexGuard<'_, Vec<Occupied<T>>> {
        self.occupied.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use std::task::{Context, Poll};

    use super::*;

    #[derive(Debug)]
    struct Number(u8);

    impl Waits for Number {
        fn poll_stirs(&mut self, _: &mut Context<'_>) -> Poll<()> {
            Poll::Pending
        }
    }

    fn key(name: &str) -> Arc<Key> {
        Arc::new(Key::default().with("name", name))
    }

    fn of(all: &[(&str, Kind, u8)]) -> Stock<Number> {
        let stock = Stock::default();
        for (name, kind, number) in all {
            assert!(
                stock
                    .put(&key(name), *kind, 9, Instant::now(), Number(*number))
                    .is_ok()
            );
        }
        stock
    }

    fn take(stock: &Stock<Number>, name: &str) -> Option<u8> {
        let taken = stock.take(|other| *other == *key(name));
        taken.map(|(_, _, number)| number.0)
    }

    #[test]
    fn an_app_gets_one_of_its_own_login_the_used_and_the_newest_first() {
        use Kind::{Ready, Reused};
        let stock = of(&[
            ("a", Reused, 1),
            ("a", Ready, 2),
            ("a", Reused, 3),
            ("b", Reused, 4),
        ]);
        for expected in [Some(3), Some(1), Some(2), None] {
            assert_eq!(take(&stock, "a"), expected);
        }
        assert_eq!(take(&stock, "c"), None);
        assert_eq!(take(&stock, "b"), Some(4));
    }

    #[test]
    fn no_more_wait_than_may() {
        let stock = of(&[("a", Kind::Ready, 1), ("b", Kind::Reused, 2)]);
        assert!(
            stock
                .put(&key("b"), Kind::Reused, 1, Instant::now(), Number(3))
                .is_err()
        );
        assert!(
            stock
                .put(&key("b"), Kind::Reused, 2, Instant::now(), Number(3))
                .is_ok()
        );
        assert_eq!(stock.count(|kind, _| kind == Kind::Reused), 2);
    }

    #[test]
    fn those_that_nobody_has_used_give_way_first_and_the_oldest_of_them() {
        use Kind::{Ready, Reused};
        let stock = of(&[("a", Reused, 1), ("a", Ready, 2), ("b", Ready, 3)]);
        let order: Vec<u8> = std::iter::from_fn(|| stock.give_way())
            .map(|one| one.0)
            .collect();
        assert_eq!(order, [2, 3, 1]);
    }

    #[test]
    fn one_whose_watch_has_ended_is_passed_by() {
        let stock = of(&[("a", Kind::Ready, 1)]);
        let seat = stock
            .put(&key("a"), Kind::Ready, 9, Instant::now(), Number(2))
            .unwrap();
        assert_eq!(seat.take().unwrap().0, 2);
        assert_eq!(take(&stock, "a"), Some(1));
        stock.forget(&seat);
        assert_eq!(stock.count(|_, _| true), 0);
    }

    #[test]
    fn one_that_greets_or_whose_time_has_not_come_is_no_other_apps_but_gives_way() {
        let stock = of(&[("a", Kind::Ready, 1), ("a", Kind::Ready, 2)]);
        let later = Instant::now() + std::time::Duration::from_secs(60);
        let put = stock.put(&key("b"), Kind::Reused, 9, later, Number(3));
        assert!(put.is_ok());
        let (_, seat) = stock.lend(|other| *other == *key("a")).unwrap();
        assert_eq!((take(&stock, "a"), take(&stock, "a")), (Some(1), None));
        stock.take_back(&seat);
        let (_, again) = stock.lend(|other| *other == *key("a")).unwrap();
        assert!(stock.lend(|_| true).is_none());
        assert_eq!(stock.give_way().unwrap().0, 3, "nobody reads its greeting");
        assert_eq!(stock.give_way().unwrap().0, 2);
        assert!(stock.claim(&again).is_none());
    }
}

//! What is learned from logins: which of them come again, and whether sessions are worth making ahead of them.
//!
//! ```text
//!   a login --> twice within 60 s --> a pattern --> made ahead, up to ready_sessions
//!                                        |              |
//!                            newest 4 win               '-- 20 logins, fewer than 5 hits: no more
//! ```

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::key::Key;
use super::tally::{Found, Tally};

/// A login that comes again so soon is a pattern.
const AGAIN: Duration = Duration::from_secs(60);
/// So many patterns at most.
const MOST: usize = 4;
/// Logins that are remembered for the case that they come again.
const RECENT: usize = 16;
/// The first and the longest pause after a login of ours that failed.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// A login that comes again, and what it takes to say it.
pub(crate) struct Pattern<Q> {
    pub(crate) key: Arc<Key>,
    pub(crate) says: Arc<Q>,
}

impl<Q> Clone for Pattern<Q> {
    fn clone(&self) -> Self {
        Self {
            key: Arc::clone(&self.key),
            says: Arc::clone(&self.says),
        }
    }
}

/// What a route has learned.
pub(crate) struct Patterns<Q> {
    recent: VecDeque<(Arc<Key>, Instant)>,
    /// The newest at the end.
    known: Vec<Pattern<Q>>,
    /// Those that are being made.
    making: Vec<Arc<Key>>,
    /// Nothing is made before.
    rests_until: Option<Instant>,
    pause: Duration,
    pub(crate) tally: Tally,
    /// Whether it has been told that nothing is made.
    told: bool,
}

impl<Q> Default for Patterns<Q> {
    fn default() -> Self {
        Self {
            recent: VecDeque::new(),
            known: Vec::new(),
            making: Vec::new(),
            rests_until: None,
            pause: PAUSES.0,
            tally: Tally::default(),
            told: false,
        }
    }
}

impl<Q> Patterns<Q> {
    /// Remembers a login that was granted. Returns the login whose pattern had to go for that of this one.
    pub(crate) fn learn(&mut self, key: &Arc<Key>, says: impl FnOnce() -> Q) -> Option<Arc<Key>> {
        let now = Instant::now();
        let seen = self.seen(key, now);
        let known = self.known.iter().position(|pattern| pattern.key == *key);
        if known.is_none() && !seen {
            return None;
        }
        if let Some(at) = known {
            self.known.remove(at);
        }
        self.known.push(Pattern {
            key: Arc::clone(key),
            says: Arc::new(says()),
        });
        (self.known.len() > MOST).then(|| self.known.remove(0).key)
    }

    /// Whether there was such a login a while ago. From now on there was.
    fn seen(&mut self, key: &Arc<Key>, now: Instant) -> bool {
        self.recent
            .retain(|(_, at)| now.saturating_duration_since(*at) <= AGAIN);
        let before = self.recent.len();
        self.recent.retain(|(other, _)| other != key);
        let seen = self.recent.len() < before;
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back((Arc::clone(key), now));
        seen
    }

    /// Such a login has come once more, and has found a session.
    pub(crate) fn comes_again(&mut self, key: &Key) {
        if let Some(at) = self.known.iter().position(|pattern| *pattern.key == *key) {
            let pattern = self.known.remove(at);
            self.known.push(pattern);
        }
    }

    /// Why nothing is made any more, where that is so and has not been told.
    pub(crate) fn stops(&mut self) -> Option<Found> {
        let was_told = std::mem::replace(&mut self.told, self.tally.is_in_vain());
        let reasons = (self.told && !was_told).then(|| self.tally.reasons());
        reasons?.into_iter().next().map(|(reason, _)| reason)
    }

    /// Why a login has found no session: the difference to the login that is most like it.
    pub(crate) fn missed(&self, key: &Key, waiting: &[Arc<Key>]) -> Found {
        let patterns = self.known.iter().map(|pattern| &pattern.key);
        let recent = self.recent.iter().rev().map(|(key, _)| key);
        let others = patterns.rev().chain(waiting.iter().rev()).chain(recent);
        let mut nearest = None;
        for other in others {
            match key.differs_from(other) {
                None => return Found::NoneLeft,
                Some(difference) => {
                    let closer = |nearest: &super::Difference| difference.count < nearest.count;
                    if nearest.as_ref().is_none_or(closer) {
                        nearest = Some(difference);
                    }
                }
            }
        }
        nearest.map_or(Found::First, |difference| Found::Differs(difference.first))
    }

    /// What is to be made next, of which so many wait; `most` of all of them together. It is being made from now on.
    pub(crate) fn next(
        &mut self,
        most: usize,
        waiting: impl Fn(&Key) -> usize,
    ) -> Option<Pattern<Q>> {
        let now = Instant::now();
        if self.rests_until.is_some_and(|until| until > now) || self.tally.is_in_vain() {
            return None;
        }
        let made = |key: &Arc<Key>| {
            let making = self.making.iter().filter(|other| *other == key);
            waiting(key) + making.count()
        };
        let patterns = self
            .known
            .iter()
            .rev()
            .map(|pattern| (made(&pattern.key), pattern));
        let patterns: Vec<_> = patterns.collect();
        let there: usize = patterns.iter().map(|(count, _)| count).sum();
        if there >= most {
            return None;
        }
        // The newest of those of which there are fewest.
        let (_, pattern) = patterns.into_iter().min_by_key(|(count, _)| *count)?;
        let pattern = pattern.clone();
        self.making.push(Arc::clone(&pattern.key));
        Some(pattern)
    }

    /// It is not made: none of the route's places is free. That is no failure, and the next login asks for it again.
    pub(crate) fn not_begun(&mut self, key: &Key) {
        if let Some(at) = self.making.iter().position(|other| **other == *key) {
            self.making.swap_remove(at);
        }
    }

    /// It has been made, or could not be.
    pub(crate) fn made(&mut self, key: &Key, is_there: bool) {
        self.not_begun(key);
        if is_there {
            (self.rests_until, self.pause) = (None, PAUSES.0);
        } else {
            self.rests_until = Some(Instant::now() + self.pause);
            self.pause = (self.pause * 2).min(PAUSES.1);
        }
    }

    /// Makes nothing for a while: there is no place for it.
    pub(crate) fn rest(&mut self) {
        self.rests_until = Some(Instant::now() + PAUSES.1);
    }

    /// Whether such a login is still one that is made ahead.
    pub(crate) fn knows(&self, key: &Key) -> bool {
        self.known.iter().any(|pattern| *pattern.key == *key)
    }

    /// Begins anew. What is being made is not counted any more when it is there.
    pub(super) fn forget(&mut self) {
        (self.recent, self.known) = (VecDeque::new(), Vec::new());
        self.rests_until = None;
        self.tally = Tally::default();
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    fn key(name: &str) -> Arc<Key> {
        Arc::new(Key::default().with("caller", "1").with("name", name))
    }

    fn next(patterns: &mut Patterns<()>, most: usize, waiting: usize) -> Option<Arc<Key>> {
        let next = patterns.next(most, |_| waiting);
        next.map(|pattern| pattern.key)
    }

    #[tokio::test(start_paused = true)]
    async fn a_login_that_comes_twice_within_a_minute_is_a_pattern() {
        let mut patterns = Patterns::default();
        patterns.learn(&key("a"), || ());
        assert!(next(&mut patterns, 1, 0).is_none());
        tokio::time::sleep(AGAIN + Duration::from_secs(1)).await;
        patterns.learn(&key("a"), || ());
        assert!(next(&mut patterns, 1, 0).is_none(), "too late");
        tokio::time::sleep(AGAIN).await;
        patterns.learn(&key("a"), || ());
        assert!(next(&mut patterns, 1, 0).is_some());
        assert!(next(&mut patterns, 1, 0).is_none(), "it is being made");
        patterns.made(&key("a"), true);
        assert!(next(&mut patterns, 1, 1).is_none(), "it is there");
        assert!(next(&mut patterns, 1, 0).is_some(), "it has been taken");
    }

    #[tokio::test(start_paused = true)]
    async fn the_newest_four_win_and_share_alike() {
        let mut patterns = Patterns::default();
        let mut learn = |name: &str| {
            patterns.learn(&key(name), || ());
            patterns.learn(&key(name), || ())
        };
        for name in ["a", "b", "c", "d"] {
            assert!(learn(name).is_none());
        }
        learn("a");
        assert!(
            learn("e").unwrap() == key("b"),
            "the one that came longest ago"
        );
        assert!(!patterns.knows(&key("b")) && patterns.knows(&key("a")));
        for name in ["e", "a", "d", "c", "e", "a"] {
            assert!(next(&mut patterns, 6, 0).unwrap() == key(name), "{name}");
        }
        assert!(next(&mut patterns, 6, 0).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn what_fails_is_tried_again_after_pauses_that_grow() {
        let mut patterns = Patterns::default();
        patterns.learn(&key("a"), || ());
        patterns.learn(&key("a"), || ());
        for seconds in [1, 2, 4, 8, 16, 30, 30] {
            assert!(next(&mut patterns, 1, 0).is_some());
            patterns.made(&key("a"), false);
            tokio::time::sleep(Duration::from_secs(seconds) - Duration::from_millis(1)).await;
            assert!(next(&mut patterns, 1, 0).is_none());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(next(&mut patterns, 1, 0).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_login_that_finds_nothing_is_told_what_makes_it_another() {
        let mut patterns = Patterns::default();
        assert_eq!(patterns.missed(&key("a"), &[]), Found::First);
        patterns.learn(&key("a"), || ());
        assert_eq!(patterns.missed(&key("a"), &[]), Found::NoneLeft);
        assert_eq!(
            patterns.missed(&key("b"), &[]),
            Found::Differs((*b"name").into())
        );
        let other = Key::default().with("caller", "2").with("name", "b");
        let expected = Found::Differs((*b"caller").into());
        assert_eq!(patterns.missed(&key("b"), &[Arc::new(other)]), expected);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_made_when_few_take_it() {
        let mut patterns = Patterns::default();
        patterns.learn(&key("a"), || ());
        patterns.learn(&key("a"), || ());
        for _ in 0..super::super::tally::LAST {
            patterns.tally.note(Found::Differs((*b"name").into()));
        }
        assert!(next(&mut patterns, 1, 0).is_none());
    }
}

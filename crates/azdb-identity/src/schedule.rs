//! When to ask for the next token. Pure: spans in, spans out.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use crate::TokenError;
use crate::fault::Fault;

/// No token is handed out with less life than this: it must last through the login it is for.
pub(crate) const FLOOR: Duration = Duration::from_secs(60);
/// A fault that will not go away by itself is tried again at most this often.
pub(crate) const PERMANENT_FLOOR: Duration = Duration::from_secs(30);
/// A database's word that a token is stale causes at most one fetch in this time.
pub(crate) const FORCED_FLOOR: Duration = Duration::from_secs(30);

/// A permanent fault while nobody waits.
const PERMANENT_IDLE: Duration = Duration::from_secs(5 * 60);
/// The least time between two fetches that both went well.
const LEAST_REFRESH: Duration = Duration::from_secs(30);
/// The longest wait that an endpoint can impose.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(10 * 60);
/// The longest time between retries while no token is left.
const EMPTY_HANDED: Duration = Duration::from_secs(30);
/// The longest time between retries while a token is left.
const PROVIDED: Duration = Duration::from_secs(5 * 60);
/// An endpoint that is being upgraded says 410 and is back within 70 seconds.
const UPGRADING: Duration = Duration::from_secs(10);

/// How long to wait with the next fetch after a good one: what the source said, else half of a life above two hours,
/// else five minutes before the end (half of what is left, if that is longer).
pub(crate) fn refresh(
    lifetime: Duration,
    refresh_in: Option<Duration>,
    jitter: &mut Jitter,
) -> Duration {
    let half = lifetime / 2;
    let ahead = Duration::from_secs(5 * 60);
    let planned = match refresh_in {
        Some(wanted) if wanted < lifetime => wanted,
        _ if lifetime > Duration::from_secs(2 * 3600) => half,
        _ => lifetime.saturating_sub(ahead).max(half),
    };
    let spread = (planned / 10).min(ahead);
    planned
        .saturating_sub(jitter.up_to(spread))
        .max(LEAST_REFRESH)
}

/// How long to wait after the `failures`th fault in a row. `left` is how long the token in hand can still be used.
pub(crate) fn retry(
    failures: u32,
    error: &TokenError,
    left: Option<Duration>,
    jitter: &mut Jitter,
) -> Duration {
    if !error.is_transient() {
        return PERMANENT_IDLE + jitter.up_to(PERMANENT_IDLE / 10);
    }
    let longest = match (error.fault(), left) {
        (Fault::Answered(answer), _) if answer.status == 410 => UPGRADING,
        (_, Some(left)) => (left / 10).clamp(EMPTY_HANDED, PROVIDED),
        (_, None) => EMPTY_HANDED,
    };
    let doubled = Duration::from_secs(1 << failures.saturating_sub(1).min(10));
    let planned = doubled.min(longest);
    let asked = error
        .retry_after()
        .unwrap_or_default()
        .min(LONGEST_RETRY_AFTER);
    // Only ever later, so that "at least" stays true.
    planned.max(asked) + jitter.up_to(planned / 4)
}

/// Spreads what many machines do, so that they do not do it at once. Not for secrets.
#[derive(Debug)]
pub(crate) struct Jitter(u64);

impl Jitter {
    pub(crate) fn random() -> Self {
        Self(RandomState::new().hash_one("jitter"))
    }

    #[cfg(test)]
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// A span between nothing and `most` (splitmix64).
    pub(crate) fn up_to(&mut self, most: Duration) -> Duration {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        most.mul_f64(
            f64::from(u32::try_from(mixed >> 32).unwrap_or_default()) / f64::from(u32::MAX),
        )
    }
}

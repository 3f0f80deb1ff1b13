//! Wrong passwords, and how much longer their origin waits for each next look.
//!
//! # Invariants
//!
//! * Nobody waits who comes from elsewhere.
//! * Nobody waits for longer than [`PATIENCE`].
//! * At most [`MOST`] origins are remembered, those that failed last.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::anteroom::Origin;
use crate::fault::Cause;
use crate::socket::Peer;

/// Wrong passwords that cost nothing: people mistype, and pools begin with several connections at a time.
const FREE: u32 = 5;
/// What the first one costs that is not free; each next one twice as much, up to [`DEAREST`].
const CHEAPEST: Duration = Duration::from_millis(25);
const DEAREST: Duration = Duration::from_millis(500);
/// Nobody waits longer: drivers give up after 10 s, and a login takes its time, too.
const PATIENCE: Duration = Duration::from_secs(4);
/// So long after the last wrong password an origin is like any other.
const FORGOTTEN: Duration = Duration::from_secs(60);
/// Origins that are remembered.
const MOST: usize = 1024;

/// The wrong passwords of a route.
#[derive(Default)]
pub(crate) struct Throttle {
    origins: Mutex<HashMap<Origin, Wrong>>,
}

/// What came from one origin.
struct Wrong {
    count: u32,
    last: Instant,
    /// Before this nothing more is looked at.
    next: Instant,
}

impl Throttle {
    /// Waits for the turn of `peer`.
    ///
    /// # Errors
    ///
    /// [`Cause::TooManyWrong`], at once.
    pub(crate) async fn turn(&self, peer: Peer) -> Result<(), Cause> {
        if let Some(at) = self.reserve(peer)? {
            tokio::time::sleep_until(at).await;
        }
        Ok(())
    }

    pub(super) fn reserve(&self, peer: Peer) -> Result<Option<Instant>, Cause> {
        let (origin, now) = (origin(peer), Instant::now());
        let mut origins = self.lock();
        let Some(wrong) = origins.get_mut(&origin) else {
            return Ok(None);
        };
        if now.saturating_duration_since(wrong.last) >= FORGOTTEN {
            origins.remove(&origin);
            return Ok(None);
        }
        let Some(price) = price(wrong.count) else {
            return Ok(None);
        };
        let at = wrong.next.max(now);
        if at.saturating_duration_since(now) > PATIENCE {
            return Err(Cause::TooManyWrong {
                origin: origin.to_string(),
            });
        }
        wrong.next = at + price;
        Ok(Some(at))
    }

    /// What came from `peer` was wrong.
    pub(crate) fn wrong(&self, peer: Peer) {
        let (origin, now) = (origin(peer), Instant::now());
        let mut origins = self.lock();
        if !origins.contains_key(&origin) && origins.len() >= MOST {
            let oldest = origins.iter().min_by_key(|(_, wrong)| wrong.last);
            if let Some(oldest) = oldest.map(|(origin, _)| *origin) {
                origins.remove(&oldest);
            }
        }
        let wrong = origins.entry(origin).or_insert(Wrong {
            count: 0,
            last: now,
            next: now,
        });
        wrong.count = wrong.count.saturating_add(1);
        wrong.last = now;
        if let Some(price) = price(wrong.count) {
            wrong.next = wrong.next.max(now + price);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Origin, Wrong>> {
        self.origins.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.lock().len()
    }
}

/// A user of this machine, where the kernel knows it; else all of loopback, of which whoever is here has as many addresses as it likes.
fn origin(peer: Peer) -> Origin {
    if let Peer::Local(_, uid) = peer {
        return Origin::of(Peer::Unix(uid));
    }
    match Origin::of(peer) {
        Origin::Machine(address) if address.is_loopback() => {
            Origin::Machine(IpAddr::V4(Ipv4Addr::LOCALHOST))
        }
        origin => origin,
    }
}

/// How long an origin waits for a look after so many wrong passwords.
fn price(count: u32) -> Option<Duration> {
    let dear = count.checked_sub(FREE)?;
    let factor = 1_u32.checked_shl(dear).unwrap_or(u32::MAX);
    Some(CHEAPEST.saturating_mul(factor).min(DEAREST))
}

//! The address that answered after another one had not: tried first for a while.
//!
//! Where everybody answers nothing is kept, so that a name with several addresses spreads its sessions as it likes.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use azdb_config::route::Endpoint;
use tokio::time::Instant;

use super::Dialled;

/// How long it is tried first. Then one login finds out whether the others are back, while the rest still go here.
const KEPT: Duration = Duration::from_secs(60);

/// Where a route goes while its first upstream does not answer.
#[derive(Debug, Default)]
pub(crate) struct Refuge(Mutex<Option<Kept>>);

#[derive(Debug)]
struct Kept {
    upstream: Endpoint,
    addr: SocketAddr,
    until: Instant,
}

impl Refuge {
    /// Where to begin, if not where the configuration does.
    pub(super) fn now(&self) -> Option<(Endpoint, SocketAddr)> {
        let mut kept = self.lock();
        let kept = kept.as_mut()?;
        if kept.until <= Instant::now() {
            kept.until = Instant::now() + KEPT;
            return None;
        }
        Some((kept.upstream.clone(), kept.addr))
    }

    /// Whether a search would begin there, as far as it is known now.
    pub(crate) fn begins_at(&self, dialled: &Dialled, first: Option<&Endpoint>) -> bool {
        match &*self.lock() {
            Some(kept) => kept.upstream == dialled.upstream && kept.addr == dialled.addr,
            None => first == Some(&dialled.upstream),
        }
    }

    /// Forgets it.
    pub(crate) fn leave(&self) {
        *self.lock() = None;
    }

    /// Remembers who answered, and whether as the first who was asked.
    pub(crate) fn found(&self, dialled: &Dialled, at_once: bool) {
        let mut kept = self.lock();
        let is_kept = |kept: &Kept| kept.upstream == dialled.upstream && kept.addr == dialled.addr;
        match (&*kept, at_once) {
            (Some(there), true) if is_kept(there) => {}
            (_, true) => *kept = None,
            (_, false) => {
                *kept = Some(Kept {
                    upstream: dialled.upstream.clone(),
                    addr: dialled.addr,
                    until: Instant::now() + KEPT,
                });
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    fn dialled(host: &str) -> Dialled {
        let upstream = Endpoint {
            host: host.into(),
            port: 1,
        };
        Dialled {
            upstream,
            addr: ([192, 0, 2, 1], 1).into(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_login_in_a_while_asks_whether_the_first_is_back() {
        let refuge = Refuge::default();
        assert!(refuge.now().is_none());
        refuge.found(&dialled("second"), false);
        for _ in 0..3 {
            for _ in 0..9 {
                assert_eq!(refuge.now().unwrap().0.host, "second");
                refuge.found(&dialled("second"), true);
            }
            tokio::time::sleep(KEPT).await;
            assert!(refuge.now().is_none(), "this one asks");
        }
        assert!(refuge.now().is_some());
        refuge.found(&dialled("first"), true);
        assert!(refuge.now().is_none(), "it is back");
    }
}

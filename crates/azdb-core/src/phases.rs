//! What a login spends its time on.
//!
//! ```text
//!   app    greeting, TLS, login ...............................> let in      Phase::App, AppTls, App again
//!   proxy            token  name  connection  TLS  database          the others, one after the other
//! ```
//!
//! The stopwatch travels with the login's [`Deadline`](crate::deadline::Deadline), whose steps say what they are for, and is read once:
//! when the login is over. Whatever a login does again (the next address, the next upstream, another token) is added up.
//!
//! A login that somebody watches writes down what it meets as well.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use azdb_config::route::Endpoint;
use tokio::time::Instant;

/// What time goes by with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Waiting for the app's words, and for it to take ours.
    App,
    /// TLS with the app.
    AppTls,
    /// A token, or another one in place of one that was called expired.
    Token,
    /// The upstream's name.
    Dns,
    /// The connection upstream.
    Tcp,
    /// What comes before a login upstream: the protocol's hello, and TLS.
    Tls,
    /// The login at the database.
    Database,
    /// Waiting for a turn: while an upstream is away, and behind apps that do not answer a greeting.
    Queue,
}

impl Phase {
    pub(crate) const ALL: [Self; 8] = [
        Self::App,
        Self::AppTls,
        Self::Token,
        Self::Dns,
        Self::Tcp,
        Self::Tls,
        Self::Database,
        Self::Queue,
    ];

    /// Whether it is on the way to the database, and not with the app.
    fn is_upstream(self) -> bool {
        match self {
            Self::Token | Self::Dns | Self::Tcp | Self::Tls | Self::Database => true,
            Self::App | Self::AppTls | Self::Queue => false,
        }
    }

    /// In metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::AppTls => "app_tls",
            Self::Token => "token",
            Self::Dns => "dns",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Database => "database",
            Self::Queue => "queue",
        }
    }
}

/// The stopwatch of one login. It is read when the login is over, and goes with it.
#[derive(Debug)]
pub(crate) struct Phases {
    began: Instant,
    /// Nanoseconds, in the order of [`Phase`].
    spent: [AtomicU64; Phase::ALL.len()],
    /// A bit for each phase that there was.
    seen: AtomicU8,
    /// One more than the phase upstream that was begun last; 0 for none.
    begun: AtomicU8,
    /// `None` where nobody watches.
    sights: Option<Mutex<Sights>>,
}

/// What a login upstream has met, in the order in which it did.
#[derive(Debug, Clone, Default)]
pub struct Sights {
    /// Names that were looked up, and their addresses.
    pub names: Vec<(Endpoint, Vec<SocketAddr>)>,
    /// Upstreams that took a connection, and the address at which they did. SQL Server sends logins on to others.
    pub connected: Vec<(Endpoint, SocketAddr)>,
    /// The last TLS handshake that came to its end.
    pub tls: Option<TlsSight>,
}

/// What a TLS handshake has shown.
#[derive(Debug, Clone)]
pub struct TlsSight {
    /// As `TLSv1.3`.
    pub version: String,
    /// The server's certificate, in DER.
    pub certificate: Option<Vec<u8>>,
}

impl Phases {
    /// Starts the clock.
    pub(crate) fn begin() -> Self {
        Self {
            began: Instant::now(),
            spent: Default::default(),
            seen: AtomicU8::new(0),
            begun: AtomicU8::new(0),
            sights: None,
        }
    }

    /// The same for a login that is watched.
    pub(crate) fn watched() -> Self {
        Self {
            sights: Some(Mutex::default()),
            ..Self::begin()
        }
    }

    /// Writes something down, where somebody watches.
    pub(crate) fn note(&self, write: impl FnOnce(&mut Sights)) {
        if let Some(sights) = &self.sights {
            write(&mut sights.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// What has been written down.
    pub(crate) fn sights(&self) -> Sights {
        let mut copy = Sights::default();
        self.note(|sights| copy.clone_from(sights));
        copy
    }

    /// Measures until what is returned is dropped, as it is when a step is given up, too. Steps that run beside each other want a
    /// stopwatch each.
    pub(crate) fn lap(&self, phase: Phase) -> Lap<'_> {
        if phase.is_upstream() {
            self.begun.store(phase as u8 + 1, Relaxed);
        }
        Lap {
            phases: self,
            phase,
            since: Instant::now(),
        }
    }

    /// The time since the login began.
    pub(crate) fn whole(&self) -> Duration {
        self.began.elapsed()
    }

    /// What was spent on a phase; `None` where there was none.
    pub(crate) fn spent(&self, phase: Phase) -> Option<Duration> {
        let seen = self.seen.load(Relaxed) & (1 << phase as u8) != 0;
        let nanoseconds = self.spent.get(phase as usize)?.load(Relaxed);
        seen.then(|| Duration::from_nanos(nanoseconds))
    }

    /// The phase upstream that was begun last: of a login that was refused, the one in which it was.
    pub(crate) fn begun(&self) -> Option<Phase> {
        let begun = self.begun.load(Relaxed);
        let mut phases = Phase::ALL.into_iter();
        phases.find(|phase| *phase as u8 + 1 == begun)
    }

    fn add(&self, phase: Phase, time: Duration) {
        if let Some(spent) = self.spent.get(phase as usize) {
            let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
            spent.fetch_add(nanoseconds, Relaxed);
            self.seen.fetch_or(1 << phase as u8, Relaxed);
        }
    }
}

/// A phase that goes on.
pub(crate) struct Lap<'a> {
    phases: &'a Phases,
    phase: Phase,
    since: Instant,
}

impl Drop for Lap<'_> {
    fn drop(&mut self) {
        self.phases.add(self.phase, self.since.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn what_is_done_again_adds_up_and_what_was_not_done_is_not_there() {
        let phases = Phases::begin();
        for _ in 0..3 {
            let _lap = phases.lap(Phase::Tcp);
            tokio::time::sleep(SECOND).await;
        }
        tokio::time::sleep(SECOND).await;
        drop(phases.lap(Phase::Dns));
        assert_eq!(phases.spent(Phase::Tcp), Some(3 * SECOND));
        assert_eq!(phases.spent(Phase::Dns), Some(Duration::ZERO));
        assert_eq!(phases.spent(Phase::Token), None);
        assert_eq!(phases.whole(), 4 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn a_step_that_is_given_up_counts_as_far_as_it_came() {
        let phases = Phases::begin();
        let step = async {
            let _lap = phases.lap(Phase::Database);
            std::future::pending::<()>().await;
        };
        let _ = tokio::time::timeout(SECOND, step).await;
        assert_eq!(phases.spent(Phase::Database), Some(SECOND));
    }
}

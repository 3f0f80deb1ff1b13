//! What a route has done: written by sessions, read by whoever asks.

mod beginning;
mod end;
mod flow;
mod histogram;
mod reset;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use azdb_identity::Clock;
use azdb_quote::Chain;

pub(crate) use beginning::Beginning;
pub(crate) use end::End;
pub(crate) use flow::Flow;
pub(crate) use histogram::Histogram;
pub(crate) use reset::Reset;

use crate::fault::{Explained, Kind};
use crate::phases::{Phase, Phases};

/// Counts of one route since the start of the process, and what went wrong last. Each stands for itself; a snapshot of several
/// may be torn.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Connections that were taken in, probes and cancel requests included.
    pub(crate) accepted: Count,
    /// Sessions that began.
    pub(crate) sessions: Count,
    /// Those of them whose app speaks TLS with us.
    pub(crate) sessions_in_tls: Count,
    /// Bytes that upstreams took, while they take them.
    pub(crate) from_app: Flow,
    /// Bytes that apps took, while they take them.
    pub(crate) from_upstream: Flow,
    /// Handshakes with upstreams.
    pub(crate) handshakes: Arc<Handshakes>,
    /// Requests to cancel a query that came on connections of their own.
    pub(crate) cancels: Cancelled,
    /// Logins within sessions.
    pub(crate) changes_of_user: Outcomes<Count>,
    /// Times that an upstream sent a login on to another server.
    pub(crate) hops: Count,
    /// How long logins took, from the first moment to the last word.
    pub(crate) logins: Outcomes<Histogram>,
    /// Those that were granted, in the order of [`Beginning`].
    granted_by: [Histogram; Beginning::ALL.len()],
    /// Sessions that apps have left, in the order of [`Reset`].
    resets: [Count; Reset::ALL.len()],
    /// What they took it for.
    phases: [Histogram; Phase::ALL.len()],
    /// In the order of [`End`].
    ended: [Count; End::ALL.len()],
    refusals: Mutex<Refusals>,
}

/// One of each for logins that were granted, and for those that were refused.
#[derive(Debug, Default)]
pub(crate) struct Outcomes<T> {
    pub(crate) granted: T,
    pub(crate) refused: T,
}

impl<T> Outcomes<T> {
    /// Both, by name.
    pub(crate) fn both(&self) -> [(&'static str, &T); 2] {
        [("granted", &self.granted), ("refused", &self.refused)]
    }
}

/// Handshakes that came to a good end.
#[derive(Debug, Default)]
pub(crate) struct Handshakes {
    /// With certificates.
    pub(crate) full: Count,
    /// With what was agreed before.
    pub(crate) resumed: Count,
}

/// What became of requests to cancel.
#[derive(Debug, Default)]
pub(crate) struct Cancelled {
    /// Passed on to the server.
    pub(crate) passed_on: Count,
    /// No session has the key.
    pub(crate) unknown: Count,
    /// The server was not reached, or did not come to an end with it.
    pub(crate) failed: Count,
}

#[derive(Debug, Default)]
struct Refusals {
    counts: BTreeMap<(&'static str, Kind), u64>,
    last: Option<Refusal>,
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
        let ended = self.ended();
        self.sessions.read().saturating_sub(ended)
    }

    /// Sessions that have ended, however.
    pub(crate) fn ended(&self) -> u64 {
        self.ended.iter().map(Count::read).sum()
    }

    /// Sessions that have ended so.
    pub(crate) fn ended_by(&self, end: End) -> u64 {
        self.ended.get(end as usize).map_or(0, Count::read)
    }

    /// Counts the end of a session.
    pub(crate) fn end(&self, end: End) {
        if let Some(count) = self.ended.get(end as usize) {
            count.add(1);
        }
    }

    /// Writes down what a login took that was let in, and how it came to its upstream.
    pub(crate) fn granted(&self, phases: &Phases, beginning: Beginning) {
        self.logins.granted.observe(phases.whole());
        if let Some(histogram) = self.granted_by.get(beginning as usize) {
            histogram.observe(phases.whole());
        }
        self.observe(phases);
    }

    /// Writes down what a login took that was refused.
    pub(crate) fn refused_after(&self, phases: &Phases) {
        self.logins.refused.observe(phases.whole());
        self.observe(phases);
    }

    fn observe(&self, phases: &Phases) {
        for (phase, histogram) in self.phases() {
            if let Some(spent) = phases.spent(phase) {
                histogram.observe(spent);
            }
        }
    }

    /// What logins took that were let in, by how they came to their upstream.
    pub(crate) fn granted_by(&self) -> impl Iterator<Item = (Beginning, &Histogram)> {
        Beginning::ALL.into_iter().zip(&self.granted_by)
    }

    /// Counts a reset.
    pub(crate) fn reset(&self, outcome: Reset) {
        if let Some(count) = self.resets.get(outcome as usize) {
            count.add(1);
        }
    }

    /// What became of resets.
    pub(crate) fn resets(&self) -> impl Iterator<Item = (Reset, u64)> {
        let counts = self.resets.iter().map(Count::read);
        Reset::ALL.into_iter().zip(counts)
    }

    /// What logins took their time for.
    pub(crate) fn phases(&self) -> impl Iterator<Item = (Phase, &Histogram)> {
        Phase::ALL.into_iter().zip(&self.phases)
    }

    /// Counts a refused login, and keeps why for whoever asks.
    pub(crate) fn refuse(&self, fault: &impl Explained) {
        let refusal = Refusal {
            kind: fault.kind(),
            cause: Chain(fault).to_string(),
            remedy: fault.remedy().into_owned(),
            at: Clock::system().now(),
        };
        let mut refusals = self.lock();
        refusals.count(fault);
        refusals.last = Some(refusal);
    }

    /// Counts a login that came to nothing at the app's end, where nobody looks for it here.
    pub(crate) fn count_refusal(&self, fault: &impl Explained) {
        self.lock().count(fault);
    }

    /// Logins that were refused, by us or by the upstream.
    pub(crate) fn refused(&self) -> u64 {
        self.lock().counts.values().sum()
    }

    /// The same by the word for their cause, and whose business that is.
    pub(crate) fn refusals(&self) -> Vec<((&'static str, Kind), u64)> {
        let counts = &self.lock().counts;
        counts
            .iter()
            .map(|(cause, count)| (*cause, *count))
            .collect()
    }

    /// The login that was refused last.
    pub(crate) fn last_refusal(&self) -> Option<Refusal> {
        self.lock().last.clone()
    }

    /// A refusal stays a refusal when a thread panics beside it.
    fn lock(&self) -> MutexGuard<'_, Refusals> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Refusals {
    fn count(&mut self, fault: &impl Explained) {
        *self
            .counts
            .entry((fault.label(), fault.kind()))
            .or_default() += 1;
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

//! The measures: what an app does, and what that costs the peer between it and the upstream.

mod crowd;
mod distant;
mod idle;
mod load;
mod pgbench;
mod stopwatch;

use std::sync::Arc;

use anyhow::Context as _;
use clap::ValueEnum;

use super::bed::Bed;
use super::figure::Figure;
use super::peer::{Peer, Running};
use super::upstream::BLOCK;
pub(super) use pgbench::Pgbench;

/// Apps that work at the same time.
const CLIENTS: usize = 8;

/// What one turn of a peer is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(super) enum Measure {
    /// A new process, until its first session
    Start,
    /// A new process, and sessions held open
    Idle,
    /// A new process, and a crowd of sessions, in the first round alone
    Crowd,
    /// A new process, and an upstream that is far away
    Distant,
    /// A large COPY ... TO STDOUT
    CopyOut,
    /// A large COPY ... FROM STDIN
    CopyIn,
    /// Prepared selects of 8 clients
    Select,
    /// The same by pgbench, where it is installed
    Pgbench,
    /// Prepared selects of one client
    Latency,
    /// Sessions that begin and end
    Connect,
}

impl Measure {
    pub(super) const ALL: [Self; 10] = [
        Self::Start,
        Self::Idle,
        Self::Crowd,
        Self::Distant,
        Self::CopyOut,
        Self::CopyIn,
        Self::Select,
        Self::Pgbench,
        Self::Latency,
        Self::Connect,
    ];

    /// A crowd takes long, and its figures hardly differ from round to round.
    pub(super) fn has_its_turn_in(self, round: u32) -> bool {
        self != Self::Crowd || round == 1
    }
}

/// How much is done in one turn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    /// Blocks of a COPY.
    pub(super) blocks: u64,
    /// Transactions of [`CLIENTS`] together.
    pub(super) transactions: usize,
    /// Transactions of one client.
    pub(super) alone: usize,
    /// Connects.
    pub(super) connects: usize,
    /// Sessions held open.
    pub(super) held: usize,
    /// Sessions of a crowd.
    pub(super) crowd: usize,
    /// Connects to an upstream far away.
    pub(super) distant: usize,
}

impl Sizes {
    pub(super) const FULL: Self = Self {
        blocks: 1_000_000_000 / BLOCK as u64 + 1,
        transactions: 40_000,
        alone: 5_000,
        connects: 800,
        held: 1_000,
        crowd: 10_000,
        distant: 15,
    };
    pub(super) const QUICK: Self = Self {
        blocks: 10,
        transactions: 400,
        alone: 100,
        connects: 16,
        held: 8,
        crowd: 40,
        distant: 2,
    };

    /// For a peer that is scraped each second: a turn of connects must last for some, or each has a scrape that is not its own.
    pub(super) fn for_seconds(self) -> Self {
        let connects = self.connects * 10;
        Self { connects, ..self }
    }

    /// Sessions that a peer must hold at a time, those that have ended without its having noticed among them.
    pub(super) fn most(&self) -> usize {
        self.crowd.max(self.held) + 256
    }

    pub(super) fn copy_bytes(&self) -> u64 {
        self.blocks * BLOCK as u64
    }
}

/// What a turn gave.
pub(super) type Taken = Vec<(Figure, f64)>;

/// What all turns share.
pub(super) struct Bench {
    pub(super) bed: Bed,
    pub(super) sizes: Sizes,
    /// What apps send.
    pub(super) block: Arc<[u8]>,
    /// `None` when it is not installed.
    pub(super) pgbench: Option<Pgbench>,
}

impl Bench {
    /// Takes one turn. `running` is the peer's process of the whole run.
    pub(super) async fn take(
        &self,
        measure: Measure,
        peer: &Peer,
        running: &Running,
    ) -> anyhow::Result<Taken> {
        match measure {
            Measure::Start => self.start(peer).await,
            Measure::Idle => self.idle(peer).await,
            Measure::Crowd => self.crowd(peer).await,
            Measure::Distant => self.distant(peer).await,
            Measure::CopyOut => self.copy_out(running).await,
            Measure::CopyIn => self.copy_in(running).await,
            Measure::Select => self.select(running).await,
            Measure::Pgbench => self.pgbench(running).await,
            Measure::Latency => self.latency(running).await,
            Measure::Connect => self.connect(running).await,
        }
        .with_context(|| running.last_words())
    }
}

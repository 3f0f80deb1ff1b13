//! The clock on the wall and that of the peer's processes.

use std::time::{Duration, Instant};

use super::Taken;
use crate::linux::figure::Figure;
use crate::linux::peer::Running;

/// Runs while a peer works.
pub(super) struct Stopwatch {
    started: Instant,
    cpu: Option<Duration>,
}

/// What a turn took.
pub(super) struct Spent {
    pub(super) wall: Duration,
    /// `None` when there is no peer.
    pub(super) cpu: Option<Duration>,
}

impl Stopwatch {
    pub(super) fn start(running: &Running) -> anyhow::Result<Self> {
        let cpu = running.cpu()?;
        let started = Instant::now();
        Ok(Self { started, cpu })
    }

    pub(super) fn stop(self, running: &Running) -> anyhow::Result<Spent> {
        let wall = self.started.elapsed();
        let cpu = running
            .cpu()?
            .zip(self.cpu)
            .map(|(now, then)| now.saturating_sub(then));
        Ok(Spent { wall, cpu })
    }
}

impl Spent {
    /// `work` by the second, and seconds of processor by `worth`.
    pub(super) fn taken(&self, (rate, work): (Figure, f64), (cost, worth): (Figure, f64)) -> Taken {
        let mut taken = vec![(rate, work / self.wall.as_secs_f64())];
        taken.extend(self.cpu.map(|cpu| (cost, cpu.as_secs_f64() / worth)));
        taken
    }
}

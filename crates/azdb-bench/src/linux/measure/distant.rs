//! What an app waits for when the upstream is far away.

use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::{Bench, Taken};
use crate::linux::distance::Distance;
use crate::linux::figure::Figure;
use crate::linux::peer::Peer;
use crate::linux::samples::Samples;

/// How far, one way.
const DISTANCES: [(Duration, Figure); 2] = [
    (Duration::from_millis(1), Figure::FirstRowNear),
    (Duration::from_millis(20), Figure::FirstRowFar),
];

impl Bench {
    /// Apps one after the other, from connect to the first row, with a new process for each distance.
    pub(super) async fn distant(&self, peer: &Peer) -> anyhow::Result<Taken> {
        let mut taken = Taken::new();
        for (one_way, figure) in DISTANCES {
            let distance = Distance::to(self.bed.upstream.address, one_way).await?;
            let running = peer.start(&self.bed, distance.address).await?;
            let mut times = Samples::default();
            for _ in 0..self.sizes.distant {
                let started = Instant::now();
                let mut app = running.connect().await?;
                app.first_row().await?;
                times.push(started.elapsed().as_secs_f64() * 1e3);
                app.leave().await?;
            }
            running.end().await?;
            taken.push((figure, times.median().context("nobody connected")?));
        }
        Ok(taken)
    }
}

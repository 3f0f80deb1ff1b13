//! The measures of a peer that works.

use std::time::Instant;

use anyhow::Context as _;
use tokio::task::JoinSet;

use super::stopwatch::Stopwatch;
use super::{Bench, CLIENTS, Taken};
use crate::linux::app::{App, Way};
use crate::linux::figure::Figure;
use crate::linux::kernel;
use crate::linux::peer::{Peer, Running};
use crate::linux::samples::Samples;
use crate::linux::upstream::PASSWORD;

const MEGA: f64 = 1e6;
const GIGA: f64 = 1e9;

impl Bench {
    /// Not the first start on a machine, for which its files have to be read and azdb-proxy makes certificates.
    pub(super) async fn start(&self, peer: &Peer) -> anyhow::Result<Taken> {
        let first = peer.start(&self.bed, self.bed.upstream.address).await?;
        first.end().await?;
        let running = peer.start(&self.bed, self.bed.upstream.address).await?;
        let mut taken = Taken::new();
        if let (Some(process), Some(took), Some(program)) =
            (running.process(), running.took, &peer.program)
        {
            taken.push((Figure::Start, took.as_secs_f64() * 1e3));
            taken.push((
                Figure::Binary,
                std::fs::metadata(program)?.len() as f64 / MEGA,
            ));
            // Root alone may read the map of a process that has hidden its memory.
            if let Ok(mapped) = kernel::mapped(process) {
                taken.push((Figure::Mapped, mapped as f64 / MEGA));
            }
        }
        running.end().await?;
        Ok(taken)
    }

    pub(super) async fn copy_out(&self, running: &Running) -> anyhow::Result<Taken> {
        let mut app = running.connect().await?;
        let watch = Stopwatch::start(running)?;
        app.copy_out(self.sizes.blocks).await?;
        let spent = watch.stop(running)?;
        app.leave().await?;
        let bytes = self.sizes.copy_bytes() as f64;
        Ok(spent.taken(
            (Figure::CopyOutRate, bytes / MEGA),
            (Figure::CopyOutCpu, bytes / GIGA),
        ))
    }

    pub(super) async fn copy_in(&self, running: &Running) -> anyhow::Result<Taken> {
        let mut app = running.connect().await?;
        let watch = Stopwatch::start(running)?;
        app.copy_in(self.sizes.blocks, &self.block).await?;
        let spent = watch.stop(running)?;
        app.leave().await?;
        let bytes = self.sizes.copy_bytes() as f64;
        Ok(spent.taken(
            (Figure::CopyInRate, bytes / MEGA),
            (Figure::CopyInCpu, bytes / GIGA),
        ))
    }

    pub(super) async fn select(&self, running: &Running) -> anyhow::Result<Taken> {
        let each = self.sizes.transactions / CLIENTS;
        let mut apps = Vec::new();
        for _ in 0..CLIENTS {
            apps.push(prepared(&running.way).await?);
        }
        let watch = Stopwatch::start(running)?;
        let mut working = JoinSet::new();
        for mut app in apps {
            working.spawn(async move {
                for _ in 0..each {
                    app.select().await?;
                }
                Ok(app)
            });
        }
        let apps = all(working).await?;
        let spent = watch.stop(running)?;
        for app in apps {
            app.leave().await?;
        }
        let done = (each * CLIENTS) as f64;
        Ok(spent.taken((Figure::SelectRate, done), (Figure::SelectCpu, done / 1e5)))
    }

    pub(super) async fn pgbench(&self, running: &Running) -> anyhow::Result<Taken> {
        let Some(pgbench) = &self.pgbench else {
            return Ok(Taken::new());
        };
        let each = self.sizes.transactions / CLIENTS;
        let watch = Stopwatch::start(running)?;
        let rate = pgbench.run(&running.way, CLIENTS, each).await?;
        let spent = watch.stop(running)?;
        let mut taken = vec![(Figure::PgbenchRate, rate)];
        if let Some(cpu) = spent.cpu {
            taken.push((
                Figure::PgbenchCpu,
                cpu.as_secs_f64() / ((each * CLIENTS) as f64 / 1e5),
            ));
        }
        Ok(taken)
    }

    pub(super) async fn latency(&self, running: &Running) -> anyhow::Result<Taken> {
        let mut app = prepared(&running.way).await?;
        let mut latencies = Samples::default();
        for _ in 0..self.sizes.alone {
            let started = Instant::now();
            app.select().await?;
            latencies.push(started.elapsed().as_secs_f64() * 1e6);
        }
        app.leave().await?;
        let median = latencies.median().context("nothing was selected")?;
        Ok(vec![(Figure::Latency, median)])
    }

    pub(super) async fn connect(&self, running: &Running) -> anyhow::Result<Taken> {
        let each = self.sizes.connects / CLIENTS;
        let watch = Stopwatch::start(running)?;
        let mut working = JoinSet::new();
        for _ in 0..CLIENTS {
            let way = running.way.clone();
            working.spawn(async move {
                for _ in 0..each {
                    let app = App::connect(&way, PASSWORD).await?;
                    app.leave().await?;
                }
                Ok(())
            });
        }
        all(working).await?;
        let spent = watch.stop(running)?;
        let done = (each * CLIENTS) as f64;
        Ok(spent.taken(
            (Figure::ConnectRate, done),
            (Figure::ConnectCpu, done / 1e3),
        ))
    }
}

/// An app that has prepared what it will execute.
pub(super) async fn prepared(way: &Way) -> std::io::Result<App> {
    let mut app = App::connect(way, PASSWORD).await?;
    app.prepare().await?;
    Ok(app)
}

/// What all tasks gave, unless one failed.
pub(super) async fn all<T: 'static>(
    mut tasks: JoinSet<std::io::Result<T>>,
) -> anyhow::Result<Vec<T>> {
    let mut outcomes = Vec::new();
    while let Some(outcome) = tasks.join_next().await {
        outcomes.push(outcome??);
    }
    Ok(outcomes)
}

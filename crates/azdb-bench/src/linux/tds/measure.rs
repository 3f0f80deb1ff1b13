//! What is measured.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::app::{self, Session};
use super::way::Way;

/// Apps that work at the same time.
pub(super) const CLIENTS: usize = 8;
/// Bytes of a row.
pub(super) const ROW: usize = 8_000;
/// Bytes of a long parameter.
pub(super) const PARAMETER: usize = 1_000_000;

/// How much is done in one turn.
pub(super) struct Sizes {
    pub(super) rows: usize,
    pub(super) parameters: usize,
    pub(super) selects: usize,
    pub(super) alone: usize,
    pub(super) connects: usize,
    pub(super) held: usize,
}

impl Sizes {
    pub(super) const FULL: Self = Self {
        rows: 40_000,
        parameters: 200,
        selects: 8_000,
        alone: 2_000,
        connects: 400,
        held: 100,
    };
    pub(super) const QUICK: Self = Self {
        rows: 200,
        parameters: 2,
        selects: 80,
        alone: 20,
        connects: 16,
        held: 4,
    };
}

/// A line of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Figure {
    ReadCpu,
    SendCpu,
    SelectCpu,
    ConnectCpu,
    Idle,
    ReadRate,
    SendRate,
    SelectRate,
    Latency,
    ConnectRate,
}

impl Figure {
    pub(super) const ALL: [Self; 10] = [
        Self::ReadCpu,
        Self::SendCpu,
        Self::SelectCpu,
        Self::ConnectCpu,
        Self::Idle,
        Self::ReadRate,
        Self::SendRate,
        Self::SelectRate,
        Self::Latency,
        Self::ConnectRate,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ReadCpu => "CPU, rows to the app, s/GB",
            Self::SendCpu => "CPU, parameters from the app, s/GB",
            Self::SelectCpu => "CPU, selects, 8 clients, s/100k",
            Self::ConnectCpu => "CPU, connect, log in, leave, ms",
            Self::Idle => "memory per idle session, KiB",
            Self::ReadRate => "rows to the app, MB/s",
            Self::SendRate => "parameters from the app, MB/s",
            Self::SelectRate => "selects, 8 clients, 1/s",
            Self::Latency => "mean latency of a select, 1 client, µs",
            Self::ConnectRate => "connects, one after the other, 1/s",
        }
    }
}

/// What a turn gave.
type Taken = Vec<(Figure, f64)>;

/// Takes one turn at everything.
pub(super) async fn all(way: &Way, sizes: &Sizes) -> anyhow::Result<Taken> {
    let mut taken = Taken::new();
    let mut session = app::connect(way).await?;

    let spent = Stopwatch::start(way)?;
    app::read(&mut session, sizes.rows).await?;
    let bytes = float(sizes.rows * ROW);
    spent.stop(
        way,
        &mut taken,
        (Figure::ReadRate, bytes / 1e6),
        (Figure::ReadCpu, bytes / 1e9),
    )?;

    let text = "x".repeat(PARAMETER / 2);
    let spent = Stopwatch::start(way)?;
    for _ in 0..sizes.parameters {
        app::send(&mut session, &text).await?;
    }
    let bytes = float(sizes.parameters * PARAMETER);
    spent.stop(
        way,
        &mut taken,
        (Figure::SendRate, bytes / 1e6),
        (Figure::SendCpu, bytes / 1e9),
    )?;

    let started = Instant::now();
    for _ in 0..sizes.alone {
        app::select(&mut session).await?;
    }
    taken.push((
        Figure::Latency,
        started.elapsed().as_secs_f64() * 1e6 / float(sizes.alone),
    ));
    session.close().await?;

    selects(way, sizes, &mut taken).await?;
    let spent = Stopwatch::start(way)?;
    for _ in 0..sizes.connects {
        app::connect(way).await?.close().await?;
    }
    let connects = float(sizes.connects);
    spent.stop(
        way,
        &mut taken,
        (Figure::ConnectRate, connects),
        (Figure::ConnectCpu, connects / 1e3),
    )?;
    idle(way, sizes, &mut taken).await?;
    Ok(taken)
}

async fn selects(way: &Way, sizes: &Sizes, taken: &mut Taken) -> anyhow::Result<()> {
    let mut sessions: Vec<Session> = Vec::new();
    for _ in 0..CLIENTS {
        sessions.push(app::connect(way).await?);
    }
    let spent = Stopwatch::start(way)?;
    let mut working = JoinSet::new();
    let each = sizes.selects / CLIENTS;
    for mut session in sessions {
        working.spawn(async move {
            for _ in 0..each {
                app::select(&mut session).await?;
            }
            anyhow::Ok(session)
        });
    }
    // Sessions end after the clock has stopped.
    let mut done = Vec::new();
    while let Some(session) = working.join_next().await {
        done.push(session??);
    }
    let selects = float(each * CLIENTS);
    spent.stop(
        way,
        taken,
        (Figure::SelectRate, selects),
        (Figure::SelectCpu, selects / 1e5),
    )?;
    for session in done {
        session.close().await?;
    }
    Ok(())
}

async fn idle(way: &Way, sizes: &Sizes, taken: &mut Taken) -> anyhow::Result<()> {
    let before = way.resident();
    let mut held = Vec::new();
    for _ in 0..sizes.held {
        let mut session = app::connect(way).await?;
        app::select(&mut session).await?;
        held.push(session);
    }
    if let Some((before, after)) = before.zip(way.resident()) {
        taken.push((Figure::Idle, (after - before) / 1024.0 / float(sizes.held)));
    }
    for session in held {
        session.close().await?;
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "counts here are far below 2^52")]
pub(super) fn float(count: usize) -> f64 {
    count as f64
}

/// The clock on the wall and that of the proxy.
pub(super) struct Stopwatch {
    started: Instant,
    cpu: Option<Duration>,
}

impl Stopwatch {
    pub(super) fn start(way: &Way) -> anyhow::Result<Self> {
        let cpu = way.cpu()?;
        let started = Instant::now();
        Ok(Self { started, cpu })
    }

    /// `work` by the second, and seconds of the proxy's processor by `worth`.
    pub(super) fn stop<F>(
        self,
        way: &Way,
        taken: &mut Vec<(F, f64)>,
        (rate, work): (F, f64),
        (cost, worth): (F, f64),
    ) -> anyhow::Result<()> {
        taken.push((rate, work / self.started.elapsed().as_secs_f64()));
        if let Some((now, then)) = way.cpu()?.zip(self.cpu) {
            taken.push((cost, now.saturating_sub(then).as_secs_f64() / worth));
        }
        Ok(())
    }
}

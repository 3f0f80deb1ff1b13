//! Sessions kept: what an app that connects for every request waits for, from connect to its first row.
//!
//! ```text
//!   app --> azdb-proxy or PgBouncer --> distance --> emulated Azure --> PostgreSQL, where it is installed
//!   app -----------------------------> distance --> emulated Azure --> the same
//! ```
//!
//! The server is a real one where there is one, so that its own work at a login is in the figures. Each way has a process of its own,
//! and `/metrics` says how each session came about.

mod bed;
mod client;
mod metrics;
mod served;
mod ways;

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::Context as _;
use clap::ValueEnum;

use super::arguments::KeptOptions;
use super::report::{self, Machine};
use super::samples::Samples;
use super::{program, tell};
use bed::Bed;
use client::Client;
use served::Served;
use ways::{Manner, Way};

/// Apps that come before those that count, so that there is something to keep.
const BEFORE: usize = 4;

/// How apps come, one after the other.
#[derive(Clone, Copy)]
struct Sizes {
    apps: u32,
    /// Between two of them: shorter than what the proxy takes for a pause.
    pause: Duration,
}

/// What an app speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Spoken {
    Postgres,
    Mysql,
    Tds,
}

impl Spoken {
    const ALL: [Self; 3] = [Self::Postgres, Self::Mysql, Self::Tds];

    /// The word of a route's `protocol`.
    fn word(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
            Self::Tds => "tds",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::Mysql => "MySQL",
            Self::Tds => "TDS",
        }
    }
}

/// Measures, and writes the report.
pub(super) async fn run(options: &KeptOptions) -> anyhow::Result<String> {
    let proxy = program::proxy(options.proxy.as_deref()).await?;
    let before = Machine::look();
    let bed = Bed::make(options.chain, Duration::from_millis(options.away)).await?;
    let (apps, pause) = match options.quick {
        true => (3, 10),
        false => (options.apps, 100),
    };
    let sizes = Sizes {
        apps,
        pause: Duration::from_millis(pause),
    };
    let mut tables = String::new();
    for spoken in Spoken::ALL {
        if !options.protocols.is_empty() && !options.protocols.contains(&spoken) {
            continue;
        }
        begin(&mut tables, spoken, &bed);
        for way in Way::ALL.into_iter().filter(|way| way.is_for(spoken)) {
            tell(&format!("{}, {}", spoken.name(), way.name()));
            let row = one_way(&bed, spoken, way, &proxy, sizes).await;
            tables += &row.with_context(|| format!("{}, {}", spoken.name(), way.name()))?;
        }
    }
    bed.end().await;
    let machine = report::machine(&before, &Machine::look());
    Ok(format!(
        "* Machine: {machine}.\n* The upstream is {} ms away, one way, and shows {}; {apps} apps of each way, one after the other, {pause} ms apart.\n{tables}",
        options.away,
        options.chain.shown(),
    ))
}

fn begin(out: &mut String, spoken: Spoken, bed: &Bed) {
    let server = bed.server(spoken);
    let _ = writeln!(
        out,
        "\n{}, upstream: {server}.\n\n| | connect to the first row, ms | 19 of 20 within, ms | sessions came about |\n|---|---:|---:|---|",
        spoken.name(),
    );
}

/// A line of the table; none where the way is not to be had.
async fn one_way(
    bed: &Bed,
    spoken: Spoken,
    way: Way,
    proxy: &std::path::Path,
    Sizes { apps, pause }: Sizes,
) -> anyhow::Result<String> {
    let served = match way {
        Way::Direct => Served::directly(bed.direct(spoken)?),
        Way::Pgbouncer => match program::find("pgbouncer") {
            Some(pgbouncer) => bed.through_pgbouncer(&pgbouncer).await?,
            None => return Ok(String::new()),
        },
        _ => bed.through(proxy, spoken, way.keys()).await?,
    };
    for _ in 0..BEFORE {
        served.client.first_row().await?;
        tokio::time::sleep(pause).await;
    }
    if let Some(kind) = way.waits_for() {
        served.until_kept(kind).await?;
    }
    let opened = served.opened().await?;
    let mut times = Samples::default();
    for _ in 0..apps {
        let time = match way.manner() {
            Manner::Alone => served.client.first_row().await,
            Manner::LaterOfTwo => later_of_two(&served.client).await,
        };
        times.push(time.with_context(|| served.last_words())?.as_secs_f64() * 1e3);
        tokio::time::sleep(pause).await;
    }
    let came = served.opened().await?.since(&opened);
    served.end().await?;
    Ok(format!(
        "| {} | {} | {} | {came} |\n",
        way.name(),
        report::shown(&times),
        times.share(0.95).map_or("-".to_owned(), report::number),
    ))
}

/// Two apps at once: what is prepared serves one of them.
async fn later_of_two(client: &Client) -> anyhow::Result<Duration> {
    let (one, other) = tokio::try_join!(client.first_row(), client.first_row())?;
    Ok(one.max(other))
}

//! TDS: the same client, with its own TLS to the emulated Azure SQL and through the proxy in the clear; and through the proxy a client of
//! 7.1, which is translated, beside the same one of 7.4.
//!
//! Rates are bounded by the server, which runs SQLite; what the proxy costs is the processor time of its own process.

pub(super) mod app;
mod measure;
mod reader;
mod translated;
mod way;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Context as _;

use super::arguments::TdsOptions;
use super::report::{self, Machine};
use super::samples::Samples;
use super::{program, tell};
use reader::Version;
use way::{Bed, Way};

/// Versions of TDS, the one that is not translated first.
const VERSIONS: [Version; 2] = [Version::V7_4, Version::V7_1];

/// What was taken, by who and what.
type Taken<F> = BTreeMap<(&'static str, F), Samples>;

/// Measures, and writes the report.
pub(super) async fn run(options: &TdsOptions) -> anyhow::Result<String> {
    let proxy = program::proxy(options.proxy.as_deref()).await?;
    let before = Machine::look();
    let bed = Bed::make(options.chain).await?;
    let ways = [bed.direct()?, bed.through(&proxy).await?];
    let rounds = match options.quick {
        true => 1,
        false => options.rounds,
    };
    let (mut of_ways, mut of_versions) = (Taken::new(), Taken::new());
    for round in 1..=rounds {
        tell(&format!("round {round} of {rounds}"));
        // Every other round begins with the other way.
        for turn in 0..2 {
            let turn = (turn + round as usize) % 2;
            if !options.translation {
                one_way(&ways[turn], options.quick, &mut of_ways).await?;
            }
            one_version(&ways[1], VERSIONS[turn], options.quick, &mut of_versions).await?;
        }
    }
    let mut out = String::new();
    let machine = report::machine(&before, &Machine::look());
    let _ = writeln!(
        out,
        "* Machine: {machine}.\n* {rounds} rounds, the server shows {}.",
        options.chain.shown()
    );
    if !options.translation {
        out += &said_of_ways(options.quick);
        let names = ["direct", "azdb-proxy"];
        let figures = measure::Figure::ALL.map(|figure| (figure, figure.name()));
        table(&mut out, names, "proxy / direct", &figures, &of_ways);
    }
    out += &said_of_versions(options.quick);
    let names = VERSIONS.map(Version::name);
    let figures = translated::Figure::ALL.map(|figure| (figure, figure.name()));
    table(&mut out, names, "7.1 / 7.4", &figures, &of_versions);
    for way in ways {
        way.end().await?;
    }
    bed.end().await;
    Ok(out)
}

async fn one_way(
    way: &Way,
    quick: bool,
    samples: &mut Taken<measure::Figure>,
) -> anyhow::Result<()> {
    let taken = measure::all(way, sizes(quick)).await;
    let taken = taken.with_context(|| format!("{}: {}", way.name, way.last_words()))?;
    for (figure, value) in taken {
        samples.entry((way.name, figure)).or_default().push(value);
    }
    Ok(())
}

async fn one_version(
    way: &Way,
    version: Version,
    quick: bool,
    samples: &mut Taken<translated::Figure>,
) -> anyhow::Result<()> {
    let (name, sizes) = (version.name(), sizes_translated(quick));
    let taken = translated::all(way, version, sizes).await;
    let taken = taken.with_context(|| format!("TDS {name}: {}", way.last_words()))?;
    for (figure, value) in taken {
        samples.entry((name, figure)).or_default().push(value);
    }
    Ok(())
}

fn sizes(quick: bool) -> &'static measure::Sizes {
    match quick {
        true => &measure::Sizes::QUICK,
        false => &measure::Sizes::FULL,
    }
}

fn sizes_translated(quick: bool) -> &'static translated::Sizes {
    match quick {
        true => &translated::Sizes::QUICK,
        false => &translated::Sizes::FULL,
    }
}

fn said_of_ways(quick: bool) -> String {
    let sizes = sizes(quick);
    format!(
        "* Each of {} MB of rows and {} MB of parameters, {} selects by {} clients and {} by one, {} connects, {} sessions held.\n",
        sizes.rows * measure::ROW / 1_000_000,
        sizes.parameters * measure::PARAMETER / 1_000_000,
        sizes.selects,
        measure::CLIENTS,
        sizes.alone,
        sizes.connects,
        sizes.held,
    )
}

fn said_of_versions(quick: bool) -> String {
    let sizes = sizes_translated(quick);
    format!(
        "\nA client of our own through the proxy, granted 7.4 and granted 7.1; the server speaks 7.4. Each round has {} MB of long rows, {} short \
         ones, {} MB of long values and {} selects by {} clients.\n",
        sizes.rows * measure::ROW / 1_000_000,
        sizes.short_rows,
        sizes.values * translated::VALUE / 1_000_000,
        sizes.selects,
        measure::CLIENTS,
    )
}

/// Medians, with least and greatest, and the second as parts of the first, round by round.
fn table<F: Copy + Ord>(
    out: &mut String,
    [first, second]: [&'static str; 2],
    ratio: &str,
    figures: &[(F, &str)],
    samples: &Taken<F>,
) {
    let _ = writeln!(
        out,
        "\n| | {first} | {second} | {ratio} |\n|---|---|---|---|"
    );
    for (figure, name) in figures {
        let of = |who: &'static str| samples.get(&(who, *figure));
        let cell = |who| of(who).map_or("-".to_owned(), shown);
        let ratio = match (of(first), of(second)) {
            (Some(first), Some(second)) => shown(&second.over(first)),
            _ => "-".to_owned(),
        };
        let _ = writeln!(
            out,
            "| {name} | {} | {} | {ratio} |",
            cell(first),
            cell(second)
        );
    }
}

fn shown(samples: &Samples) -> String {
    let (Some(median), Some((least, greatest))) = (samples.median(), samples.spread()) else {
        return "-".to_owned();
    };
    format!("{median:.3} ({least:.3}-{greatest:.3})")
}

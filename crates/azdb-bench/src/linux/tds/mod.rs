//! TDS: the same client, with its own TLS to the emulated Azure SQL and through the proxy in the clear.
//!
//! Rates are bounded by the server, which runs SQLite; what the proxy costs is the processor time of its own process.

mod app;
mod measure;
mod way;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Context as _;

use super::arguments::TdsOptions;
use super::report::{self, Machine};
use super::samples::Samples;
use super::{program, tell};
use measure::{Figure, Sizes};
use way::{Bed, Way};

/// Measures, and writes the report.
pub(super) async fn run(options: &TdsOptions) -> anyhow::Result<String> {
    let proxy = program::proxy(options.proxy.as_deref()).await?;
    let before = Machine::look();
    let bed = Bed::make().await?;
    let ways = [bed.direct()?, bed.through(&proxy).await?];
    let (rounds, sizes) = if options.quick {
        (1, Sizes::QUICK)
    } else {
        (options.rounds, Sizes::FULL)
    };
    let mut samples: BTreeMap<(&str, Figure), Samples> = BTreeMap::new();
    for round in 1..=rounds {
        tell(&format!("round {round} of {rounds}"));
        // Every other round begins with the other way.
        for turn in 0..ways.len() {
            let way = &ways[(turn + round as usize) % ways.len()];
            let taken = measure::all(way, &sizes).await;
            let taken = taken.with_context(|| format!("{}: {}", way.name, way.last_words()))?;
            for (figure, value) in taken {
                samples.entry((way.name, figure)).or_default().push(value);
            }
        }
    }
    let mut out = String::new();
    let _ = writeln!(
        out,
        "* Machine: {}.",
        report::machine(&before, &Machine::look())
    );
    let _ = writeln!(
        out,
        "* {rounds} rounds, each of {} MB of rows and {} MB of parameters, {} selects by {} clients and {} by one, {} connects, {} sessions held.",
        sizes.rows * measure::ROW / 1_000_000,
        sizes.parameters * measure::PARAMETER / 1_000_000,
        sizes.selects,
        measure::CLIENTS,
        sizes.alone,
        sizes.connects,
        sizes.held,
    );
    table(&mut out, &ways, &samples);
    for way in ways {
        way.end().await?;
    }
    bed.end().await;
    Ok(out)
}

/// Medians, with least and greatest, and the proxy as parts of direct.
fn table(out: &mut String, ways: &[Way], samples: &BTreeMap<(&str, Figure), Samples>) {
    let names: Vec<&str> = ways.iter().map(|way| way.name).collect();
    let _ = writeln!(out, "\n| | {} | proxy / direct |", names.join(" | "));
    let _ = writeln!(out, "|---|{}---|", "---|".repeat(names.len()));
    for figure in Figure::ALL {
        let of = |way: &Way| samples.get(&(way.name, figure));
        let cells: Vec<String> = ways
            .iter()
            .map(|way| of(way).map_or("-".to_owned(), shown))
            .collect();
        let ratio = match (ways.first().and_then(of), ways.last().and_then(of)) {
            (Some(direct), Some(proxy)) => shown(&proxy.over(direct)),
            _ => "-".to_owned(),
        };
        let _ = writeln!(
            out,
            "| {} | {} | {ratio} |",
            figure.name(),
            cells.join(" | ")
        );
    }
}

fn shown(samples: &Samples) -> String {
    let (Some(median), Some((least, greatest))) = (samples.median(), samples.spread()) else {
        return "-".to_owned();
    };
    format!("{median:.3} ({least:.3}-{greatest:.3})")
}

//! The report, as Markdown.

use std::fmt::Write as _;
use std::fs;

use super::figure::{Figure, Shown};
use super::goals;
use super::peer::Kind;
use super::run::Results;
use super::samples::Samples;

/// What is to be known of the machine.
#[derive(Debug, Default)]
pub(super) struct Machine {
    model: String,
    kernel: String,
    processors: usize,
    /// Processes that ran or wanted to, over the last minute.
    load: String,
}

impl Machine {
    pub(super) fn look() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let cpuinfo = read("/proc/cpuinfo");
        let model = cpuinfo.lines().find(|line| line.starts_with("model name"));
        let model = model
            .and_then(|line| line.split_once(": "))
            .map_or("unknown", |(_, name)| name);
        Self {
            model: model.to_owned(),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            load: read("/proc/loadavg")
                .split(' ')
                .next()
                .unwrap_or_default()
                .to_owned(),
        }
    }
}

/// Everything that a run has to say.
pub(super) fn markdown(results: &Results, before: &Machine, after: &Machine) -> String {
    let mut out = String::new();
    set_up(&mut out, results, before, after);
    absolute(&mut out, results);
    goals::table(&mut out, &results.samples);
    relative(
        &mut out,
        results,
        Kind::Proxy,
        &[Kind::Direct, Kind::Haproxy2, Kind::Haproxy3],
    );
    relative(&mut out, results, Kind::Watched, &[Kind::Unwatched]);
    out
}

pub(super) fn line(out: &mut String, text: &str) {
    // A String takes everything.
    let _ = writeln!(out, "{text}");
}

/// The machine, and how busy it was.
pub(super) fn machine(before: &Machine, after: &Machine) -> String {
    let Machine {
        model,
        kernel,
        processors,
        load,
    } = before;
    format!(
        "{processors} processors ({model}), Linux {kernel}, load average {load} before and {} after",
        after.load
    )
}

fn set_up(out: &mut String, results: &Results, before: &Machine, after: &Machine) {
    line(out, &format!("* Machine: {}.", machine(before, after)));
    if results.apart {
        let apart = "* Each peer had one processor to itself, which app and upstream kept off.";
        line(out, apart);
    }
    for peer in &results.peers {
        let program = peer
            .program
            .as_ref()
            .map(|program| format!(", `{}`", program.display()));
        line(
            out,
            &format!(
                "* {}: {}{}.",
                peer.kind.name(),
                peer.version,
                program.unwrap_or_default()
            ),
        );
    }
    if let Some(pgbench) = &results.pgbench {
        line(out, &format!("* Second app: {pgbench}."));
    }
    line(
        out,
        &format!(
            "* TLS with the upstream, all peers: {}; {}.",
            results.negotiated.join("; "),
            results.chain.shown(),
        ),
    );
    line(
        out,
        &format!(
            "* {} rounds, each of {:.2} GB of COPY each way, {} transactions by 8 clients and {} by one, {} connects, {} sessions held, {} in a crowd.",
            results.rounds,
            results.sizes.copy_bytes() as f64 / 1e9,
            results.sizes.transactions,
            results.sizes.alone,
            results.sizes.connects,
            results.sizes.held,
            results.sizes.crowd,
        ),
    );
    if !results.left_out.is_empty() {
        line(
            out,
            &format!(
                "* Left out, since not installed or not allowed: {}.",
                results.left_out.join(", ")
            ),
        );
    }
    if !nix::unistd::geteuid().is_root() {
        line(
            out,
            "* Not run by root: azdb-proxy hides its memory from other users' eyes, its own user's included, so its memory is missing.",
        );
    }
    if cfg!(debug_assertions) {
        line(
            out,
            "* Built without optimisation: these figures mean nothing.",
        );
    }
}

fn absolute(out: &mut String, results: &Results) {
    let names: Vec<_> = results.peers.iter().map(|peer| peer.kind.name()).collect();
    line(out, "\nMedian of the rounds (least-greatest).\n");
    line(out, &format!("| | {} |", names.join(" | ")));
    line(out, &format!("|---|{}", "---:|".repeat(names.len())));
    for figure in Figure::ALL {
        let cells: Vec<_> = results
            .peers
            .iter()
            .map(|peer| {
                results
                    .samples
                    .get(&(peer.kind, figure))
                    .map_or("-".to_owned(), shown)
            })
            .collect();
        if cells.iter().any(|cell| cell != "-") {
            let Shown { name, unit, .. } = figure.shown();
            line(out, &format!("| {name}, {unit} | {} |", cells.join(" | ")));
        }
    }
}

/// One peer as parts of others.
fn relative(out: &mut String, results: &Results, one: Kind, others: &[Kind]) {
    let took_part = |kind: &&Kind| results.peers.iter().any(|peer| peer.kind == **kind);
    let others: Vec<_> = others.iter().filter(took_part).collect();
    // Beside itself it is thousandths that count.
    let digits = match one {
        Kind::Watched => |value| format!("{value:.3}"),
        _ => number,
    };
    let cell = |figure, other| {
        let ours = results.samples.get(&(one, figure))?;
        let theirs = results.samples.get(&(other, figure))?;
        Some(shown_in(&ours.over(theirs), digits))
    };
    let rows: Vec<_> = Figure::ALL
        .into_iter()
        .filter_map(|figure| {
            let cells: Vec<_> = others.iter().map(|other| cell(figure, **other)).collect();
            let some = cells.iter().any(Option::is_some);
            let cells = cells.into_iter().map(|cell| cell.unwrap_or("-".to_owned()));
            let cells = cells.collect::<Vec<_>>().join(" | ");
            some.then(|| format!("| {} | {cells} |", figure.shown().name))
        })
        .collect();
    if rows.is_empty() {
        return;
    }
    let names: Vec<_> = others.iter().map(|other| other.name()).collect();
    let title = format!(
        "\n{} as parts of others, taken round by round.\n",
        one.name()
    );
    line(out, &title);
    line(out, &format!("| | {} |", names.join(" | ")));
    line(out, &format!("|---|{}", "---:|".repeat(names.len())));
    rows.iter().for_each(|row| line(out, row));
}

/// Median, least and greatest.
pub(super) fn shown(samples: &Samples) -> String {
    shown_in(samples, number)
}

fn shown_in(samples: &Samples, digits: fn(f64) -> String) -> String {
    match (samples.median(), samples.spread()) {
        (Some(median), Some((least, greatest))) if least < greatest => {
            let [median, least, greatest] = [median, least, greatest].map(digits);
            format!("{median} ({least}-{greatest})")
        }
        (Some(median), _) => digits(median),
        _ => "-".to_owned(),
    }
}

/// Three digits that mean something.
pub(super) fn number(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_are_shown() {
        assert_eq!(number(1234.56), "1235");
        assert_eq!(number(12.345), "12.3");
        assert_eq!(number(0.789), "0.79");
    }

    #[test]
    fn a_spread_of_nothing_is_not_shown() {
        assert_eq!(shown(&Samples::from_iter([5.0, 5.0])), "5.00");
        assert_eq!(
            shown(&Samples::from_iter([1.0, 3.0, 2.0])),
            "2.00 (1.00-3.00)"
        );
    }
}

//! A run: who takes part, whose turn it is, and what came of it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context as _;

use super::apart::Apart;
use super::app::Dialect;
use super::arguments::Options;
use super::bed::Bed;
use super::chain::Chain;
use super::figure::Figure;
use super::measure::{Bench, Measure, Pgbench, Sizes};
use super::peer::{Files, Kind, Peer, Running};
use super::report::{self, Machine};
use super::samples::Samples;
use super::upstream::{block, file};
use super::{limits, program, tell};

/// What a run gave.
pub(super) struct Results {
    pub(super) rounds: u32,
    pub(super) chain: Chain,
    /// Whether each peer had a processor to itself.
    pub(super) apart: bool,
    pub(super) sizes: Sizes,
    pub(super) peers: Vec<Peer>,
    /// Peers and tools that are not installed, and what the system does not allow.
    pub(super) left_out: Vec<String>,
    pub(super) pgbench: Option<String>,
    /// What TLS came to, of all peers together.
    pub(super) negotiated: Vec<String>,
    pub(super) samples: BTreeMap<(Kind, Figure), Samples>,
}

/// Measures, and writes the report.
pub(super) async fn run(
    dialect: Dialect,
    options: &Options,
    apart: Option<Apart>,
) -> anyhow::Result<String> {
    let proxy = if options.watched || wanted(&options.peers, Kind::Proxy) {
        program::proxy(options.proxy.as_deref()).await?
    } else {
        PathBuf::from("azdb-proxy")
    };
    let files = Files {
        proxy,
        haproxy: options.haproxy.clone(),
    };
    let before = Machine::look();
    let (mut peers, mut left_out) = (Vec::new(), Vec::new());
    let kinds: Vec<Kind> = match options.watched {
        true => Kind::PAIR.into(),
        false => Kind::ALL
            .into_iter()
            .filter(|kind| wanted(&options.peers, *kind))
            .collect(),
    };
    for kind in kinds.into_iter().filter(|kind| kind.speaks(dialect)) {
        match Peer::find(kind, &files).await? {
            Some(peer) => peers.push(peer),
            None => left_out.push(kind.name().to_owned()),
        }
    }
    let rounds = if options.quick { 1 } else { options.rounds };
    let sizes = sizes(options, &mut left_out);
    let bed = Bed::make(dialect, options.chain, sizes.most(), apart).await?;
    let pgbench = match dialect {
        Dialect::Postgres => Pgbench::find(&bed).await?,
        Dialect::Mysql => None,
    };
    if pgbench.is_none() && dialect == Dialect::Postgres {
        left_out.push("pgbench".to_owned());
    }
    let version = pgbench.as_ref().map(|pgbench| pgbench.version.clone());
    let bench = Bench {
        bed,
        sizes,
        block: match dialect {
            Dialect::Postgres => block().into(),
            Dialect::Mysql => file().into(),
        },
        pgbench,
    };
    let measures: Vec<_> = Measure::ALL
        .into_iter()
        .filter(|measure| wanted(&options.measures, *measure))
        .collect();
    let samples = take_turns(&bench, &peers, &measures, rounds).await?;
    let results = Results {
        rounds,
        chain: options.chain,
        apart: options.apart,
        sizes,
        peers,
        left_out,
        pgbench: version,
        negotiated: bench.bed.upstream.negotiated(),
        samples,
    };
    Ok(report::markdown(&results, &before, &Machine::look()))
}

/// What is asked for, as far as the system allows it.
fn sizes(options: &Options, left_out: &mut Vec<String>) -> Sizes {
    let mut sizes = match (options.quick, options.watched) {
        (true, false) => Sizes::QUICK,
        (true, true) => Sizes::QUICK.for_seconds(),
        (false, false) => Sizes::FULL,
        (false, true) => Sizes::FULL.for_seconds(),
    };
    let crowd = limits::allow(sizes.crowd);
    if crowd < sizes.crowd {
        let short = sizes.crowd - crowd;
        left_out.push(format!(
            "{short} sessions of a crowd, for want of open files"
        ));
        sizes.crowd = crowd;
    }
    sizes
}

/// Nothing chosen means all.
fn wanted<T: PartialEq>(chosen: &[T], one: T) -> bool {
    chosen.is_empty() || chosen.contains(&one)
}

/// Every peer has its turn at a measure before the next measure, and every round begins with another peer.
async fn take_turns(
    bench: &Bench,
    peers: &[Peer],
    measures: &[Measure],
    rounds: u32,
) -> anyhow::Result<BTreeMap<(Kind, Figure), Samples>> {
    let mut running: Vec<(&Peer, Running)> = Vec::new();
    for peer in peers {
        running.push((
            peer,
            peer.start(&bench.bed, bench.bed.upstream.address).await?,
        ));
    }
    let mut samples: BTreeMap<_, Samples> = BTreeMap::new();
    for round in 1..=rounds {
        tell(&format!("round {round} of {rounds}"));
        for measure in measures
            .iter()
            .filter(|measure| measure.has_its_turn_in(round))
        {
            for (peer, running) in &running {
                let watching = running.watch();
                let taken = bench.take(*measure, peer, running).await;
                drop(watching);
                let what = || format!("{measure:?} of {}", peer.kind.name());
                for (figure, value) in taken.with_context(what)? {
                    samples.entry((peer.kind, figure)).or_default().push(value);
                }
            }
        }
        let first = running.len().min(1);
        running.rotate_left(first);
    }
    for (_, running) in running {
        running.end().await?;
    }
    Ok(samples)
}

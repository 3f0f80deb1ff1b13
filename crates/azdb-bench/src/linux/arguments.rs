//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::chain::Chain;
use super::kept::Spoken;
use super::measure::Measure;
use super::peer::Kind;

/// The proxy beside its peers, measured in one run
#[derive(Debug, Parser)]
#[command(version, max_term_width = 110)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) protocol: Protocol,
}

#[derive(Debug, Subcommand)]
pub(super) enum Protocol {
    /// PostgreSQL: azdb-proxy, HAProxy, PgBouncer and stunnel, those of them that are installed
    Postgres(Options),
    /// MySQL: azdb-proxy and an app's own TLS; the other peers cannot start TLS in its protocol
    Mysql(Options),
    /// TDS: azdb-proxy before an emulated Azure SQL, and the same client with its own TLS; and a client of 7.1 beside one of 7.4
    Tds(TdsOptions),
    /// Sessions kept for apps that connect for every request: from connect to the first row, with the upstream some way off
    Kept(KeptOptions),
}

#[derive(Debug, Args)]
pub(super) struct Options {
    /// How often every peer takes its turn at every measure
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) rounds: u32,
    /// See whether it runs at all: one round of tiny measures, whose figures mean nothing
    #[arg(long, conflicts_with = "rounds")]
    pub(super) quick: bool,
    /// The proxy to measure, instead of the one that `cargo build -p azdb-proxy --no-default-features` makes
    #[arg(long, value_name = "PATH")]
    pub(super) proxy: Option<PathBuf>,
    /// The certificates that the upstream shows
    #[arg(long, value_enum, default_value_t = Chain::Public)]
    pub(super) chain: Chain,
    /// A HAProxy of version 2 or 3 to measure, instead of `haproxy` and `haproxy3` where they are installed; may be repeated
    #[arg(long, value_name = "PATH", env = "HAPROXY")]
    pub(super) haproxy: Vec<PathBuf>,
    /// Only these peers
    #[arg(long = "only", value_name = "PEER", value_delimiter = ',')]
    pub(super) peers: Vec<Kind>,
    /// azdb-proxy twice instead: with its log in a file and its metrics scraped each second, and with neither
    #[arg(long, conflicts_with = "peers")]
    pub(super) watched: bool,
    /// The peer alone on one processor, app and upstream on the others: for latencies, which depend on the scheduler's choice else
    #[arg(long)]
    pub(super) apart: bool,
    /// Only these measures
    #[arg(long = "measure", value_name = "MEASURE", value_delimiter = ',')]
    pub(super) measures: Vec<Measure>,
}

#[derive(Debug, Args)]
pub(super) struct TdsOptions {
    /// Only what it costs to translate for a client of TDS 7.1
    #[arg(long)]
    pub(super) translation: bool,
    /// The certificates that the upstream shows
    #[arg(long, value_enum, default_value_t = Chain::Public)]
    pub(super) chain: Chain,
    /// How often both ways take their turn
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) rounds: u32,
    /// See whether it runs at all: one round of tiny measures, whose figures mean nothing
    #[arg(long, conflicts_with = "rounds")]
    pub(super) quick: bool,
    /// The proxy to measure, instead of the one that `cargo build -p azdb-proxy --no-default-features` makes
    #[arg(long, value_name = "PATH")]
    pub(super) proxy: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct KeptOptions {
    /// Only these protocols
    #[arg(long = "only", value_name = "PROTOCOL", value_delimiter = ',')]
    pub(super) protocols: Vec<Spoken>,
    /// The certificates that the upstream shows
    #[arg(long, value_enum, default_value_t = Chain::Public)]
    pub(super) chain: Chain,
    /// How far the upstream is away, in milliseconds one way
    #[arg(long, value_name = "MS", default_value_t = 5)]
    pub(super) away: u64,
    /// Apps of each way, one after the other
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) apps: u32,
    /// See whether it runs at all: a few apps, whose figures mean nothing
    #[arg(long, conflicts_with = "apps")]
    pub(super) quick: bool,
    /// The proxy to measure, instead of the one that `cargo build -p azdb-proxy --no-default-features` makes
    #[arg(long, value_name = "PATH")]
    pub(super) proxy: Option<PathBuf>,
}

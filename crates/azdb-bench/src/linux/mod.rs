//! The program, on the one system that it runs on.

mod apart;
mod app;
mod app_of_mysql;
mod app_of_postgres;
mod arguments;
mod bed;
mod chain;
mod clock;
mod distance;
mod figure;
mod goals;
mod kept;
mod kernel;
mod limits;
mod measure;
mod messages;
mod packets;
mod peer;
mod program;
mod report;
mod run;
mod samples;
mod tds;
mod tls;
mod upstream;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
use tokio::signal::unix::{SignalKind, signal};

use apart::Apart;
use app::Dialect;
use arguments::{Arguments, Protocol};

/// Measures, and prints the tables as Markdown on standard output.
pub(crate) fn main() -> ExitCode {
    let Arguments { protocol } = Arguments::parse();
    match measure(&protocol) {
        Ok(text) => {
            // A reader that has gone is no reason to fail.
            let _ = std::io::stdout().lock().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Err(error) => {
            tell(&format!("azdb-bench: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn measure(protocol: &Protocol) -> anyhow::Result<String> {
    // Before there is any other thread.
    let apart = match protocol {
        Protocol::Postgres(options) | Protocol::Mysql(options) if options.apart => {
            Some(Apart::leave()?)
        }
        _ => None,
    };
    let runtime = tokio::runtime::Runtime::new().context("cannot start worker threads")?;
    runtime.block_on(unless_stopped(measure_all(protocol, apart)))
}

async fn measure_all(protocol: &Protocol, apart: Option<Apart>) -> anyhow::Result<String> {
    match protocol {
        Protocol::Postgres(options) => run::run(Dialect::Postgres, options, apart).await,
        Protocol::Mysql(options) => run::run(Dialect::Mysql, options, apart).await,
        Protocol::Tds(options) => tds::run(options).await,
        Protocol::Kept(options) => kept::run(options).await,
    }
}

/// Drops the run when a signal comes, and with it every process that it started.
async fn unless_stopped<T>(run: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        outcome = run => outcome,
        _ = interrupt.recv() => anyhow::bail!("interrupted"),
        _ = terminate.recv() => anyhow::bail!("terminated"),
    }
}

/// Says how the run goes.
fn tell(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

//! pgbench as the app: what libpq does, beside what our own app does.

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;
use tokio::process::Command;

use crate::linux::app::{DATABASE, USER, Way};
use crate::linux::bed::Bed;
use crate::linux::program;
use crate::linux::upstream::PASSWORD;

/// pgbench's own `-S`, which can't be had without its tables.
const SCRIPT: &str =
    "\\set aid random(1, 100000)\nSELECT abalance FROM pgbench_accounts WHERE aid = :aid;\n";

/// An installed pgbench and the script it runs.
pub(crate) struct Pgbench {
    program: PathBuf,
    script: PathBuf,
    ca_file: PathBuf,
    /// What it says of itself.
    pub(crate) version: String,
}

impl Pgbench {
    /// `None` when it is not installed.
    pub(crate) async fn find(bed: &Bed) -> anyhow::Result<Option<Self>> {
        let Some(program) = program::find("pgbench") else {
            return Ok(None);
        };
        let version = program::first_line(&program, "--version").await?;
        let script = bed.file("select.sql");
        fs::write(&script, SCRIPT)?;
        let ca_file = bed.ca_file();
        Ok(Some(Self {
            program,
            script,
            ca_file,
            version,
        }))
    }

    /// Runs `each` transactions in each of `clients` sessions. Returns transactions per second, connects not counted.
    pub(super) async fn run(&self, way: &Way, clients: usize, each: usize) -> anyhow::Result<f64> {
        let mut command = Command::new(&self.program);
        command
            .args([
                "--no-vacuum",
                "--protocol=prepared",
                "--jobs=2",
                "--username",
                USER,
            ])
            .arg(format!("--client={clients}"))
            .arg(format!("--transactions={each}"))
            .arg(format!("--host={}", way.address.ip()))
            .arg(format!("--port={}", way.address.port()))
            .arg(format!("--file={}", self.script.display()))
            .arg(DATABASE)
            .env("PGPASSWORD", PASSWORD)
            .env("PGSSLROOTCERT", &self.ca_file)
            .env("PGGSSENCMODE", "disable")
            .env(
                "PGSSLMODE",
                if way.tls.is_some() {
                    "verify-ca"
                } else {
                    "disable"
                },
            )
            .kill_on_drop(true);
        let output = command.output().await.context("cannot run pgbench")?;
        let text = String::from_utf8_lossy(&output.stdout);
        let complaint = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(output.status.success(), "pgbench: {}", complaint.trim());
        rate(&text).with_context(|| format!("pgbench gave no rate: {text}"))
    }
}

/// The number behind `tps = `.
fn rate(text: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix("tps = "))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_stands_behind_tps() {
        let text =
            "latency average = 0.4 ms\ntps = 20217.613124 (without initial connection time)\n";
        assert_eq!(rate(text), Some(20217.613124));
        assert_eq!(rate("pgbench: error"), None);
    }
}

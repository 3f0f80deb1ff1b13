//! A way to the upstream that is open.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::process::Command;

use super::client::Client;
use super::metrics::{self, Opened};
use crate::linux::program::Program;

/// How long a process has from its start to its first session, and sessions from the first app until they wait.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);
/// A way that is open.
pub(super) struct Served {
    pub(super) client: Client,
    program: Option<Program>,
    /// Where metrics are.
    health: Option<SocketAddr>,
}

impl Served {
    pub(super) fn directly(client: Client) -> Self {
        Self {
            client,
            program: None,
            health: None,
        }
    }

    pub(super) async fn start(
        command: Command,
        dir: &Path,
        client: Client,
        health: Option<SocketAddr>,
    ) -> anyhow::Result<Self> {
        let mut program = Program::start(command, &dir.join("log"))?;
        let deadline = Instant::now() + PATIENCE;
        while let Err(error) = client.first_row().await {
            program.must_run()?;
            if Instant::now() > deadline {
                return Err(error.context(program.last_words()));
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(Self {
            client,
            program: Some(program),
            health,
        })
    }

    /// How sessions have come about so far.
    pub(super) async fn opened(&self) -> anyhow::Result<Opened> {
        match self.health {
            Some(health) => Ok(Opened::on(&metrics::page(health).await?)),
            None => Ok(Opened::default()),
        }
    }

    /// Waits until sessions of a kind wait, or patience ends: then the figures show that there are none.
    pub(super) async fn until_kept(&self, kind: &str) -> anyhow::Result<()> {
        let Some(health) = self.health else {
            return Ok(());
        };
        let deadline = Instant::now() + PATIENCE / 10;
        while metrics::kept(&metrics::page(health).await?, kind) == 0 && Instant::now() < deadline {
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    pub(super) fn last_words(&self) -> String {
        let program = self.program.as_ref();
        program.map(Program::last_words).unwrap_or_default()
    }

    pub(super) async fn end(self) -> anyhow::Result<()> {
        match self.program {
            Some(program) => program.end().await,
            None => Ok(()),
        }
    }
}

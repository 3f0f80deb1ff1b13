//! The server, and the two ways to it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use azdb_emulator::{Emulator, EmulatorOptions, SQL_AUDIENCE};
use tempfile::TempDir;
use tokio::process::Command;

use super::app;
use crate::linux::chain::Chain;
use crate::linux::kernel;
use crate::linux::peer;
use crate::linux::program::Program;

/// How long the proxy has from its start to its first session.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two knocks.
const KNOCK: Duration = Duration::from_millis(5);

/// The emulated Azure SQL and files.
pub(super) struct Bed {
    azure: Emulator,
    dir: TempDir,
}

/// A way from the app to the server.
pub(super) struct Way {
    pub(super) name: &'static str,
    pub(super) address: SocketAddr,
    /// With its own TLS: the token, and the authority that it trusts.
    pub(super) own_tls: Option<(String, PathBuf)>,
    program: Option<Program>,
}

impl Bed {
    pub(super) async fn make(chain: Chain) -> anyhow::Result<Self> {
        let azure = Emulator::start(EmulatorOptions {
            certificate: Some(chain.make()?.emulated()),
            ..EmulatorOptions::default()
        })
        .await?;
        let dir = TempDir::with_prefix("azdb-bench-")?;
        azure.write_ca(&dir.path().join("ca.pem"))?;
        Ok(Self { azure, dir })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The app's own TLS and token.
    pub(super) fn direct(&self) -> anyhow::Result<Way> {
        let identities = self.azure.identity().identities();
        let identity = identities.first().context("no identity")?;
        let token = self.azure.issuer().issue(identity, SQL_AUDIENCE)?;
        Ok(Way {
            name: "direct",
            address: self.azure.tds().address(),
            own_tls: Some((token.access_token, self.file("ca.pem"))),
            program: None,
        })
    }

    /// The proxy, serving.
    pub(super) async fn through(&self, proxy: &Path) -> anyhow::Result<Way> {
        let free = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let upstream = self.azure.tds().address();
        let text = format!(
            "[process]\nstate_dir = {state:?}\n[identity]\nsource = \"app-service\"\n[[route]]\nname = \"bench\"\n\
             protocol = \"tds\"\nlisten = \"{free}\"\nupstream = \"localhost:{port}\"\nconnect_to = \"{upstream}\"\n\
             upstream_ca_file = {ca:?}\n",
            state = self.file("state"),
            port = upstream.port(),
            ca = self.file("ca.pem"),
        );
        let file = self.file("proxy.toml");
        let mut command = Command::new(proxy);
        // What the caller's environment holds must not set anything up.
        command.env_clear().current_dir("/");
        peer::proxy::configure(&mut command, &file, &text, self.azure.identity())?;
        let mut program = Program::start(command, &self.file("azdb-proxy.log"))?;
        let mut way = Way {
            name: "azdb-proxy",
            address: free,
            own_tls: None,
            program: None,
        };
        let deadline = Instant::now() + PATIENCE;
        while let Err(error) = app::connect(&way).await {
            program.must_run()?;
            if Instant::now() > deadline {
                return Err(error.context(program.last_words()));
            }
            tokio::time::sleep(KNOCK).await;
        }
        way.program = Some(program);
        Ok(way)
    }

    pub(super) async fn end(self) {
        self.azure.shutdown().await;
    }
}

impl Way {
    /// Processor time of the proxy so far; `None` without one.
    pub(super) fn cpu(&self) -> anyhow::Result<Option<Duration>> {
        let id = self.program.as_ref().map(|program| program.id);
        id.map(kernel::cpu).transpose()
    }

    /// The proxy's memory in bytes; `None` without one, or where the kernel does not say.
    pub(super) fn resident(&self) -> Option<f64> {
        let id = self.program.as_ref()?.id;
        #[expect(clippy::cast_precision_loss, reason = "memory is far below 2^52 bytes")]
        kernel::resident(id).ok().map(|bytes| bytes as f64)
    }

    pub(super) fn last_words(&self) -> String {
        self.program
            .as_ref()
            .map(Program::last_words)
            .unwrap_or_default()
    }

    pub(super) async fn end(self) -> anyhow::Result<()> {
        match self.program {
            Some(program) => program.end().await,
            None => Ok(()),
        }
    }
}

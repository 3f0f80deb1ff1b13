//! The emulated Azure of the demo, for a proxy beside it: doors whose ports are known, and its authority and tokens in files.
//!
//! The repository's own `proxy.toml` is such a proxy.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use azdb_emulator::{Emulator, EmulatorOptions, ManagedIdentity, OSSRDBMS_AUDIENCE, SQL_AUDIENCE};

/// Where its doors are: PostgreSQL, MySQL, SQL Server.
const PORTS: [u16; 3] = [25432, 23306, 21433];

/// What the demo has written for others; it goes with it.
pub(super) struct Shared {
    files: Vec<PathBuf>,
}

/// Puts the doors where others look for them.
pub(super) fn doors(options: &mut EmulatorOptions) {
    let [postgres, mysql, tds] = PORTS.map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    options.postgres.bind = postgres;
    options.mysql.bind = mysql;
    options.tds.bind = tds;
}

impl Shared {
    /// Writes what a proxy in front of `azure` reads.
    pub(super) fn write(
        azure: &Emulator,
        identity: &ManagedIdentity,
        directory: &Path,
    ) -> anyhow::Result<Self> {
        std::fs::create_dir_all(directory)
            .with_context(|| format!("cannot make {}", directory.display()))?;
        let mut shared = Self { files: Vec::new() };
        for (name, audience) in [
            ("oss.token", OSSRDBMS_AUDIENCE),
            ("sql.token", SQL_AUDIENCE),
        ] {
            let token = azure.issuer().issue(identity, audience)?.access_token;
            shared.put(directory.join(name), token.as_bytes())?;
        }
        let ca_file = directory.join("azure.pem");
        azure.write_ca(&ca_file)?;
        shared.files.push(ca_file);
        Ok(shared)
    }

    /// Nobody else can read it, also while it is being written, and it is never written through a link.
    fn put(&mut self, path: PathBuf, content: &[u8]) -> anyhow::Result<()> {
        let told = || format!("cannot write {}", path.display());
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let _ = std::fs::remove_file(&path);
        let mut file = options.open(&path).with_context(told)?;
        file.write_all(content).with_context(told)?;
        self.files.push(path);
        Ok(())
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        for file in &self.files {
            let _ = std::fs::remove_file(file);
        }
    }
}

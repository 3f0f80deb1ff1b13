//! What all peers of a run lie in: the upstream, the identity endpoint, the authority, a directory.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use azdb_emulator::{IdentityEndpoint, Issuer, ManagedIdentity};
use rustls::ClientConfig;
use tempfile::TempDir;

use super::apart::Apart;
use super::app::Dialect;
use super::chain::Chain;
use super::tls::Tls;
use super::upstream::Upstream;

/// A tenant of nobody's.
const TENANT: &str = azdb_emulator::DEFAULT_TENANT;
/// What stands in `IDENTITY_HEADER`.
const HEADER: &str = "bench";

pub(super) struct Bed {
    pub(super) dialect: Dialect,
    /// Sessions that a peer must hold at a time.
    pub(super) most: usize,
    /// Where peers run, if not anywhere.
    pub(super) apart: Option<Apart>,
    dir: TempDir,
    pub(super) upstream: Upstream,
    /// Gives the proxy its tokens, as App Service does.
    pub(super) identity: IdentityEndpoint,
    /// TLS of an app that goes without a peer.
    pub(super) client: Arc<ClientConfig>,
}

impl Bed {
    pub(super) async fn make(
        dialect: Dialect,
        chain: Chain,
        most: usize,
        apart: Option<Apart>,
    ) -> anyhow::Result<Self> {
        let dir = tempfile::Builder::new().prefix("azdb-bench-").tempdir()?;
        // PgBouncer, started by root, becomes somebody else and reads its files as such.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755))?;
        let tls = Tls::new(chain)?;
        fs::write(dir.path().join("ca.pem"), &tls.ca_pem)?;
        let issuer = Issuer::new(TENANT)?;
        let upstream = Upstream::start(tls.server, issuer.clone(), dialect).await?;
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let identities = vec![ManagedIdentity::system_assigned("bench")];
        let identity = IdentityEndpoint::start(loopback, HEADER, identities, issuer).await?;
        Ok(Self {
            dialect,
            most,
            apart,
            dir,
            upstream,
            identity,
            client: tls.client,
        })
    }

    /// A file of the run.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The authority's certificate.
    pub(super) fn ca_file(&self) -> PathBuf {
        self.file("ca.pem")
    }

    /// A place to listen at that was free a moment ago.
    pub(super) fn free_address(&self) -> std::io::Result<SocketAddr> {
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
    }
}

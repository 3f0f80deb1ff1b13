//! All of it at once.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use crate::certificates::{Authority, CertificateError, ServerCertificate};
use crate::door::ANYWHERE;
use crate::identity::{IdentityEndpoint, ManagedIdentity};
use crate::issuer::{Issuer, IssuerError};
use crate::mysql::{MysqlOptions, MysqlServer};
use crate::postgres::{PostgresOptions, PostgresServer};
use crate::principal::Principal;
use crate::random;
use crate::sample::{Sample, SampleError};
use crate::tds::{TdsOptions, TdsServer};

/// The role of [`EmulatorOptions::default`].
pub const DEFAULT_ROLE: &str = "orders-app";

/// The tenant of [`EmulatorOptions::default`].
pub const DEFAULT_TENANT: &str = "5ba9b9e1-5c5c-4f0e-9d0a-1d9b3c6f2a10";

/// How an emulator is set up. The default listens on free loopback ports, knows one
/// system-assigned identity and maps the role [`DEFAULT_ROLE`] to it.
#[derive(Debug, Clone)]
pub struct EmulatorOptions {
    /// Where the identity endpoint listens.
    pub identity: SocketAddr,
    /// The value of `IDENTITY_HEADER`; `None` for a random one.
    pub identity_secret: Option<String>,
    /// The identities that may be asked for.
    pub identities: Vec<ManagedIdentity>,
    /// Tenant id in the tokens.
    pub tenant: String,
    /// Names and IP addresses in the servers' certificates.
    pub names: Vec<String>,
    /// What the servers show instead of a certificate for these names; `None` has one made.
    pub certificate: Option<Arc<ServerCertificate>>,
    /// Who may log in with a token, at every server. Without any, each identity is a principal of its own name.
    pub principals: Vec<Principal>,
    /// The PostgreSQL server.
    pub postgres: PostgresOptions,
    /// The MySQL server.
    pub mysql: MysqlOptions,
    /// The TDS server.
    pub tds: TdsOptions,
}

impl Default for EmulatorOptions {
    fn default() -> Self {
        Self {
            identity: ANYWHERE,
            identity_secret: None,
            identities: vec![ManagedIdentity {
                client_id: "7d1c1b3c-2f65-4a52-8e37-3f1f0d6c9b01".to_owned(),
                object_id: "c0ffee00-5a0e-4b1d-9f5c-2b7e8d4a6f02".to_owned(),
                ..ManagedIdentity::system_assigned(DEFAULT_ROLE)
            }],
            tenant: DEFAULT_TENANT.to_owned(),
            names: vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
            certificate: None,
            principals: Vec::new(),
            postgres: PostgresOptions::default(),
            mysql: MysqlOptions::default(),
            tds: TdsOptions::default(),
        }
    }
}

/// Why the emulator did not start.
#[derive(Debug, thiserror::Error)]
pub enum EmulatorError {
    /// No signing key.
    #[error("no token issuer")]
    Issuer(#[from] IssuerError),
    /// No certificate authority, or no certificate for the servers' names.
    #[error("no certificate")]
    Certificate(#[from] CertificateError),
    /// No sample.
    #[error("no sample")]
    Sample(#[from] SampleError),
    /// An address can't be listened on.
    #[error("cannot listen on `{address}` for {protocol}")]
    Listen {
        /// The wished address.
        address: SocketAddr,
        /// Who would be served there.
        protocol: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// What all doors share.
pub(crate) struct Azure {
    pub(crate) issuer: Issuer,
    pub(crate) authority: Authority,
    /// In the servers' certificates.
    pub(crate) names: Vec<String>,
    pub(crate) principals: Vec<Principal>,
    pub(crate) sample: Sample,
}

/// Azure on a laptop, running. Dropping it ends everything; [`shutdown`](Self::shutdown) also waits.
pub struct Emulator {
    azure: Arc<Azure>,
    identity: IdentityEndpoint,
    postgres: PostgresServer,
    mysql: MysqlServer,
    tds: TdsServer,
}

impl Emulator {
    /// Starts everything.
    pub async fn start(options: EmulatorOptions) -> Result<Self, EmulatorError> {
        let identities = options.identities;
        let azure = Arc::new(Azure {
            issuer: Issuer::new(&options.tenant)?,
            authority: Authority::new(options.certificate)?,
            names: options.names,
            principals: match options.principals.is_empty() {
                true => identities.iter().map(Principal::of).collect(),
                false => options.principals,
            },
            sample: Sample::new().await?,
        });
        let secret = options.identity_secret.unwrap_or_else(|| random::hex(16));
        let issuer = azure.issuer.clone();
        Ok(Self {
            identity: IdentityEndpoint::start(options.identity, &secret, identities, issuer)
                .await?,
            postgres: PostgresServer::start(options.postgres, &azure).await?,
            mysql: MysqlServer::start(options.mysql, &azure).await?,
            tds: TdsServer::start(options.tds, &azure).await?,
            azure,
        })
    }

    /// Signs the tokens; script it to get wrong ones.
    #[must_use]
    pub fn issuer(&self) -> &Issuer {
        &self.azure.issuer
    }

    /// Gives the tokens; script it to get failures.
    #[must_use]
    pub fn identity(&self) -> &IdentityEndpoint {
        &self.identity
    }

    /// Takes the tokens.
    #[must_use]
    pub fn postgres(&self) -> &PostgresServer {
        &self.postgres
    }

    /// Takes the tokens too, over TDS.
    #[must_use]
    pub fn tds(&self) -> &TdsServer {
        &self.tds
    }

    /// Takes the tokens, too.
    #[must_use]
    pub fn mysql(&self) -> &MysqlServer {
        &self.mysql
    }

    /// Who may log in.
    #[must_use]
    pub fn principals(&self) -> &[Principal] {
        &self.azure.principals
    }

    /// The certificate authority of the servers, PEM.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        self.azure.authority.ca_pem()
    }

    /// Writes [`ca_pem`](Self::ca_pem) to a file.
    pub fn write_ca(&self, file: &Path) -> io::Result<()> {
        std::fs::write(file, self.ca_pem())
    }

    /// Stops listening, ends all sessions and waits until nothing of it runs any more.
    pub async fn shutdown(self) {
        self.identity.shutdown().await;
        self.postgres.shutdown().await;
        self.mysql.shutdown().await;
        self.tds.shutdown().await;
    }
}

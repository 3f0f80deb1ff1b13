//! All of it at once.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use crate::certificates::{Authority, CertificateError};
use crate::identity::{IdentityEndpoint, ManagedIdentity};
use crate::issuer::{Issuer, IssuerError};
use crate::mysql::{MysqlOptions, MysqlServer};
use crate::postgres::{PostgresError, PostgresOptions, PostgresServer};
use crate::principal::Principal;
use crate::random;
use crate::sample::{Sample, SampleError};
use crate::tds::{TdsError, TdsOptions, TdsServer};

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
    /// The PostgreSQL server. Without principals, each identity is one of its own name.
    pub postgres: PostgresOptions,
    /// The MySQL server. Without principals, each identity is one of its own name.
    pub mysql: MysqlOptions,
    /// The TDS server. Without principals, each identity is one of its own name.
    pub tds: TdsOptions,
}

impl Default for EmulatorOptions {
    fn default() -> Self {
        Self {
            identity: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            identity_secret: None,
            identities: vec![ManagedIdentity {
                client_id: "7d1c1b3c-2f65-4a52-8e37-3f1f0d6c9b01".to_owned(),
                object_id: "c0ffee00-5a0e-4b1d-9f5c-2b7e8d4a6f02".to_owned(),
                ..ManagedIdentity::system_assigned(DEFAULT_ROLE)
            }],
            tenant: DEFAULT_TENANT.to_owned(),
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
    /// No certificate authority, or no certificate for a server's names.
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
    /// No PostgreSQL server.
    #[error("no PostgreSQL server")]
    Postgres(#[from] PostgresError),
    /// No TDS server.
    #[error("no TDS server")]
    Tds(#[from] TdsError),
}

/// Azure on a laptop, running. Dropping it ends everything; [`shutdown`](Self::shutdown) also waits.
pub struct Emulator {
    issuer: Issuer,
    authority: Authority,
    identity: IdentityEndpoint,
    postgres: PostgresServer,
    mysql: MysqlServer,
    tds: TdsServer,
}

impl Emulator {
    /// Starts everything.
    pub async fn start(options: EmulatorOptions) -> Result<Self, EmulatorError> {
        let issuer = Issuer::new(&options.tenant)?;
        let authority = Authority::new()?;
        let sample = Arc::new(Sample::new().await?);
        let secret = options.identity_secret.unwrap_or_else(|| random::hex(16));
        let (mut postgres, mut mysql, mut tds) = (options.postgres, options.mysql, options.tds);
        for principals in [
            &mut postgres.principals,
            &mut mysql.principals,
            &mut tds.principals,
        ] {
            if principals.is_empty() {
                principals.extend(options.identities.iter().map(Principal::of));
            }
        }
        let identity = IdentityEndpoint::start(
            options.identity,
            &secret,
            options.identities,
            issuer.clone(),
        )
        .await?;
        let mysql =
            MysqlServer::start(mysql, &authority, issuer.clone(), Arc::clone(&sample)).await?;
        let postgres =
            PostgresServer::start(postgres, &authority, issuer.clone(), Arc::clone(&sample))
                .await?;
        let tds = TdsServer::start(tds, &authority, issuer.clone(), sample).await?;
        Ok(Self {
            issuer,
            authority,
            identity,
            postgres,
            mysql,
            tds,
        })
    }

    /// Signs the tokens; script it to get wrong ones.
    #[must_use]
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
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

    /// The certificate authority of the servers, PEM.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        self.authority.ca_pem()
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

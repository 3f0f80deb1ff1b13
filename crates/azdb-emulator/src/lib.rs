//! Azure on a laptop: an identity endpoint that signs tokens, and the doors of TLS-only database
//! servers that accept nothing else, before real databases or a small sample.
//!
//! ```text
//!   app or proxy                        azdb-emulator                          server behind
//!    | GET /msi/token                ---> IdentityEndpoint --+
//!    | <------------------- token --                         |  Issuer (keys made at start)
//!    | TLS, role, token as password  ---> PostgresServer  ---+-- password ---> PostgreSQL
//!    | TLS, user, token in the clear ---> MysqlServer     ---+-- password ---> MySQL, MariaDB
//!    | TLS, token in LOGIN7          ---> TdsServer       ---+-- password ---> SQL Server
//!    | <======================= bytes, as the server behind sends them ======> |
//!    | <----------------- rows -----      or the Sample's
//! ```
//!
//! For demonstrations, for the proxy's tests and for the tests of its users. Nothing here shares
//! code with the proxy's own codec, so that a mistake there can't cancel itself out here.
//!
//! ```no_run
//! # async fn example() -> Result<(), azdb_emulator::EmulatorError> {
//! use azdb_emulator::{Emulator, EmulatorOptions};
//!
//! let azure = Emulator::start(EmulatorOptions::default()).await?;
//! println!("IDENTITY_ENDPOINT={}", azure.identity().url());
//! println!("IDENTITY_HEADER={}", azure.identity().secret());
//! println!("host=localhost port={}", azure.postgres().address().port());
//! # Ok(())
//! # }
//! ```
//!
//! # Invariants
//!
//! * Nothing logs or shows a token.
//! * Nothing is global: emulators in one process don't know of each other.
//! * Nothing runs on after [`Emulator::shutdown`].

mod behind;
mod certificates;
mod door;
mod emulator;
pub mod identity;
pub mod issuer;
#[cfg(unix)]
pub mod local;
pub mod mysql;
pub mod postgres;
mod principal;
mod random;
mod sample;
pub mod tds;
mod unverified;

pub use behind::{Behind, BehindProtocol, NotBehind};
pub use certificates::{CertificateError, ServerCertificate};
pub use door::Door;
pub use emulator::{DEFAULT_ROLE, DEFAULT_TENANT, Emulator, EmulatorError, EmulatorOptions};
pub use identity::{Assigned, Behaviour, IdentityEndpoint, ManagedIdentity};
pub use issuer::{Flaw, Issuer, OSSRDBMS_AUDIENCE, SQL_AUDIENCE, Shape};
pub use mysql::{ChangesOfUser, MysqlLogin, MysqlOptions, MysqlRefusal, MysqlServer};
pub use postgres::{PostgresOptions, PostgresServer, Refusal};
pub use principal::Principal;
pub use sample::{Sample, SampleError};
pub use tds::{TdsOptions, TdsServer};

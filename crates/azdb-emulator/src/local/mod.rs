//! Real database servers, of the packages of this machine, for as long as this process runs.
//!
//! ```text
//!   this process                          sh, the leash                    the server
//!    | temporary directory, 0700
//!    | --- start, as another user if root --> |
//!    |                                        | -- makes its files, sample --> |
//!    | <--------------- its log: ready ---------------------------------------|
//!    | ============ a socket in the directory, one role, no password ========> |
//!    | --- end of standard input -----------> |
//!    |                                        | -- ends it, removes all -----> X
//! ```
//!
//! The end of this process, whatever caused it, is the end of the leash's standard input.
//!
//! # Invariants
//!
//! * No server runs as root.
//! * No server listens on the network.
//! * No role but the gatekeeper's can log in, and that one is no superuser.
//! * Neither server nor directory outlives this process.

mod leash;
mod mariadb;
mod place;
mod postgres;
mod programs;
mod sample;
#[cfg(test)]
mod tests;

use std::io;

use crate::Behind;

use leash::Leash;

/// The database that holds the sample. The role owns it.
const DATABASE: &str = "orders";

/// A database server that has been started here. Dropping it ends it; [`shutdown`](Self::shutdown) also waits.
pub struct LocalServer {
    product: String,
    behind: Behind,
    leash: Leash,
}

/// Why no server was started.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// There is none to start.
    #[error("no {0} server is installed here")]
    Missing(&'static str),
    /// The system would not.
    #[error("the system did not let it start")]
    System(#[from] io::Error),
    /// It gave up, with these words.
    #[error("it did not start: {0}")]
    Ended(String),
    /// It neither came up nor gave up.
    #[error("it is not ready after {} s", leash::PATIENCE.as_secs())]
    Late,
}

impl LocalServer {
    /// Its name and version.
    #[must_use]
    pub fn product(&self) -> &str {
        &self.product
    }

    /// It as the server behind a door. It lets in [`DEFAULT_ROLE`](crate::DEFAULT_ROLE) and nobody else.
    #[must_use]
    pub fn behind(&self) -> &Behind {
        &self.behind
    }

    /// Ends it, and waits until it has gone with its files.
    pub async fn shutdown(self) {
        self.leash.release().await;
    }
}

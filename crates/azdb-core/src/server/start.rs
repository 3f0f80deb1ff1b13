//! Why the server cannot start, or go on with another configuration.

use std::io;
use std::time::Duration;

use azdb_config::route::ListenAddr;
use azdb_identity::TokenError;
use azdb_quote::Spelled;
use tokio::task::JoinError;

use crate::reception::ReceptionError;

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A door cannot be opened.
    #[error("route \"{route}\": cannot listen on {listen}{advice}")]
    Listen {
        /// Which route.
        route: String,
        /// Where.
        listen: ListenAddr,
        /// Who has it, and what to do; empty where nothing is known.
        advice: String,
        /// What the kernel says.
        #[source]
        source: io::Error,
    },
    /// An address of `[health]` or `[admin]` cannot be opened.
    #[error("cannot listen on {listen}{advice}")]
    Endpoint {
        /// Where.
        listen: ListenAddr,
        /// Who has it, and what to do; empty where nothing is known.
        advice: String,
        /// What the kernel says.
        #[source]
        source: io::Error,
    },
    /// A route cannot take anybody in.
    #[error("route \"{route}\"")]
    Reception {
        /// Which route.
        route: String,
        /// Why.
        #[source]
        source: ReceptionError,
    },
    /// Making what the routes need broke off.
    #[error("what the routes need was not made: a bug in azdb-proxy")]
    Bug(#[source] JoinError),
    /// The server comes to its end.
    #[error("the proxy is shutting down")]
    ShuttingDown,
    /// There is no token for a route, and the configuration demands one (`require_ready`).
    #[error("route \"{route}\": no token ({remedy})")]
    NotReady {
        /// Which route.
        route: String,
        /// What to do.
        remedy: String,
        /// What the source said.
        #[source]
        source: TokenError,
    },
    /// Somebody has opened sockets for us that no route wants.
    #[error(
        "no route listens where a socket was passed to this process: {sockets}; write it into a route's listen, or take it out of the socket unit"
    )]
    NobodysSocket {
        /// Their names and addresses.
        sockets: String,
    },
    /// There is none in time.
    #[error("route \"{route}\": no token within {}, see ready_timeout ({remedy})", Spelled(*.patience))]
    NotReadyInTime {
        /// Which route.
        route: String,
        /// How long it was waited for.
        patience: Duration,
        /// What to do.
        remedy: String,
        /// What the source said, if anything.
        #[source]
        source: Option<TokenError>,
    },
}

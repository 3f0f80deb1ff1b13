//! Opening the doors of a route, and why the server cannot start.

use std::io;
use std::net::Ipv6Addr;
use std::time::Duration;

use azdb_config::route::{ListenAddr, Route};
use azdb_identity::TokenError;
use azdb_quote::{Chain, Spelled};

use crate::reception::ReceptionError;
use crate::socket::{Families, Reserved};

/// "Address family not supported", which std does not name.
pub(super) const EAFNOSUPPORT: i32 = if cfg!(target_os = "linux") { 97 } else { 47 };

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A door cannot be opened.
    #[error("route \"{route}\": cannot listen on {listen}")]
    Listen {
        /// Which route.
        route: String,
        /// Where.
        listen: ListenAddr,
        /// What the kernel says.
        #[source]
        source: io::Error,
    },
    /// An address of `[health]` or `[admin]` cannot be opened.
    #[error("cannot listen on {listen}")]
    Endpoint {
        /// Where.
        listen: ListenAddr,
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

/// Takes every address of a route.
pub(super) fn reserve_doors(route: &Route) -> Result<Vec<(Reserved, ListenAddr)>, StartError> {
    let mut taken = Vec::new();
    for listen in &route.listen {
        match Reserved::at(listen, route.unix_rights, Families::Own) {
            Ok(door) => taken.push((door, listen.clone())),
            Err(error) if is_missing_ipv6(listen, &error) && route.listen.len() > 1 => {
                tracing::info!(route = %route.name, %listen, error = %Chain(&error), "this machine has no such address, left out");
            }
            Err(source) => {
                let (route, listen) = (route.name.clone(), listen.clone());
                return Err(StartError::Listen {
                    route,
                    listen,
                    source,
                });
            }
        }
    }
    Ok(taken)
}

/// `[::1]` is a default, and many containers have no IPv6.
pub(super) fn is_missing_ipv6(listen: &ListenAddr, error: &io::Error) -> bool {
    let is_default = matches!(listen, ListenAddr::Tcp(addr) if addr.ip() == Ipv6Addr::LOCALHOST);
    is_default
        && (error.kind() == io::ErrorKind::AddrNotAvailable
            || error.raw_os_error() == Some(EAFNOSUPPORT))
}

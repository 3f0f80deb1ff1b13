//! What may be asked for at a door, and by whom.

use azdb_config::route::ListenAddr;

use crate::socket::Peer;

/// One door's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Desk {
    pub(crate) pages: Pages,
    pub(super) reach: Reach,
    /// Whether the process can be ended here.
    pub(super) may_end: bool,
}

/// What may be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pages {
    /// Health and metrics.
    Health,
    /// Status, and the end of the process.
    Admin,
}

impl Pages {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Health => "[health]",
            Self::Admin => "[admin]",
        }
    }
}

/// From where it may be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// By whoever may open the socket file or the pipe.
    Guarded,
    /// From this machine.
    Loopback,
    /// From others, because the configuration says so.
    Network,
}

impl Reach {
    fn of(listen: &ListenAddr) -> Self {
        match listen {
            ListenAddr::Unix(_) | ListenAddr::Pipe(_) => Self::Guarded,
            ListenAddr::Tcp(addr) if addr.ip().to_canonical().is_loopback() => Self::Loopback,
            ListenAddr::Tcp(_) => Self::Network,
        }
    }
}

impl Desk {
    pub(crate) fn health(listen: &ListenAddr) -> Self {
        Self {
            pages: Pages::Health,
            reach: Reach::of(listen),
            may_end: false,
        }
    }

    pub(crate) fn admin(listen: &ListenAddr, ends_over_tcp: bool) -> Self {
        let reach = Reach::of(listen);
        Self {
            pages: Pages::Admin,
            reach,
            may_end: ends_over_tcp || reach == Reach::Guarded,
        }
    }

    /// Whether `peer` may ask at all: over an admin socket root and our own user, whatever its mode has become.
    pub(super) fn admits(self, peer: Peer) -> bool {
        match (self.pages, peer) {
            #[cfg(unix)]
            (Pages::Admin, Peer::Unix(uid)) => {
                uid == 0 || uid == rustix::process::geteuid().as_raw()
            }
            _ => true,
        }
    }
}

//! The doors of a server: taken, opened, handed on to new settings, closed.

use std::io;
use std::net::{Ipv6Addr, SocketAddr};
use std::sync::Arc;

use azdb_config::route::{ListenAddr, Route};
use azdb_quote::Chain;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::StartError;
use super::taken::advice;
use crate::ending::Ending;
use crate::listener::Listener;
use crate::reception::Reception;
use crate::socket::{Door, Families, PassedSockets, Reserved, Warden};
use crate::way::Home;

/// "Address family not supported", which std does not name.
pub(super) const EAFNOSUPPORT: i32 = if cfg!(target_os = "linux") {
    97
} else if cfg!(windows) {
    10_047
} else {
    47
};

/// A door that is open.
pub(super) struct OpenDoor {
    /// As the configuration has it.
    listen: ListenAddr,
    /// With the port that the kernel chose for port 0.
    pub(super) address: ListenAddr,
    pub(super) route: Arc<Route>,
    /// Who takes in whoever comes.
    reception: watch::Sender<Reception>,
    /// Set when it is to close.
    closing: CancellationToken,
    warden: Warden,
    serving: Serving,
}

enum Serving {
    /// Nobody is taken in yet; connections wait in the kernel.
    NotYet(Listener<Door>),
    Now(JoinHandle<()>),
}

/// A door that routes want: the one that is there, or what will be one.
pub(super) enum Wanted<D> {
    /// It is open: this one, of those that were given.
    Open(usize),
    /// It is for them alone.
    New(D, ListenAddr),
}

impl Wanted<Reserved> {
    /// Where apps will reach it, if it is a new one.
    pub(super) fn local_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Open(_) => None,
            Self::New(reserved, _) => reserved.local_addr(),
        }
    }

    /// Lets apps connect, who are taken in later.
    pub(super) async fn open(self, route: &Route) -> Result<Wanted<Door>, StartError> {
        match self {
            Self::Open(index) => Ok(Wanted::Open(index)),
            Self::New(reserved, listen) => match reserved.open().await {
                Ok(door) => Ok(Wanted::New(door, listen)),
                Err(source) => Err(cannot_listen(route, &listen, source)),
            },
        }
    }
}

impl OpenDoor {
    pub(super) fn new(
        door: Door,
        listen: ListenAddr,
        reception: Reception,
        ending: &Ending,
        home: &Arc<Home>,
    ) -> Self {
        let address = door.local_addr().map(ListenAddr::Tcp);
        let (route, reception) = (Arc::clone(reception.route()), watch::Sender::new(reception));
        // At a socket that outlives us whoever comes during the drain waits for the next process.
        let closing = match door.is_passed() {
            true => ending.closing.child_token(),
            false => ending.shut.child_token(),
        };
        let warden = door.warden(&listen);
        let listener = Listener::new(door, reception.subscribe(), Arc::clone(home));
        Self {
            address: address.unwrap_or_else(|| listen.clone()),
            listen,
            route,
            reception,
            closing,
            warden,
            serving: Serving::NotYet(listener),
        }
    }

    /// Begins to take people in.
    pub(super) fn serve(self, ending: &Ending) -> Self {
        let serving = match self.serving {
            Serving::NotYet(listener) => {
                let closing = self.closing.clone();
                Serving::Now(ending.doors.spawn(listener.serve_until(closing)))
            }
            serving @ Serving::Now(_) => serving,
        };
        Self { serving, ..self }
    }

    /// From now on it leads to `reception`.
    pub(super) fn lead_to(&mut self, reception: Reception) {
        let route = Arc::clone(reception.route());
        if route.rights != self.route.rights
            && let Err(error) = self.warden.set_rights(&route.rights)
        {
            tracing::warn!(route = %route.name, listen = %self.listen, error = %Chain(&error), "the door keeps its rights");
        }
        self.route = route;
        self.reception.send_replace(reception);
    }

    /// Closes it, when those who wait at it have been taken in.
    pub(super) async fn close(self) {
        self.closing.cancel();
        if let Serving::Now(task) = self.serving {
            let _ = task.await;
        }
    }

    /// Whether a route that wants `listen` may have it. A port that the kernel chose stays its route's.
    fn serves(&self, listen: &ListenAddr, route: &Route) -> bool {
        let is_of_route = || self.route.is_same_as(route);
        let is_anybodys = !matches!(listen, ListenAddr::Tcp(addr) if addr.port() == 0);
        self.listen == *listen && (is_anybodys || is_of_route()) && self.is_in_place()
    }

    /// Whether apps find it there. A socket file may have been removed.
    fn is_in_place(&self) -> bool {
        match &self.listen {
            ListenAddr::Tcp(_) | ListenAddr::Pipe(_) => true,
            ListenAddr::Unix(path) => std::fs::symlink_metadata(path).is_ok(),
        }
    }
}

/// The doors that `routes` want, in their order: those of `open` that can stay, those that were passed to
/// us, and new ones, whose addresses are taken.
pub(super) fn doors_for(
    routes: &[Arc<Route>],
    open: &[OpenDoor],
    passed: &mut PassedSockets,
) -> Result<Vec<Vec<Wanted<Reserved>>>, StartError> {
    let mut free: Vec<usize> = (0..open.len()).collect();
    let mut doors = Vec::new();
    for route in routes {
        let mut of_route = Vec::new();
        for listen in &route.listen {
            let serves = |index: &usize| {
                let door = open.get(*index);
                door.is_some_and(|door| door.serves(listen, route))
            };
            match free.iter().position(serves) {
                Some(at) => of_route.push(Wanted::Open(free.remove(at))),
                None => of_route.extend(reserve(route, listen, passed)?),
            }
        }
        doors.push(of_route);
    }
    Ok(doors)
}

/// Takes an address of a route. `None` for one that this machine need not have.
fn reserve(
    route: &Route,
    listen: &ListenAddr,
    passed: &mut PassedSockets,
) -> Result<Option<Wanted<Reserved>>, StartError> {
    let reserved = match passed.take(listen) {
        Ok(Some(reserved)) => Ok(reserved),
        Ok(None) => Reserved::at(listen, &route.rights, Families::Own),
        Err(error) => Err(error),
    };
    match reserved {
        Ok(door) => Ok(Some(Wanted::New(door, listen.clone()))),
        Err(error) if is_missing_ipv6(listen, &error) && route.listen.len() > 1 => {
            tracing::info!(route = %route.name, %listen, error = %Chain(&error), "this machine has no such address, left out");
            Ok(None)
        }
        Err(source) => Err(cannot_listen(route, listen, source)),
    }
}

fn cannot_listen(route: &Route, listen: &ListenAddr, source: io::Error) -> StartError {
    let advice = advice(listen, &source);
    let (route, listen) = (route.name.clone(), listen.clone());
    StartError::Listen {
        route,
        listen,
        advice,
        source,
    }
}

/// `[::1]` is a default, and many containers have no IPv6.
pub(super) fn is_missing_ipv6(listen: &ListenAddr, error: &io::Error) -> bool {
    let is_default = matches!(listen, ListenAddr::Tcp(addr) if addr.ip() == Ipv6Addr::LOCALHOST);
    is_default
        && (error.kind() == io::ErrorKind::AddrNotAvailable
            || error.raw_os_error() == Some(EAFNOSUPPORT))
}

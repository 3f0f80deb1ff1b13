//! What a server consists of, and how it becomes another one: all of it, or nothing.
//!
//! ```text
//!   routes --> doors: those that are open stay, new ones are taken ---> Prepared --> new doors open --> in force, at once
//!         '--> receptions: new settings around the state of before --'                                      |
//!                                                                              doors that nobody wants close'
//! ```
//!
//! # Invariants
//!
//! * Whatever fails changes nothing: what was taken and opened for it is let go again.
//! * A door that the old and the new routes have is never closed, not for a moment.
//! * A session goes on under the settings with which it began, whatever becomes of its route.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use azdb_config::route::{ListenAddr, ProtocolName, Route};
use azdb_identity::{Clock, Tokens};
use azdb_names::Names;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::StartError;
use super::doors::{OpenDoor, Wanted, doors_for};
use crate::ending::Ending;
use crate::reception::{Beside, Reception, Receptions, Resources};
use crate::reload::Reloads;
use crate::socket::{Door, PassedSockets, Reserved};
use crate::tls::{LocalAuthority, LocalTlsError, PlatformRoots};
use crate::way::Home;
use crate::workers::Workers;

/// What a server consists of.
pub(super) struct Premises {
    /// Held by whoever changes them.
    pub(super) changing: tokio::sync::Mutex<Beside>,
    standing: Mutex<Standing>,
    pub(super) receptions: Receptions,
    pub(super) tokens: Tokens,
    names: Names,
    home: Arc<Home>,
    pub(super) ending: Ending,
    /// Every door is open.
    pub(super) opened: CancellationToken,
    pub(super) reloads: Reloads,
    pub(super) started: SystemTime,
    /// Who looks whether tokens of before are still needed.
    pub(super) looks: Mutex<Option<JoinHandle<()>>>,
}

/// What is open.
#[derive(Default)]
struct Standing {
    doors: Vec<OpenDoor>,
    /// Whether people are taken in.
    serves: bool,
}

/// What routes need, made and not in force.
pub(super) struct Prepared {
    /// For each reception those that its route wants.
    doors: Vec<Vec<Wanted<Reserved>>>,
    pub(super) receptions: Vec<Reception>,
}

impl Prepared {
    /// With what is spoken at each.
    fn local_addrs(&self) -> impl Iterator<Item = (ProtocolName, SocketAddr)> {
        let routes = self.receptions.iter().zip(&self.doors);
        routes.flat_map(|(reception, doors)| {
            let protocol = reception.route().protocol;
            let addrs = doors.iter().filter_map(Wanted::local_addr);
            addrs.map(move |addr| (protocol, addr))
        })
    }
}

/// What another configuration has changed.
#[derive(Debug, Default)]
pub struct Changes {
    /// Routes that there were not before.
    pub added: Vec<String>,
    /// Routes that there are not any more. Their sessions go on.
    pub removed: Vec<String>,
    /// Doors that were opened.
    pub opened: Vec<(Arc<Route>, ListenAddr)>,
    /// Doors that were closed.
    pub closed: Vec<(Arc<Route>, ListenAddr)>,
}

/// Makes the certificate of `local_tls = "auto"`, where a route needs it.
type Authority<'a> = dyn Fn() -> Result<Arc<LocalAuthority>, LocalTlsError> + 'a;

impl Premises {
    pub(super) fn new(tokens: Tokens, workers: Workers) -> Arc<Self> {
        Arc::new(Self {
            changing: tokio::sync::Mutex::default(),
            standing: Mutex::default(),
            receptions: Receptions::default(),
            tokens,
            names: Names::of_the_system(),
            home: Home::with([]),
            ending: Ending::of(workers),
            opened: CancellationToken::new(),
            reloads: Reloads::default(),
            started: Clock::system().now(),
            looks: Mutex::default(),
        })
    }

    /// Makes what `routes` need at the start. Nobody can ask for anything else yet, so it is in force as far as it goes.
    pub(super) fn prepare_first(
        &self,
        routes: &[Arc<Route>],
        authority: &Authority<'_>,
        mut passed: PassedSockets,
    ) -> Result<Prepared, StartError> {
        let doors = doors_for(routes, &[], &mut passed)?;
        if let Some(sockets) = passed.left() {
            return Err(StartError::NobodysSocket { sockets });
        }
        let receptions = self.receptions_for(routes, authority)?;
        let prepared = Prepared { doors, receptions };
        self.home.has_now(prepared.local_addrs());
        self.receptions.replace(prepared.receptions.clone());
        Ok(prepared)
    }

    /// Makes what `routes` need, on a thread of its own: it reads files, and may make a certificate.
    pub(super) async fn prepare(
        self: &Arc<Self>,
        routes: &[Arc<Route>],
        authority: impl Fn() -> Result<Arc<LocalAuthority>, LocalTlsError> + Send + 'static,
    ) -> Result<Prepared, StartError> {
        let mut none = PassedSockets::default();
        let doors = doors_for(routes, &self.standing().doors, &mut none)?;
        let (this, routes) = (Arc::clone(self), routes.to_vec());
        let making = move || this.receptions_for(&routes, &authority);
        let receptions = tokio::task::spawn_blocking(making).await;
        let receptions = receptions.map_err(StartError::Bug)??;
        Ok(Prepared { doors, receptions })
    }

    fn receptions_for(
        &self,
        routes: &[Arc<Route>],
        authority: &Authority<'_>,
    ) -> Result<Vec<Reception>, StartError> {
        let resources = Resources {
            tokens: &self.tokens,
            names: self.names.clone(),
            home: Arc::clone(&self.home),
            roots: PlatformRoots::default(),
            authority,
        };
        let receptions = routes.iter().map(|route| {
            let (before, ending) = (self.receptions.of(route), self.ending.clone());
            let made = Reception::after(before.as_ref(), ending, route, &resources);
            made.map_err(|source| StartError::Reception {
                route: route.name.clone(),
                source,
            })
        });
        receptions.collect()
    }

    /// Opens the new doors of what was prepared, and puts it in force.
    pub(super) async fn enter_into_force(
        &self,
        prepared: Prepared,
        beside: &mut Beside,
    ) -> Result<Changes, StartError> {
        let Prepared { doors, receptions } = prepared;
        let mut open = Vec::new();
        for (reception, wanted) in receptions.iter().zip(doors) {
            let mut of_route = Vec::new();
            for door in wanted {
                of_route.push(door.open(reception.route()).await?);
            }
            open.push(of_route);
        }
        if self.ending.closing.is_cancelled() {
            return Err(StartError::ShuttingDown);
        }
        let (changes, closing) = self.change(receptions, open);
        beside.open_for(&self.addresses()).await;
        for door in closing {
            door.close().await;
        }
        Ok(changes)
    }

    /// What nobody can see half done. Returns also the doors that nobody wants any more.
    fn change(
        &self,
        receptions: Vec<Reception>,
        doors: Vec<Vec<Wanted<Door>>>,
    ) -> (Changes, Vec<OpenDoor>) {
        let mut changes = self.compare(&receptions);
        for reception in &receptions {
            if let Some(before) = self.receptions.of(reception.route()) {
                reception.take_over(&before);
            }
        }
        for before in self.receptions.now() {
            let mut all = receptions.iter();
            if !all.any(|reception| reception.shares_state_with(&before)) {
                before.retire();
            }
        }
        let mut standing = self.standing();
        let serves = standing.serves;
        let mut before: Vec<_> = standing.doors.drain(..).map(Some).collect();
        for (reception, doors) in receptions.iter().zip(doors) {
            standing
                .doors
                .extend(doors.into_iter().filter_map(|door| match door {
                    Wanted::Open(index) => {
                        let mut door = before.get_mut(index)?.take()?;
                        door.lead_to(reception.clone());
                        Some(door)
                    }
                    Wanted::New(door, listen) => {
                        let (ending, home) = (&self.ending, &self.home);
                        let door = OpenDoor::new(door, listen, reception.clone(), ending, home);
                        let opened = (Arc::clone(&door.route), door.address.clone());
                        changes.opened.push(opened);
                        Some(if serves { door.serve(ending) } else { door })
                    }
                }));
        }
        drop(standing);
        self.receptions.replace(receptions);
        let addresses = self.addresses();
        self.home
            .has_now(addresses.iter().filter_map(|(route, at)| match at {
                ListenAddr::Tcp(addr) => Some((route.protocol, *addr)),
                ListenAddr::Unix(_) | ListenAddr::Pipe(_) => None,
            }));
        let closing: Vec<_> = before.into_iter().flatten().collect();
        let closed = closing.iter();
        changes.closed = closed
            .map(|door| (Arc::clone(&door.route), door.address.clone()))
            .collect();
        (changes, closing)
    }

    /// Which routes come and go.
    fn compare(&self, receptions: &[Reception]) -> Changes {
        let now = self.receptions.now();
        let not_among = |of: &[Reception], others: &[Reception]| {
            let names = of.iter().map(Reception::route).filter(|route| {
                let mut others = others.iter();
                !others.any(|other| other.route().is_same_as(route))
            });
            names.map(|route| route.name.clone()).collect()
        };
        Changes {
            added: not_among(receptions, &now),
            removed: not_among(&now, receptions),
            ..Changes::default()
        }
    }

    /// Takes people in at every door.
    pub(super) fn serve(&self) {
        let mut standing = self.standing();
        standing.serves = true;
        let doors = std::mem::take(&mut standing.doors).into_iter();
        standing.doors = doors.map(|door| door.serve(&self.ending)).collect();
    }

    pub(super) fn addresses(&self) -> Vec<(Arc<Route>, ListenAddr)> {
        let standing = self.standing();
        let doors = standing.doors.iter();
        doors
            .map(|door| (Arc::clone(&door.route), door.address.clone()))
            .collect()
    }

    /// Doors stay doors when a thread panics beside them.
    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Premises {
    fn drop(&mut self) {
        let looks = self.looks.get_mut();
        if let Some(task) = looks.unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
    }
}

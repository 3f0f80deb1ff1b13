//! A server with other routes than before: all of them, or none.
//!
//! ```text
//!   routes --> doors: those that are open stay, new ones are opened ---.
//!         '--> receptions: new settings around the state of before ----+--> in force, at once --> doors that nobody wants close
//!                       whatever fails here changes nothing <----------'
//! ```
//!
//! # Invariants
//!
//! * Whatever fails changes nothing: what was opened for it is closed again.
//! * A door that the old and the new routes have is never closed, not for a moment.
//! * A session goes on under the settings with which it began, whatever becomes of its route.

use std::sync::Arc;
use std::time::Duration;

use azdb_config::route::{ListenAddr, Route};

use super::doors::{OpenDoor, Wanted, doors_for};
use super::wanted::Needed;
use super::{Premises, Server, StartError};
use crate::reception::{Reception, Resources};
use crate::tls::{LocalAuthority, LocalTlsError};

/// How often it is looked whether the sessions of former settings have ended, whose tokens are kept for them.
const LOOK: Duration = Duration::from_secs(5);

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

impl Server {
    /// Goes on with these routes in place of those of before. Their settings are for whoever comes from now on; sessions go on under
    /// those that they have begun with.
    ///
    /// # Errors
    ///
    /// [`StartError`]; nothing has changed then.
    pub async fn reload(
        &self,
        routes: &[Arc<Route>],
        local: impl Fn() -> Result<Arc<LocalAuthority>, LocalTlsError> + Send + 'static,
    ) -> Result<Changes, StartError> {
        let premises = &self.premises;
        let needed_before = Needed::by(&premises.receptions.now());
        let changes = premises.change(routes, local).await?;
        let needed = Needed::by(&premises.receptions.now());
        premises.tokens.retry();
        self.fetch(needed.that_are_not_in(&needed_before));
        premises.let_go_of_tokens();
        Ok(changes)
    }
}

impl Premises {
    /// Opens doors, makes receptions, and puts all of them in the place of those of before.
    pub(super) async fn change(
        self: &Arc<Self>,
        routes: &[Arc<Route>],
        local: impl Fn() -> Result<Arc<LocalAuthority>, LocalTlsError> + Send + 'static,
    ) -> Result<Changes, StartError> {
        let mut standing = self.standing.lock().await;
        let doors = doors_for(routes, &standing.doors).await?;
        let receptions = self.receptions_for(routes, local).await?;
        if self.ending.closing.is_cancelled() {
            return Err(StartError::ShuttingDown);
        }

        let mut changes = self.compare(routes);
        for reception in &receptions {
            if let Some(before) = self.receptions.of(reception.route()) {
                reception.take_over(&before);
            }
        }
        let mut open: Vec<_> = standing.doors.drain(..).map(Some).collect();
        for (reception, doors) in receptions.iter().zip(doors) {
            for door in doors {
                let door = match door {
                    Wanted::Open(index) => {
                        let stays = open.get_mut(index).and_then(Option::take);
                        stays.map(|mut door| {
                            door.lead_to(reception.clone());
                            door
                        })
                    }
                    Wanted::New(door, listen) => {
                        let (ending, home) = (&self.ending, &self.home);
                        let door = OpenDoor::new(door, listen, reception.clone(), ending, home);
                        let (route, address) = (Arc::clone(&door.route), door.address.clone());
                        changes.opened.push((route, address));
                        Some(if standing.serves {
                            door.serve(&self.ending)
                        } else {
                            door
                        })
                    }
                };
                standing.doors.extend(door);
            }
        }
        self.receptions.replace(receptions);
        let addresses = standing.addresses();
        self.home
            .has_now(addresses.iter().filter_map(|(_, at)| match at {
                ListenAddr::Tcp(addr) => Some(*addr),
                ListenAddr::Unix(_) => None,
            }));
        if let Some(beside) = &mut standing.beside {
            beside.open_for(&addresses).await;
        }
        for door in open.into_iter().flatten() {
            let (route, address) = (Arc::clone(&door.route), door.address.clone());
            changes.closed.push((route, address));
            door.close().await;
        }
        Ok(changes)
    }

    /// A reception for each route. It reads files, and may make a certificate: a thread of its own does it.
    async fn receptions_for(
        &self,
        routes: &[Arc<Route>],
        local: impl Fn() -> Result<Arc<LocalAuthority>, LocalTlsError> + Send + 'static,
    ) -> Result<Vec<Reception>, StartError> {
        let routes: Vec<_> = routes
            .iter()
            .map(|route| (Arc::clone(route), self.receptions.of(route)))
            .collect();
        let (tokens, names) = (self.tokens.clone(), self.names.clone());
        let (home, ending) = (Arc::clone(&self.home), self.ending.clone());
        let making = move || {
            let resources = Resources {
                tokens: &tokens,
                names,
                home,
                authority: &local,
            };
            let receptions = routes.into_iter().map(|(route, before)| {
                let made = Reception::after(before.as_ref(), ending.clone(), &route, &resources);
                made.map_err(|source| StartError::Reception {
                    route: route.name.clone(),
                    source,
                })
            });
            receptions.collect()
        };
        let made = tokio::task::spawn_blocking(making).await;
        made.map_err(StartError::Bug)?
    }

    /// Which routes come and go.
    fn compare(&self, routes: &[Arc<Route>]) -> Changes {
        let now = self.receptions.now();
        let is_same =
            |one: &Route, other: &Route| (&one.name, one.protocol) == (&other.name, other.protocol);
        let added = routes.iter().filter(|route| {
            let mut known = now.iter();
            !known.any(|known| is_same(known.route(), route))
        });
        let removed = now.iter().map(Reception::route).filter(|known| {
            let mut routes = routes.iter();
            !routes.any(|route| is_same(known, route))
        });
        let name = |route: &Arc<Route>| route.name.clone();
        Changes {
            added: added.map(name).collect(),
            removed: removed.map(name).collect(),
            ..Changes::default()
        }
    }

    /// Lets go of the tokens that nobody can ask for any more: at once, and again when sessions have ended that could.
    fn let_go_of_tokens(self: &Arc<Self>) {
        let this = Arc::downgrade(self);
        let looking = async move {
            while let Some(premises) = this.upgrade() {
                let before = premises.receptions.before();
                let needed = Needed::by(&premises.receptions.now()).and(Needed::by(&before));
                premises.tokens.retain(needed.pairs());
                if before.is_empty() {
                    return;
                }
                drop((premises, before));
                tokio::time::sleep(LOOK).await;
            }
        };
        let closing = self.ending.closing.clone();
        let task = tokio::spawn(async move {
            closing.run_until_cancelled(looking).await;
        });
        let mut looks = self
            .looks
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(before) = looks.replace(task) {
            before.abort();
        }
    }
}

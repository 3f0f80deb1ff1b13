//! The process's work: open every door, take apps in, come to an end.
//!
//! ```text
//!   Server::bind    addresses are taken, and whoever connects is refused
//!          |        endpoints answer, tokens are waited for
//!   Server::open    doors are open
//!   OpenServer::run apps are served; after `stop` as a Drain has it
//! ```

mod endpoints;
mod idle;
mod start;
mod tokens;

use std::sync::Arc;
use std::time::Duration;

use azdb_config::DrainIdle;
use azdb_config::route::{ListenAddr, Route};
use azdb_identity::Tokens;
use azdb_names::Names;
use azdb_quote::Spelled;
use tokio_util::sync::CancellationToken;

use crate::ending::Ending;
use crate::listener::Listener;
use crate::reception::{self, Reception, Resources};
use crate::socket::{Door, Reserved};
use crate::tls::{LocalAuthority, LocalTlsError};
use crate::way::Home;

pub use start::StartError;

use start::reserve_doors;

/// How long a session has for its last words once the drain is over.
pub const LAST_WORDS: Duration = Duration::from_secs(2);

/// Every route with its doors taken and none of them open.
pub struct Server {
    reserved: Vec<(Reserved, Reception)>,
    home: Arc<Home>,
    addresses: Vec<(Arc<Route>, ListenAddr)>,
    tokens: Tokens,
    receptions: Vec<Reception>,
    ending: Ending,
    /// Every door is open.
    opened: CancellationToken,
    /// What the program's log could not say.
    log_lines_dropped: fn() -> u64,
}

/// Every route with its doors open.
pub struct OpenServer {
    listeners: Vec<Listener<Door>>,
    addresses: Vec<(Arc<Route>, ListenAddr)>,
    ending: Ending,
}

/// How a server comes to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drain {
    /// New apps are still served for so long.
    pub delay: Duration,
    /// Then sessions have so long to end by themselves.
    pub patience: Duration,
    /// Whether idle ones use that time.
    pub idle: DrainIdle,
}

/// How the end came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Sessions that had not ended by themselves.
    pub cut: usize,
}

impl Server {
    /// Takes every address of every route. Whoever connects there is refused until [`Server::open`].
    ///
    /// # Errors
    ///
    /// [`StartError`]; addresses that were taken before it are free again.
    pub fn bind(
        routes: &[Arc<Route>],
        tokens: Tokens,
        local: impl Fn() -> Result<Arc<LocalAuthority>, LocalTlsError>,
    ) -> Result<Self, StartError> {
        let mut doors = Vec::new();
        for route in routes {
            doors.push((Arc::clone(route), reserve_doors(route)?));
        }
        let home = Home::with(
            doors
                .iter()
                .flat_map(|(_, taken)| taken.iter().filter_map(|(door, _)| door.local_addr())),
        );

        let ending = Ending::default();
        let resources = Resources {
            tokens: &tokens,
            names: Names::of_the_system(),
            home: Arc::clone(&home),
            authority: &local,
        };
        let (mut reserved, mut addresses, mut receptions) = (Vec::new(), Vec::new(), Vec::new());
        for (route, taken) in doors {
            let reception = Reception::ending_with(ending.clone(), &route, &resources);
            let reception = reception.map_err(|source| StartError::Reception {
                route: route.name.clone(),
                source,
            })?;
            for (door, listen) in taken {
                let listen = door.local_addr().map_or(listen, ListenAddr::Tcp);
                addresses.push((Arc::clone(&route), listen));
                reserved.push((door, reception.clone()));
            }
            receptions.push(reception);
        }
        Ok(Self {
            reserved,
            home,
            addresses,
            tokens,
            receptions,
            ending,
            opened: CancellationToken::new(),
            log_lines_dropped: || 0,
        })
    }

    /// Reports on `/metrics` how many lines of the program's log were dropped.
    #[must_use]
    pub fn with_log(self, log_lines_dropped: fn() -> u64) -> Self {
        Self {
            log_lines_dropped,
            ..self
        }
    }

    /// Lets apps connect, who are served from [`OpenServer::run`] on.
    ///
    /// # Errors
    ///
    /// [`StartError::Listen`]; doors that were opened before it close again.
    pub async fn open(self) -> Result<OpenServer, StartError> {
        let mut listeners = Vec::new();
        for ((door, reception), (route, listen)) in self.reserved.into_iter().zip(&self.addresses) {
            let door = door.open().await.map_err(|source| StartError::Listen {
                route: route.name.clone(),
                listen: listen.clone(),
                source,
            })?;
            listeners.push(Listener::new(door, reception, Arc::clone(&self.home)));
        }
        reception::open_beside(&self.addresses).await;
        self.opened.cancel();
        Ok(OpenServer {
            listeners,
            addresses: self.addresses,
            ending: self.ending,
        })
    }
}

impl OpenServer {
    /// Where apps can connect, with the ports that the kernel chose for port 0.
    pub fn addresses(&self) -> &[(Arc<Route>, ListenAddr)] {
        &self.addresses
    }

    /// Comes when somebody has asked for the end over HTTP.
    pub fn asked_to_end(&self) -> impl Future<Output = ()> + use<> {
        self.ending.quit.clone().cancelled_owned()
    }

    /// Comes when no session has been there for `limit`, once there was one.
    pub fn idle(&self, limit: Duration) -> impl Future<Output = ()> + use<> {
        idle::since(self.ending.clone(), limit)
    }

    /// Serves until `stop`, and on as that has it; then takes no one in any more, lets sessions finish, and says goodbye to the rest.
    pub async fn run(self, stop: impl Future<Output = Drain>) -> Drained {
        let Self {
            listeners, ending, ..
        } = self;
        for listener in listeners {
            let shut = ending.shut.clone();
            ending
                .doors
                .spawn(async move { shut.run_until_cancelled(listener.serve()).await });
        }
        let Drain {
            delay,
            patience,
            idle,
        } = stop.await;

        ending.stopping.cancel();
        if !delay.is_zero() {
            tracing::info!(time = %Spelled(delay), "serving on");
            tokio::time::sleep(delay).await;
        }
        // Doors stay open: whoever comes now hears why in its protocol.
        ending.closing.cancel();
        ending.tasks.close();
        let open = ending.sessions();
        if open > 0 {
            tracing::info!(sessions = open, patience = %Spelled(patience), "draining");
        }
        if idle == DrainIdle::Now {
            ending.rest.cancel();
        }
        let in_time = tokio::time::timeout(patience, ending.tasks.wait()).await;
        let cut = match in_time {
            Ok(()) => 0,
            Err(_) => ending.sessions(),
        };
        if in_time.is_err() {
            tracing::info!(sessions = cut, "saying goodbye");
        }
        ending.say_goodbye(LAST_WORDS).await;
        Drained { cut }
    }
}

#[cfg(test)]
mod tests;

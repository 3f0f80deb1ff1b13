//! The process's work: open every door, take apps in, come to an end.

mod endpoints;
mod start;
mod wanted;

use std::sync::Arc;
use std::time::Duration;

use azdb_config::DrainIdle;
use azdb_config::route::{ListenAddr, Route};
use azdb_identity::Tokens;
use azdb_names::Names;
use azdb_quote::Spelled;

use crate::ending::Ending;
use crate::listener::Listener;
use crate::reception::{Reception, Resources};
use crate::socket::Door;
use crate::tls::{LocalAuthority, LocalTlsError};
use crate::way::Home;

pub use start::StartError;

use start::open_doors;

/// How long a session has for its last words once the drain is over.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Every route with its doors open.
pub struct Server {
    listeners: Vec<Listener<Door>>,
    addresses: Vec<(Arc<Route>, ListenAddr)>,
    tokens: Tokens,
    receptions: Vec<Reception>,
    ending: Ending,
    /// What the program's log could not say.
    log_lines_dropped: fn() -> u64,
}

/// How a server comes to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drain {
    /// Sessions have so long to end by themselves.
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
    /// Opens every door of every route.
    ///
    /// # Errors
    ///
    /// [`StartError`]; doors that were opened before it close again.
    pub async fn bind(
        routes: &[Arc<Route>],
        tokens: Tokens,
        local: impl Fn() -> Result<Arc<LocalAuthority>, LocalTlsError>,
    ) -> Result<Self, StartError> {
        let mut doors = Vec::new();
        for route in routes {
            doors.push((Arc::clone(route), open_doors(route).await?));
        }
        let home = Home::with(
            doors
                .iter()
                .flat_map(|(_, open)| open.iter().filter_map(|(door, _)| door.local_addr())),
        );

        let ending = Ending::default();
        let resources = Resources {
            tokens: &tokens,
            names: Names::of_the_system(),
            home: Arc::clone(&home),
            authority: &local,
        };
        let (mut listeners, mut addresses, mut receptions) = (Vec::new(), Vec::new(), Vec::new());
        for (route, open) in doors {
            let reception = Reception::ending_with(ending.clone(), &route, &resources);
            let reception = reception.map_err(|source| StartError::Reception {
                route: route.name.clone(),
                source,
            })?;
            for (door, listen) in open {
                let listen = door.local_addr().map_or(listen, ListenAddr::Tcp);
                addresses.push((Arc::clone(&route), listen));
                listeners.push(Listener::new(door, reception.clone(), Arc::clone(&home)));
            }
            receptions.push(reception);
        }
        Ok(Self {
            listeners,
            addresses,
            tokens,
            receptions,
            ending,
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

    /// Where apps can connect, with the ports that the kernel chose for port 0.
    pub fn addresses(&self) -> &[(Arc<Route>, ListenAddr)] {
        &self.addresses
    }

    /// Serves until `stop`, then takes no one in any more, lets sessions finish as `drain` has it, and says goodbye to the rest.
    pub async fn run(self, stop: impl Future<Output = ()>, drain: Drain) -> Drained {
        let Drain { patience, idle } = drain;
        let Self {
            listeners, ending, ..
        } = self;
        for listener in listeners {
            let closed = ending.closing.clone();
            ending
                .doors
                .spawn(async move { closed.run_until_cancelled(listener.serve()).await });
        }
        tokio::select! {
            () = stop => {}
            () = ending.quit.cancelled() => {}
        }

        ending.closing.cancel();
        ending.doors.close();
        ending.doors.wait().await;
        ending.tasks.close();
        let open = ending.sessions();
        if open > 0 {
            tracing::info!(sessions = open, patience = %Spelled(patience), "draining");
        }
        if idle == DrainIdle::Now {
            ending.rest.cancel();
        }
        if tokio::time::timeout(patience, ending.tasks.wait())
            .await
            .is_ok()
        {
            return Drained { cut: 0 };
        }
        let cut = ending.sessions();
        tracing::info!(sessions = cut, "saying goodbye");
        ending.goodbye.cancel();
        let _ = tokio::time::timeout(LAST_WORDS, ending.tasks.wait()).await;
        Drained { cut }
    }
}

#[cfg(test)]
mod tests;

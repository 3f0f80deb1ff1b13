//! The process's work: open every door, take apps in, come to an end.
//!
//! ```text
//!   Server::bind    addresses are taken, and whoever connects is refused
//!          |        endpoints answer, tokens are waited for
//!   Server::open    doors are open
//!   OpenServer::run apps are served; after `stop` as a Drain has it
//!      ^    |
//!      '----'       OpenServer::reload: with other routes
//! ```

mod doors;
mod endpoints;
mod glance;
mod idle;
mod premises;
mod reload;
mod start;
mod taken;
mod tokens;

use std::sync::Arc;
use std::time::Duration;

use azdb_config::DrainIdle;
use azdb_config::route::{ListenAddr, Route};
use azdb_identity::Tokens;

use crate::admin::Readings;
use crate::socket::PassedSockets;
use crate::tls::{LocalAuthority, LocalTlsError};
use crate::workers::Workers;

pub use glance::Glance;
pub use premises::Changes;
pub use start::StartError;

use premises::{Premises, Prepared};

/// How long a session has for its last words once the drain is over.
pub const LAST_WORDS: Duration = Duration::from_secs(2);

/// Every route with its doors taken and none of them open.
pub struct Server {
    premises: Arc<Premises>,
    prepared: Prepared,
    /// What the program's log could not say.
    log_lines_dropped: fn() -> u64,
}

/// Every route with its doors open. Clones are the same server.
#[derive(Clone)]
pub struct OpenServer {
    premises: Arc<Premises>,
    log_lines_dropped: fn() -> u64,
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
    /// Takes every address of every route, those of sockets that were `passed` to this process among them. Whoever connects elsewhere there is refused until [`Server::open`]. Sessions run on `workers`, or, where there
    /// are none, where this is.
    ///
    /// # Errors
    ///
    /// [`StartError`]; addresses that were taken before it are free again.
    pub fn bind(
        routes: &[Arc<Route>],
        tokens: Tokens,
        local: impl Fn() -> Result<Arc<LocalAuthority>, LocalTlsError>,
        passed: PassedSockets,
        workers: Workers,
    ) -> Result<Self, StartError> {
        let premises = Premises::new(tokens, workers);
        let prepared = premises.prepare_first(routes, &local, passed)?;
        Ok(Self {
            premises,
            prepared,
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
        let Self {
            premises,
            prepared,
            log_lines_dropped,
        } = self;
        let mut beside = premises.changing.lock().await;
        premises.enter_into_force(prepared, &mut beside).await?;
        drop(beside);
        premises.opened.cancel();
        Ok(OpenServer {
            premises,
            log_lines_dropped,
        })
    }
}

impl OpenServer {
    /// Where apps can connect, with the ports that the kernel chose for port 0.
    pub fn addresses(&self) -> Vec<(Arc<Route>, ListenAddr)> {
        self.premises.addresses()
    }

    /// What `/metrics` shows, for whoever sends it elsewhere.
    pub fn readings(&self) -> Readings {
        Readings::of(self.premises.bureau(self.log_lines_dropped))
    }

    /// Comes when somebody has asked for the end over HTTP.
    pub fn asked_to_end(&self) -> impl Future<Output = ()> + use<> {
        self.premises.ending.quit.clone().cancelled_owned()
    }

    /// Comes when no session has been there for `limit`, once there was one.
    pub fn idle(&self, limit: Duration) -> impl Future<Output = ()> + use<> {
        idle::since(self.premises.ending.clone(), limit)
    }

    /// Serves until `stop`, and on as that has it; then takes no one in any more, lets sessions finish, and says goodbye to the rest.
    pub async fn run(self, stop: impl Future<Output = Drain>) -> Drained {
        let ending = &self.premises.ending;
        self.premises.serve();
        let Drain {
            delay,
            patience,
            idle,
        } = stop.await;

        ending.stopping.cancel();
        if !delay.is_zero() {
            tracing::info!(delay_s = delay.as_secs_f64(), "serving on");
            tokio::time::sleep(delay).await;
        }
        // Doors stay open: whoever comes now hears why in its protocol.
        ending.closing.cancel();
        ending.tasks.close();
        // Whoever has just been let in may not be counted as a session yet.
        let (sessions, connections) = (ending.sessions(), ending.tasks.len());
        if connections > 0 {
            let patience_s = patience.as_secs_f64();
            tracing::info!(sessions, connections, patience_s, "draining");
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

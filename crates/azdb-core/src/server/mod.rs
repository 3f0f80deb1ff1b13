//! The process's work: open every door, take apps in, come to an end.

mod doors;
mod endpoints;
mod reload;
mod start;
mod wanted;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use azdb_config::DrainIdle;
use azdb_config::route::{ListenAddr, Route};
use azdb_identity::{Clock, Tokens};
use azdb_names::Names;
use azdb_quote::Spelled;
use tokio::task::JoinHandle;

use crate::ending::Ending;
use crate::reception::{Beside, Receptions};
use crate::reload::Reloads;
use crate::tls::{LocalAuthority, LocalTlsError};
use crate::way::Home;

pub use reload::Changes;
pub use start::StartError;

use doors::OpenDoor;

/// How long a session has for its last words once the drain is over.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Every route with its doors open. Clones are the same server.
#[derive(Clone)]
pub struct Server {
    premises: Arc<Premises>,
    /// What the program's log could not say.
    log_lines_dropped: fn() -> u64,
}

/// What a server consists of.
struct Premises {
    /// Held while it changes.
    standing: tokio::sync::Mutex<Standing>,
    receptions: Receptions,
    tokens: Tokens,
    names: Names,
    home: Arc<Home>,
    ending: Ending,
    reloads: Reloads,
    started: SystemTime,
    /// Who looks whether tokens of before are still needed.
    looks: Mutex<Option<JoinHandle<()>>>,
}

/// What is open.
#[derive(Default)]
struct Standing {
    doors: Vec<OpenDoor>,
    /// Whether people are taken in.
    serves: bool,
    /// Where there is something besides the doors.
    beside: Option<Beside>,
}

impl Standing {
    fn addresses(&self) -> Vec<(Arc<Route>, ListenAddr)> {
        let doors = self.doors.iter();
        doors
            .map(|door| (Arc::clone(&door.route), door.address.clone()))
            .collect()
    }
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
        local: impl Fn() -> Result<Arc<LocalAuthority>, LocalTlsError> + Send + 'static,
    ) -> Result<Self, StartError> {
        let premises = Arc::new(Premises {
            standing: tokio::sync::Mutex::default(),
            receptions: Receptions::default(),
            tokens,
            names: Names::of_the_system(),
            home: Home::with([]),
            ending: Ending::default(),
            reloads: Reloads::default(),
            started: Clock::system().now(),
            looks: Mutex::default(),
        });
        premises.change(routes, local).await?;
        Ok(Self {
            premises,
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
    pub async fn addresses(&self) -> Vec<(Arc<Route>, ListenAddr)> {
        self.premises.standing.lock().await.addresses()
    }

    /// Its reloads, for whoever sees to them.
    pub fn reloads(&self) -> &Reloads {
        &self.premises.reloads
    }

    /// Serves until `stop`, then takes no one in any more, lets sessions finish as `drain` has it, and says goodbye to the rest.
    pub async fn run(self, stop: impl Future<Output = ()>, drain: Drain) -> Drained {
        let Drain { patience, idle } = drain;
        let ending = &self.premises.ending;
        self.premises.serve().await;
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

impl Premises {
    /// Takes people in at every door.
    async fn serve(&self) {
        let mut standing = self.standing.lock().await;
        standing.serves = true;
        let doors = std::mem::take(&mut standing.doors).into_iter();
        standing.doors = doors.map(|door| door.serve(&self.ending)).collect();
    }
}

impl Drop for Premises {
    fn drop(&mut self) {
        let looks = self.looks.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = looks.take() {
            task.abort();
        }
    }
}

#[cfg(test)]
mod tests;

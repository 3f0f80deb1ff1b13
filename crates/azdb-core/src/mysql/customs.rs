//! What a route's server does for whoever logs in, which no reset does: it is learned from the answers to resets.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use azdb_config::route::Route;
use azdb_wire::mysql::{AtLogin, Greeting};
use tokio::time::Instant;

/// So long a server is believed to run what it was said to run.
const BELIEVED: Duration = Duration::from_secs(60 * 60);

/// Why sessions of a route are not given to other apps.
const RUNS: &str = "the server runs init_connect for whoever logs in, and a reset does not";
/// The same.
const MARIADB: &str = "MariaDB keeps an active role through a reset";

/// What is known of it.
#[derive(Debug, Default)]
pub(crate) struct Customs(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// When it was said to run statements (`init_connect`).
    runs_since: Option<Instant>,
    all_roles: bool,
}

impl Customs {
    /// Takes note of what a server has said. Whether its resets make a session like new.
    pub(super) fn learn(&self, AtLogin { runs, all_roles }: AtLogin, route: &Route) -> bool {
        let mut known = self.lock();
        let knew = known.runs_since.is_some();
        known.all_roles = all_roles;
        known.runs_since = runs.then(Instant::now);
        drop(known);
        match (knew, runs) {
            (false, true) => tracing::warn!(
                route = %route.name,
                remedy = "set ready_sessions instead, whose logins run it, or have the server run nothing",
                "no session is given to another app for an hour: {RUNS}"
            ),
            (true, false) => tracing::info!(
                route = %route.name, "sessions are given to other apps again: the server's init_connect is empty"
            ),
            _ => {}
        }
        !runs
    }

    /// Why a session of a server that greets like this is not given to another app.
    pub(super) fn forbid(&self, greeting: &Greeting<'_>) -> Option<&'static str> {
        let runs = self.lock().runs_since;
        let runs = runs.is_some_and(|since| since.elapsed() < BELIEVED);
        match runs {
            true => Some(RUNS),
            false => greeting.is_mariadb().then_some(MARIADB),
        }
    }

    /// Whether a login activates all roles.
    pub(super) fn activates_all_roles(&self) -> bool {
        self.lock().all_roles
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! The routes of a process as they are now, and what is left of how they were.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use azdb_config::route::Route;

use super::{Reception, TakesIn};
use crate::ending::Ending;
use crate::tls::AppTrust;

/// Whoever looks sees all routes of one configuration, never a mixture of two.
#[derive(Clone, Default)]
pub(crate) struct Receptions(Arc<Mutex<Present>>);

#[derive(Default)]
struct Present {
    now: Vec<Reception>,
    /// Those of before. Their sessions keep them.
    before: Vec<Former>,
}

struct Former {
    lobby: Weak<dyn TakesIn>,
    ending: Arc<Ending>,
    app_trust: Arc<AppTrust>,
}

impl Former {
    fn of(reception: &Reception) -> Self {
        Self {
            lobby: Arc::downgrade(&reception.lobby),
            ending: Arc::clone(&reception.ending),
            app_trust: Arc::clone(&reception.app_trust),
        }
    }

    /// `None` when the last of its sessions has ended.
    fn look(&self) -> Option<Reception> {
        let lobby = self.lobby.upgrade()?;
        let ending = Arc::clone(&self.ending);
        Some(Reception {
            lobby,
            ending,
            app_trust: Arc::clone(&self.app_trust),
        })
    }
}

impl Receptions {
    /// Those of the configuration that is in force.
    pub(crate) fn now(&self) -> Vec<Reception> {
        self.lock().now.clone()
    }

    /// How routes were under which sessions began that have not ended.
    pub(crate) fn before(&self) -> Vec<Reception> {
        self.lock().before.iter().filter_map(Former::look).collect()
    }

    /// Those that no configuration has any more, and that still have sessions: one of each route.
    pub(crate) fn gone(&self) -> Vec<Reception> {
        let (now, mut gone) = (self.now(), Vec::<Reception>::new());
        for former in self.before() {
            let mut others = now.iter().chain(&gone);
            if !others.any(|other| other.shares_state_with(&former)) {
                gone.push(former);
            }
        }
        gone
    }

    /// Those that are, and those that are [gone](Self::gone).
    pub(crate) fn with_gone(&self) -> Vec<Reception> {
        let mut all = self.now();
        all.extend(self.gone());
        all
    }

    /// The one whose state a route takes on: the same name, and the same protocol.
    pub(crate) fn of(&self, route: &Route) -> Option<Reception> {
        let mut known = self.with_gone().into_iter();
        known.find(|reception| reception.route().is_same_as(route))
    }

    /// From now on there are these.
    pub(crate) fn replace(&self, now: Vec<Reception>) {
        let mut present = self.lock();
        let before = std::mem::replace(&mut present.now, now);
        let stays = |former: &Reception| {
            let mut now = present.now.iter();
            now.any(|now| Arc::ptr_eq(&now.lobby, &former.lobby))
        };
        let gone: Vec<_> = before
            .iter()
            .filter(|former| !stays(former))
            .map(Former::of)
            .collect();
        present.before.extend(gone);
        // Nobody is within who came before `before`.
        drop(before);
        present
            .before
            .retain(|former| former.lobby.strong_count() > 0);
    }

    /// A list stays a list when a thread panics beside it.
    fn lock(&self) -> MutexGuard<'_, Present> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

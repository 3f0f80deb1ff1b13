//! The sessions that are alive, and the keys that cancel those of the sample.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::opening::CancelKey;
use crate::random;
use crate::sample::Interrupt;

/// Process id of the sample's first session.
const FIRST_PROCESS: i32 = 1001;

/// All live sessions of a server.
pub(super) struct Sessions {
    live: Mutex<HashMap<i32, Option<Cancellable>>>,
    next: AtomicI32,
}

/// What a cancel request ends, and the secret that it must know.
struct Cancellable {
    secret: Vec<u8>,
    interrupt: Arc<Interrupt>,
}

impl Sessions {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            live: Mutex::default(),
            next: AtomicI32::new(FIRST_PROCESS),
        })
    }

    /// Enters a session of the sample, with a new key.
    pub(super) fn enter(
        self: &Arc<Self>,
        secret_bytes: usize,
        interrupt: Arc<Interrupt>,
    ) -> (Entry, CancelKey) {
        let secret = random::bytes(secret_bytes);
        let entry = self.count_in(Some(Cancellable {
            secret: secret.clone(),
            interrupt,
        }));
        let key = CancelKey {
            process: entry.number,
            secret,
        };
        (entry, key)
    }

    /// Enters a session of the server behind, which knows its key itself.
    pub(super) fn enter_behind(self: &Arc<Self>) -> Entry {
        self.count_in(None)
    }

    fn count_in(self: &Arc<Self>, session: Option<Cancellable>) -> Entry {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.live().insert(number, session);
        Entry {
            number,
            sessions: Arc::clone(self),
        }
    }

    /// Ends the statement of the session with this key. An unknown key changes nothing.
    pub(super) fn cancel(&self, key: &CancelKey) {
        if let Some(Some(session)) = self.live().get(&key.process)
            && session.secret == key.secret
        {
            session.interrupt.fire();
        }
    }

    /// How many sessions are logged in.
    pub(super) fn count(&self) -> usize {
        self.live().len()
    }

    fn live(&self) -> MutexGuard<'_, HashMap<i32, Option<Cancellable>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A live session's place in [`Sessions`], which it leaves when this is dropped.
pub(super) struct Entry {
    number: i32,
    sessions: Arc<Sessions>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.sessions.live().remove(&self.number);
    }
}

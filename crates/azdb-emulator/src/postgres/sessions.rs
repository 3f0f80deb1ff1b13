//! The sessions of the sample that are alive, and the keys that cancel them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex};

use super::opening::CancelKey;
use crate::door::locked;
use crate::random;
use crate::sample::Interrupt;

/// Process id of the first session.
const FIRST_PROCESS: i32 = 1001;

/// All live sessions of a server.
pub(super) struct Sessions {
    live: Mutex<HashMap<CancelKey, Arc<Interrupt>>>,
    next: AtomicI32,
}

impl Sessions {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            live: Mutex::default(),
            next: AtomicI32::new(FIRST_PROCESS),
        })
    }

    /// Enters a session, with a new key.
    pub(super) fn enter(self: &Arc<Self>, secret_bytes: usize, interrupt: Arc<Interrupt>) -> Entry {
        let key = CancelKey {
            process: self.next.fetch_add(1, Ordering::Relaxed),
            secret: random::bytes(secret_bytes),
        };
        locked(&self.live).insert(key.clone(), interrupt);
        Entry {
            key,
            sessions: Arc::clone(self),
        }
    }

    /// Ends the statement of the session with this key. An unknown key changes nothing.
    pub(super) fn cancel(&self, key: &CancelKey) {
        if let Some(interrupt) = locked(&self.live).get(key) {
            interrupt.fire();
        }
    }
}

/// A live session's place in [`Sessions`], which it leaves when this is dropped.
pub(super) struct Entry {
    pub(super) key: CancelKey,
    sessions: Arc<Sessions>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        locked(&self.sessions.live).remove(&self.key);
    }
}

//! The sessions of the sample that are alive, and the keys that cancel them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};

use super::opening::CancelKey;
use crate::door::locked;
use crate::random;
use crate::sample::Interrupt;

/// Process id of the first session.
const FIRST_PROCESS: i32 = 1001;

#[derive(Default)]
pub(super) struct Sessions(Mutex<Known>);

#[derive(Default)]
struct Known {
    live: HashMap<CancelKey, Weak<Interrupt>>,
    /// How many there have been.
    count: i32,
}

impl Sessions {
    /// Enters a session, which is alive as long as its interrupt: its key.
    pub(super) fn enter(&self, secret_bytes: usize, interrupt: &Arc<Interrupt>) -> CancelKey {
        let mut known = locked(&self.0);
        known.live.retain(|_, one| one.strong_count() > 0);
        let key = CancelKey {
            process: FIRST_PROCESS + known.count,
            secret: random::bytes(secret_bytes),
        };
        known.count += 1;
        known.live.insert(key.clone(), Arc::downgrade(interrupt));
        key
    }

    /// Ends the statement of the session with this key. An unknown key changes nothing.
    pub(super) fn cancel(&self, key: &CancelKey) {
        if let Some(interrupt) = locked(&self.0).live.get(key).and_then(Weak::upgrade) {
            interrupt.fire();
        }
    }
}

//! The sessions that are alive, by the key that cancels them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use super::opening::CancelKey;
use crate::random;
use crate::sqlite::{Interrupt, Reason};

/// Process id of the first session.
const FIRST_PROCESS: i32 = 1001;

/// All live sessions of a server.
pub(super) struct Sessions {
    live: Mutex<HashMap<i32, Live>>,
    next: AtomicI32,
}

struct Live {
    secret: Vec<u8>,
    info: SessionInfo,
    interrupt: Arc<Interrupt>,
    end: CancellationToken,
}

/// What others may know of a session.
#[derive(Debug, Clone)]
pub(super) struct SessionInfo {
    pub(super) process: i32,
    pub(super) user: String,
    pub(super) database: String,
    pub(super) application_name: String,
    /// TLS version and cipher suite.
    pub(super) tls: (String, String),
}

impl Sessions {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            live: Mutex::default(),
            next: AtomicI32::new(FIRST_PROCESS),
        })
    }

    /// Enters a session; it leaves when the returned guard is dropped.
    ///
    /// Its process id is given here, whatever `info` says.
    pub(super) fn enter(
        self: &Arc<Self>,
        secret_bytes: usize,
        info: SessionInfo,
        interrupt: Arc<Interrupt>,
    ) -> Entry {
        let key = CancelKey {
            process: self.next.fetch_add(1, Ordering::Relaxed),
            secret: random::bytes(secret_bytes),
        };
        let end = CancellationToken::new();
        let live = Live {
            secret: key.secret.clone(),
            info: SessionInfo {
                process: key.process,
                ..info
            },
            interrupt,
            end: end.clone(),
        };
        self.live().insert(key.process, live);
        Entry {
            key,
            end,
            sessions: Arc::clone(self),
        }
    }

    /// Ends the statement of the session with this key. An unknown key changes nothing.
    pub(super) fn cancel(&self, key: &CancelKey) {
        if let Some(live) = self.live().get(&key.process)
            && live.secret == key.secret
        {
            live.interrupt.fire(Reason::Request);
        }
    }

    /// Ends the statement of a session; says whether there is such a session.
    pub(super) fn cancel_process(&self, process: i32) -> bool {
        let live = self.live();
        let session = live.get(&process);
        session
            .inspect(|live| live.interrupt.fire(Reason::Request))
            .is_some()
    }

    /// Ends a session with 57P01; says whether there is such a session.
    pub(super) fn terminate(&self, process: i32) -> bool {
        let live = self.live();
        let session = live.get(&process);
        session.inspect(|live| live.terminate()).is_some()
    }

    /// Ends all sessions with 57P01.
    pub(super) fn terminate_all(&self) {
        self.live().values().for_each(Live::terminate);
    }

    /// All live sessions.
    pub(super) fn all(&self) -> Vec<SessionInfo> {
        self.live().values().map(|live| live.info.clone()).collect()
    }

    /// How many sessions are logged in.
    pub(super) fn count(&self) -> usize {
        self.live().len()
    }

    fn live(&self) -> MutexGuard<'_, HashMap<i32, Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Live {
    fn terminate(&self) {
        self.end.cancel();
        self.interrupt.fire(Reason::Request);
    }
}

/// A live session's place in [`Sessions`].
pub(super) struct Entry {
    pub(super) key: CancelKey,
    /// Cancelled when the session has to go.
    pub(super) end: CancellationToken,
    sessions: Arc<Sessions>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.sessions.live().remove(&self.key.process);
    }
}

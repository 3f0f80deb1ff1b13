//! systemd, or whoever else speaks its protocol: what it passes to us, and what it is told.
//!
//! | it is told | when |
//! |---|---|
//! | `READY=1` | every door is open, and with `require_ready` every token is there |
//! | `RELOADING=1`, `READY=1` | the configuration is being read again; it is in force, or refused |
//! | `STATUS=` | how many sessions there are, or what is missing, when that has changed |
//! | `WATCHDOG=1` | twice in `WatchdogSec`, by a task that goes through the scheduler each time |
//! | `STOPPING=1` | the end has come |
//! | `EXTEND_TIMEOUT_USEC=` | waiting for tokens, or for sessions, may take longer than it has patience |
//!
//! # Invariants
//!
//! * A manager that does not read keeps nobody waiting but whoever tells it.
//! * Without a manager nothing is sent and nothing runs.

#[cfg(unix)]
mod notify;
mod sockets;

pub(crate) use sockets::passed;

#[cfg(unix)]
pub(crate) use notify::{keep_told, ready, reloading, starting, stopping};

/// Nobody to tell.
#[cfg(not(unix))]
mod nobody {
    use std::time::Duration;

    use azdb_core::Glance;

    pub(crate) async fn starting(_: Duration) {}
    pub(crate) async fn ready() {}
    pub(crate) async fn reloading() {}
    pub(crate) async fn stopping(_: Duration) {}
    pub(crate) fn keep_told(_: Glance) {}
}

#[cfg(not(unix))]
pub(crate) use nobody::{keep_told, ready, reloading, starting, stopping};

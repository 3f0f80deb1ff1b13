//! Whoever has started the process and watches over it: what it passes to us, and what it is told.
//!
//! | systemd's protocol | Windows | when |
//! |---|---|---|
//! | `READY=1` | `SERVICE_RUNNING`, an event | every door is open, and with `require_ready` every token is there |
//! | `RELOADING=1`, `READY=1` | | the configuration is being read again; it is in force, or refused |
//! | `STATUS=` | | how many sessions there are, or what is missing, when that has changed |
//! | `WATCHDOG=1` | | twice in `WatchdogSec`, by a task that goes through the scheduler each time |
//! | `STOPPING=1` | `SERVICE_STOP_PENDING` | the end has come |
//! | `EXTEND_TIMEOUT_USEC=` | a wait hint, and a checkpoint every now and then | waiting for tokens, or for sessions, may take longer than it has patience |
//!
//! # Invariants
//!
//! * One that does not read keeps nobody waiting but whoever tells it.
//! * Without one nothing is sent and nothing runs.

mod sockets;
#[cfg(unix)]
mod systemd;
#[cfg(windows)]
mod windows;

pub(crate) use sockets::passed;

#[cfg(unix)]
pub(crate) use systemd::{complain, keep_told, ready, reloading, starting, stopping};
#[cfg(windows)]
pub(crate) use windows::{complain, keep_told, ready, reloading, starting, stopping};

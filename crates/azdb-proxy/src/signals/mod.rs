//! The signals: which of them end the program.
//!
//! Whatever the program does not take over would end it without a line in its log, and its sessions without a word.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(crate) use unix::{HELP, RELOAD, Signal, Signals};
#[cfg(windows)]
pub(crate) use windows::{HELP, RELOAD, Signal, Signals, control_came};

//! A socket for a driver that speaks on no connection but those that it makes itself.
//!
//! ```text
//!   driver --connect--> a place that this process has bound --whose process?--> ours --> the stream
//! ```
//!
//! The operating system says whose process has connected, and whoever is not this one is not let in.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(super) use unix::PrivateSocket;
#[cfg(windows)]
pub(super) use windows::PrivateSocket;

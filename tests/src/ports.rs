//! Ports for those who will listen later.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// Below what systems hand out for port 0 (32768 on Linux, 49152 elsewhere), so that nobody is given one of these by chance
/// before its own program listens there.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// A port on which nobody listens, and which no other test of this process is given.
///
/// # Panics
///
/// When all are taken.
#[must_use]
pub fn closed_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Processes that run side by side begin at different places.
    let begin = u16::try_from(std::process::id() % 997 * 12).unwrap_or(0);
    (0..COUNT)
        .map(|_| FIRST + (begin + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT) % COUNT)
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .expect("a port that is free")
}

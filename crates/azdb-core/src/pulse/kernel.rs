//! What has become of the bytes that a connection was given.

use std::io;

use tokio::net::TcpStream;

use crate::sock_diag;

/// `idiag_timer`: a probe into a closed window comes next.
const TIMER_OF_PROBES: u8 = 4;

/// What has become of the bytes that were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// The far end has all of them.
    Arrived,
    /// Some are on their way, or were lost: the kernel sends them until they are answered.
    OnItsWay,
    /// The far end's window is closed, and it answers when it is asked for it.
    NotTaken,
    /// The far end's window was closed, and it does not answer any more.
    Unanswered,
}

/// Asks what has become of the bytes that were sent.
///
/// # Errors
///
/// As those of [`sock_diag::find`].
pub(super) fn look(stream: &TcpStream) -> io::Result<Sent> {
    let found = sock_diag::find(stream.local_addr()?, stream.peer_addr()?)?;
    Ok(match (found.unanswered, found.timer, found.probes) {
        (0, ..) => Sent::Arrived,
        // One may be under way; and Linux answers such a probe only once in half a second.
        (_, TIMER_OF_PROBES, 0 | 1) => Sent::NotTaken,
        (_, TIMER_OF_PROBES, _) => Sent::Unanswered,
        _ => Sent::OnItsWay,
    })
}

//! Patience with a far end that is there and takes nothing.
//!
//! ```text
//!   bytes sent --> look --> nothing on its way ---------------------> at rest: no clock runs
//!                   ^  \--> on its way, the far end's window open --> look again; the kernel counts
//!                   |   \-> window closed, probes answered --------> more time
//!                   +-------------- a part of the limit ------------+
//! ```

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use super::kernel::{self, Sent};

/// Looks within a limit while bytes are on their way. The first comes well before the kernel gives up on a window that has
/// closed right after the one before.
const LOOKS: u32 = 3;
/// The same once a window has been seen closed, twice as often as what each look adds.
const LOOKS_AT_A_CLOSED_WINDOW: u32 = 6;
/// The part of the limit that each look adds, which is also the longest pause between two probes. A far end that goes leaves one
/// of them unanswered within the first such part, another within the second, and is gone at the end of the third.
const ADDED: u32 = 3;

/// Looks at a socket while bytes are on their way.
#[derive(Debug)]
pub(super) struct Vigil {
    limit: Duration,
    /// Runs while bytes are on their way.
    clock: Option<Box<Clock>>,
}

#[derive(Debug)]
struct Clock {
    sleep: Pin<Box<Sleep>>,
    /// The last look, or the beginning.
    last: Instant,
    /// A moment before the far end's window closed.
    closed_after: Option<Instant>,
}

impl Vigil {
    pub(super) fn within(limit: Duration) -> Self {
        Self { limit, clock: None }
    }

    /// Bytes are on their way.
    pub(super) fn begin(&mut self) {
        if self.clock.is_none() {
            let sleep = Box::pin(tokio::time::sleep(self.limit / LOOKS));
            self.clock = Some(Box::new(Clock {
                sleep,
                last: Instant::now(),
                closed_after: None,
            }));
        }
    }

    /// From now on the runtime of this thread winds its clock.
    pub(super) fn settle(&mut self) {
        if let Some(clock) = &mut self.clock {
            let next = clock.sleep.deadline();
            clock.sleep = Box::pin(tokio::time::sleep_until(next));
        }
    }

    #[cfg(test)]
    pub(super) fn is_awake(&self) -> bool {
        self.clock.is_some()
    }

    /// Looks if it is time to.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, stream: &TcpStream) {
        while let Some(clock) = &mut self.clock {
            if clock.sleep.as_mut().poll(cx) == Poll::Pending {
                return;
            }
            match kernel::look(stream) {
                Ok(Sent::Arrived) => {
                    clock.patience(stream, None, self.limit);
                    self.clock = None;
                    return;
                }
                Ok(Sent::OnItsWay) => clock.patience(stream, None, self.limit),
                // It does not answer a probe: so much time as it has been given.
                Ok(Sent::Unanswered) => {}
                // Where the kernel does not say, nobody is taken for gone who may be there: the kernel's own count of probes ends
                // that as well.
                Ok(Sent::NotTaken) | Err(_) => {
                    let since = clock.closed_after.unwrap_or(clock.last);
                    clock.patience(stream, Some(since), self.limit);
                }
            }
            clock.wind(self.limit);
        }
    }
}

impl Clock {
    /// Has the kernel wait for `limit`, or, while a window is closed, on from now.
    fn patience(&mut self, stream: &TcpStream, closed_after: Option<Instant>, limit: Duration) {
        if closed_after.is_none() && self.closed_after.is_none() {
            return;
        }
        self.closed_after = closed_after;
        // The kernel counts from the first probe into a closed window.
        let patience = closed_after.map_or(limit, |since| {
            since.elapsed().saturating_add(limit / ADDED).max(limit)
        });
        let set = SockRef::from(stream).set_tcp_user_timeout(Some(patience));
        super::note("TCP_USER_TIMEOUT", set);
    }

    /// Sets the next look.
    fn wind(&mut self, limit: Duration) {
        let looks = match self.closed_after {
            Some(_) => LOOKS_AT_A_CLOSED_WINDOW,
            None => LOOKS,
        };
        self.last = Instant::now();
        self.sleep.as_mut().reset(self.last + limit / looks);
    }
}

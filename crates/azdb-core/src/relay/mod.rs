//! The relay: after the login, bytes one way and bytes the other.
//!
//! ```text
//!            app_sent(&[u8])                 upstream_sent(&[u8])
//!   app ----------------------> Watch <---------------------- upstream
//!    |                                                            |
//!    +-- read until dry --> scratch --> write, flush -------------+
//!    +------------- write, flush <-- scratch <-- read until dry --+
//! ```
//!
//! Both directions live in one task and are polled in turn, so neither needs a lock or a split stream. The scratch buffer
//! belongs to the worker thread and is borrowed for one synchronous poll; a session that waits owns no buffer at all.
//!
//! Login and relay alternate where a protocol knows a login within a session: the watch cuts the app's stream in front of it,
//! the relay pauses once everything before the cut has left, and what lies behind the cut is the next to be read from the
//! app's leg.
//!
//! # Invariants
//!
//! * A direction buffers only what the far side would not take, and never more than [`SCRATCH`] bytes.
//! * A failed write to an upstream ends its own direction only: the upstream's last words are heard.
//! * An app whose connection breaks, read or not, or that breaks the rules which its upstream's leg keeps, ends its session at once.
//! * A break of the upstream leaves the app's leg open for words of ours.
//! * An end of one stream is carried on as an end, and the other direction goes on until it ends or [`Linger`] runs out. Where the watch
//!   says that the upstream [is whole](Watch::is_whole), the end of its app is not carried on.
//! * A word of ours is written between answers, never into one, and never behind part of what the upstream has said.
//! * At a pause no byte is lost, held or out of order, on either leg.

mod calls;
mod clocks;
mod course;
mod pump;
mod watch;

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use crate::ledger::Ledger;
use crate::way::{BreakOff, Leg};
use calls::Calls;
use course::Course;
pub(crate) use watch::{Cut, Watch};

/// Bytes of the worker thread's scratch buffer, and the most that a direction holds back.
pub(crate) const SCRATCH: usize = 64 * 1024;

/// Two legs that have been let through to each other.
#[derive(Debug)]
pub(crate) struct Paired<A, U> {
    pub(crate) app: Leg<A>,
    pub(crate) upstream: U,
}

/// How long the far side may go on after the near side's end, counted anew with each byte.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Linger {
    /// After the app's end: a query may still be running.
    pub(crate) after_app: Duration,
    /// After the upstream's end: nobody is left who could answer.
    pub(crate) after_upstream: Duration,
}

impl Default for Linger {
    fn default() -> Self {
        Self {
            after_app: Duration::from_secs(60),
            after_upstream: Duration::from_secs(5),
        }
    }
}

/// One of the two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    App,
    Upstream,
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::App => "app",
            Self::Upstream => "upstream",
        })
    }
}

/// What a relay has told its ledger.
#[derive(Default)]
struct Noted {
    from_app: u64,
    from_upstream: u64,
}

impl Noted {
    /// Tells it what has moved since.
    fn note(&mut self, course: &Course, ledger: &Ledger) {
        let (from_app, from_upstream) = (course.from_app.moved(), course.from_upstream.moved());
        if from_app > self.from_app {
            ledger.from_app.add(from_app - self.from_app);
            self.from_app = from_app;
        }
        if from_upstream > self.from_upstream {
            ledger.from_upstream.add(from_upstream - self.from_upstream);
            self.from_upstream = from_upstream;
        }
    }
}

/// Why a relay stopped.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// The watch asked for it. Both legs are where the watch cut them, and the session goes on with another relay.
    Paused(Moved),
    /// The session is over.
    Ended(Ended),
}

/// Bytes of a relay that paused.
#[derive(Debug)]
pub(crate) struct Moved {
    /// That the upstream took.
    pub(crate) from_app: u64,
    /// That the app took.
    pub(crate) from_upstream: u64,
}

/// What became of a session.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Bytes that the upstream took.
    pub(crate) from_app: u64,
    /// Bytes that the app took.
    pub(crate) from_upstream: u64,
    /// Who ended it, and how.
    pub(crate) why: Why,
    /// What an app that is gone said last and the upstream has yet to take.
    pub(crate) unsent: Option<Vec<u8>>,
    /// Whether the app has taken all that its upstream said. Nothing else may stand behind less of it.
    pub(crate) is_heard: bool,
    /// Whether the upstream has taken all that the app has said.
    pub(crate) is_up_to_date: bool,
}

impl Ended {
    /// An end between two relays.
    pub(crate) fn refused() -> Self {
        Self::between(Why::Refused, false)
    }

    /// An app that has said that it leaves, which is held back.
    pub(crate) fn left() -> Self {
        Self::between(Why::Left { said: true }, true)
    }

    fn between(why: Why, is_up_to_date: bool) -> Self {
        Self {
            from_app: 0,
            from_upstream: 0,
            why,
            unsent: None,
            is_heard: true,
            is_up_to_date,
        }
    }
}

/// Who ended a session.
#[derive(Debug)]
pub(crate) enum Why {
    /// This side said that it was done.
    Closed(Side),
    /// This side's connection broke.
    Broken(Side, io::Error),
    /// The app has left, and its upstream has not heard of it.
    Left {
        /// Whether the app has said so.
        said: bool,
    },
    /// A login within it was refused, between two relays.
    Refused,
    /// We were told to come to an end. The app may be spoken to if the conversation was `at_rest`.
    Goodbye {
        /// Whether a word to the app cuts into nothing.
        at_rest: bool,
    },
    /// It was old and had come to rest.
    Retired,
    /// Nothing had been said for so long.
    Idle(Duration),
}

/// Who may ask for an end.
pub(crate) struct Ends<G, R> {
    /// Completes when the session is to end.
    pub(crate) goodbye: G,
    /// Completes when it is to end as soon as it is idle.
    pub(crate) rest: R,
    /// It is to end when nothing has been said for so long.
    pub(crate) idle: Option<Duration>,
}

#[cfg(test)]
impl Ends<std::future::Pending<()>, std::future::Pending<()>> {
    /// Nobody does.
    pub(crate) fn never() -> Self {
        Self {
            goodbye: std::future::pending(),
            rest: std::future::pending(),
            idle: None,
        }
    }
}

/// Moves bytes until the watch asks for a pause, both directions have ended, the linger clock runs out, or one of `ends` asks for
/// an end. The `ledger` knows of them as they move.
///
/// What a session that waits has in memory is this future. An `async fn` would have its arguments in it once more beside what it makes of them.
pub(crate) fn relay<A: BreakOff, U: BreakOff, W: Watch>(
    paired: &mut Paired<A, U>,
    watch: &mut W,
    linger: Linger,
    ends: Ends<impl Future<Output = ()> + Unpin, impl Future<Output = ()> + Unpin>,
    ledger: &Ledger,
) -> impl Future<Output = Stopped> {
    let mut calls = Calls::new(ends, watch.retires_at());
    let (mut course, mut noted) = (Course::new(linger), Noted::default());
    async move {
        let mut has_looked = false;
        poll_fn(|cx| {
            let polled = course.poll(cx, paired, watch);
            noted.note(&course, ledger);
            if polled.is_ready() {
                return Poll::Ready(());
            }
            let is_at_rest = || watch.at_rest() && course.holds_nothing();
            let is_idle = || watch.is_idle() && course.holds_nothing();
            match calls.poll(cx, course.moved(), is_at_rest, is_idle) {
                // What has come may not have been shown to this task yet: first the driver has its turn.
                Some(_) if !has_looked => {
                    has_looked = true;
                    pin!(tokio::task::yield_now()).poll(cx)
                }
                Some(why) => {
                    course.why.get_or_insert(why);
                    Poll::Ready(())
                }
                None => Poll::Pending,
            }
        })
        .await;
        if course.is_paused() {
            paired.app.put_back(&course.from_app.take_behind());
            return Stopped::Paused(Moved {
                from_app: course.from_app.moved(),
                from_upstream: course.from_upstream.moved(),
            });
        }
        Stopped::Ended(course.into_ended(watch.app_left()))
    }
}

impl Side {
    fn other(self) -> Self {
        match self {
            Self::App => Self::Upstream,
            Self::Upstream => Self::App,
        }
    }
}

#[cfg(test)]
mod tests;

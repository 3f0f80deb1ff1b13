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
//! * A failed write ends its own direction only: the upstream's last words are heard.
//! * An end of one stream is carried on as an end, and the other direction goes on until it ends or [`Linger`] runs out.
//! * A word of ours is written between answers, never into one.
//! * At a pause no byte is lost, held or out of order, on either leg.

mod pump;

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use crate::io::{Leg, Stream};
use pump::{Direction, Progress};

/// Bytes of the worker thread's scratch buffer, and the most that a direction holds back.
pub(crate) const SCRATCH: usize = 64 * 1024;

/// What the relay must know of the conversation.
pub(crate) trait Watch: Send {
    /// Follows bytes on their way to the upstream and says how many of them may go.
    fn app_sent(&mut self, bytes: &[u8]) -> Cut;
    /// Follows bytes on their way to the app.
    fn upstream_sent(&mut self, bytes: &[u8]);
    /// Whether a word to the app would cut into nothing.
    fn at_rest(&self) -> bool;
    /// From when on the session is to end as soon as it is at rest.
    fn retires_at(&self) -> Option<Instant> {
        None
    }
    /// Whether the app has said that it leaves. The end that follows is its own, whichever socket shows it first.
    fn app_left(&self) -> bool {
        false
    }
}

/// How much of what an app sent may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// All of it.
    Through,
    /// So many bytes. The rest, a few bytes at most, is shown again with what comes behind it.
    Hold(usize),
    /// So many bytes, and then the relay pauses.
    Pause(usize),
}

/// Two legs that have been let through to each other.
#[derive(Debug)]
pub(crate) struct Paired<A, U> {
    pub(crate) app: A,
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

/// Why a relay stopped.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// The watch asked for it. Both legs are where the watch cut them, and the session goes on with another relay.
    Paused {
        /// Bytes that the upstream took.
        from_app: u64,
        /// Bytes that the app took.
        from_upstream: u64,
    },
    /// The session is over.
    Ended(Ended),
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
}

impl Ended {
    /// An end that was ours, between two relays.
    pub(crate) fn by_us() -> Self {
        Self {
            from_app: 0,
            from_upstream: 0,
            why: Why::Goodbye { at_rest: false },
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
    /// We were told to come to an end. The app may be spoken to if the conversation was `at_rest`.
    Goodbye {
        /// Whether a word to the app cuts into nothing.
        at_rest: bool,
    },
    /// It was old and had come to rest.
    Retired,
}

/// Moves bytes until the watch asks for a pause, both directions have ended, the linger clock runs out, or `goodbye`
/// completes.
pub(crate) async fn relay<A: Stream, U: Stream, W: Watch>(
    paired: &mut Paired<Leg<A>, U>,
    watch: &mut W,
    linger: Linger,
    goodbye: impl Future<Output = ()>,
) -> Stopped {
    let mut goodbye = std::pin::pin!(goodbye);
    let mut retirement = Retirement::at(watch.retires_at());
    let mut session = Session::new(linger);
    poll_fn(|cx| {
        if session.poll(cx, paired, watch).is_ready() {
            return Poll::Ready(());
        }
        if goodbye.as_mut().poll(cx).is_ready() {
            let at_rest = watch.at_rest() && session.holds_nothing();
            session.why.get_or_insert(Why::Goodbye { at_rest });
            return Poll::Ready(());
        }
        if retirement.is_due(cx) && watch.at_rest() && session.holds_nothing() {
            session.why.get_or_insert(Why::Retired);
            return Poll::Ready(());
        }
        Poll::Pending
    })
    .await;
    if session.is_paused() {
        paired.app.put_back(&session.from_app.take_behind());
        return Stopped::Paused {
            from_app: session.from_app.moved(),
            from_upstream: session.from_upstream.moved(),
        };
    }
    Stopped::Ended(session.into_ended(watch.app_left()))
}

/// The clock of a session that may only become so old.
enum Retirement {
    Never,
    Waiting(Pin<Box<Sleep>>),
    Due,
}

impl Retirement {
    fn at(moment: Option<Instant>) -> Self {
        moment.map_or(Self::Never, |at| {
            Self::Waiting(Box::pin(tokio::time::sleep_until(at)))
        })
    }

    fn is_due(&mut self, cx: &mut Context<'_>) -> bool {
        match self {
            Self::Never => return false,
            Self::Due => return true,
            Self::Waiting(sleep) => {
                if sleep.as_mut().poll(cx).is_pending() {
                    return false;
                }
            }
        }
        *self = Self::Due;
        true
    }
}

struct Session {
    from_app: Direction,
    from_upstream: Direction,
    linger: Linger,
    /// Set at the first end.
    clock: Option<(Pin<Box<Sleep>>, Duration, u64)>,
    /// The first end, which is the one that explains the session.
    why: Option<Why>,
    app_first: bool,
}

impl Session {
    fn new(linger: Linger) -> Self {
        let (from_app, from_upstream) = (Direction::default(), Direction::default());
        Self {
            from_app,
            from_upstream,
            linger,
            clock: None,
            why: None,
            app_first: true,
        }
    }

    fn poll<A: Stream, U: Stream, W: Watch>(
        &mut self,
        cx: &mut Context<'_>,
        Paired { app, upstream }: &mut Paired<A, U>,
        watch: &mut W,
    ) -> Poll<()> {
        // The directions take turns to be first, so that a busy one cannot starve the other.
        self.app_first = !self.app_first;
        for turn in [self.app_first, !self.app_first] {
            let (side, progress) = if turn {
                (
                    Side::App,
                    self.from_app
                        .poll(cx, app, upstream, |bytes| watch.app_sent(bytes)),
                )
            } else {
                let progress = self.from_upstream.poll(cx, upstream, app, |bytes| {
                    watch.upstream_sent(bytes);
                    Cut::Through
                });
                (Side::Upstream, progress)
            };
            match progress {
                Progress::Going => {}
                Progress::SourceEnded => self.note(Why::Closed(side)),
                Progress::SourceBroke(error) => self.note(Why::Broken(side, error)),
                Progress::SinkBroke(error) => self.note(Why::Broken(side.other(), error)),
            }
        }
        if self.from_app.is_over() && self.from_upstream.is_over() || self.is_paused() {
            return Poll::Ready(());
        }
        self.poll_clock(cx)
    }

    /// Remembers the first end.
    fn note(&mut self, why: Why) {
        self.why.get_or_insert(why);
    }

    /// Runs the linger clock once one direction is over.
    fn poll_clock(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let limit = match (self.from_app.is_over(), self.from_upstream.is_over()) {
            (true, _) => self.linger.after_app,
            (_, true) => self.linger.after_upstream,
            (false, false) => return Poll::Pending,
        };
        let moved = self.from_app.moved() + self.from_upstream.moved();
        let (sleep, running, seen) = self
            .clock
            .get_or_insert_with(|| (Box::pin(tokio::time::sleep(limit)), limit, moved));
        if *running != limit || *seen != moved {
            sleep.as_mut().reset(Instant::now() + limit);
            (*running, *seen) = (limit, moved);
        }
        sleep.as_mut().poll(cx)
    }

    /// Whether everything before the cut has left, and every answer to it that has come. An upstream that is gone has no use
    /// for what is behind the cut.
    fn is_paused(&self) -> bool {
        self.why.is_none() && self.from_app.is_paused() && self.from_upstream.holds_nothing()
    }

    fn holds_nothing(&self) -> bool {
        self.from_app.holds_nothing() && self.from_upstream.holds_nothing()
    }

    fn into_ended(self, app_left: bool) -> Ended {
        let why = match self.why {
            // Servers close at an app's word, often before the app does.
            Some(Why::Closed(_) | Why::Broken(..)) if app_left => Why::Closed(Side::App),
            why => why.unwrap_or(Why::Closed(Side::App)),
        };
        Ended {
            from_app: self.from_app.moved(),
            from_upstream: self.from_upstream.moved(),
            why,
        }
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
mod pauses;
#[cfg(test)]
mod tests;

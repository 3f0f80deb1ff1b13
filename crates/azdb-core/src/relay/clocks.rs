//! When a session ends because of the time.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// The clock of a session that may only become so old.
pub(super) enum Retirement {
    Never,
    Waiting(Pin<Box<Sleep>>),
    Due,
}

impl Retirement {
    pub(super) fn at(moment: Option<Instant>) -> Self {
        moment.map_or(Self::Never, |at| {
            Self::Waiting(Box::pin(tokio::time::sleep_until(at)))
        })
    }

    pub(super) fn is_due(&mut self, cx: &mut Context<'_>) -> bool {
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

/// The clock of a session in which something is to be said from time to time.
pub(super) struct Idleness(Option<Box<Silence>>);

struct Silence {
    limit: Duration,
    since: Instant,
    /// Bytes that had been moved then.
    moved: u64,
    /// Runs out when the silence may have been long enough.
    sleep: Pin<Box<Sleep>>,
}

impl Idleness {
    /// Begins to count, unless silence may last for ever.
    pub(super) fn until(limit: Option<Duration>) -> Self {
        Self(limit.map(|limit| {
            let since = Instant::now();
            Box::new(Silence {
                limit,
                since,
                moved: 0,
                sleep: Box::pin(tokio::time::sleep_until(since + limit)),
            })
        }))
    }

    /// Ready with the limit once nothing has been moved for so long, and for as long as that stays so.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, moved: u64) -> Poll<Duration> {
        let Some(silence) = &mut self.0 else {
            return Poll::Pending;
        };
        if silence.moved != moved {
            (silence.moved, silence.since) = (moved, Instant::now());
        }
        loop {
            ready!(silence.sleep.as_mut().poll(cx));
            let end = silence.since + silence.limit;
            if silence.sleep.deadline() >= end {
                return Poll::Ready(silence.limit);
            }
            silence.sleep.as_mut().reset(end);
        }
    }
}

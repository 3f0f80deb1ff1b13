//! When a session ends because of the time.

use std::pin::Pin;
use std::task::Context;
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

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) {
        if let Self::Waiting(sleep) = self
            && sleep.as_mut().poll(cx).is_ready()
        {
            *self = Self::Due;
        }
    }

    pub(super) fn is_due(&self) -> bool {
        matches!(self, Self::Due)
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
    /// It was.
    is_over: bool,
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
                is_over: false,
            })
        }))
    }

    /// Counts anew from now if anything has been moved since.
    pub(super) fn note(&mut self, moved: u64) {
        if let Some(silence) = &mut self.0
            && silence.moved != moved
        {
            (silence.moved, silence.since) = (moved, Instant::now());
        }
    }

    /// Whether a silence that was long enough has been broken: the clock has run out, and is to run again.
    pub(super) fn is_to_be_set(&self) -> bool {
        let silence = self.0.as_deref();
        silence.is_some_and(|silence| silence.is_over && !silence.has_lasted())
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) {
        let Some(silence) = &mut self.0 else {
            return;
        };
        while silence.sleep.as_mut().poll(cx).is_ready() {
            silence.is_over = silence.has_lasted();
            if silence.is_over {
                return;
            }
            let end = silence.since + silence.limit;
            silence.sleep.as_mut().reset(end);
        }
        silence.is_over = false;
    }

    /// The limit, once nothing has been moved for so long, and for as long as that stays so.
    pub(super) fn limit_that_is_over(&self) -> Option<Duration> {
        let silence = self.0.as_deref().filter(|silence| silence.is_over);
        silence.map(|silence| silence.limit)
    }
}

impl Silence {
    /// Whether it was silent for so long when the clock ran out.
    fn has_lasted(&self) -> bool {
        self.sleep.deadline() >= self.since + self.limit
    }
}

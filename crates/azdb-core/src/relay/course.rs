//! Both directions of a session, polled in turn.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::AsyncWrite;
use tokio::time::{Instant, Sleep};

use super::pump::{Direction, Progress, SourceEnd};
use super::{Cut, Ended, Linger, Paired, Side, Watch, Why};
use crate::way::BreakOff;

/// How often an app is looked for that is not read.
const LOOK: Duration = Duration::from_secs(1);

/// The run of one relay.
pub(super) struct Course {
    pub(super) from_app: Direction,
    pub(super) from_upstream: Direction,
    linger: Linger,
    /// Set at the first end.
    clock: Option<(Pin<Box<Sleep>>, Duration, u64)>,
    /// The first end, which is the one that explains the session.
    pub(super) why: Option<Why>,
    /// Runs while the app is not read.
    look: Option<Pin<Box<Sleep>>>,
    /// Which side's connection broke: nothing comes from there any more, and nothing gets there.
    gone: Option<Side>,
    app_first: bool,
}

impl Course {
    pub(super) fn new(linger: Linger) -> Self {
        let (from_app, from_upstream) = (Direction::default(), Direction::default());
        Self {
            from_app,
            from_upstream,
            linger,
            clock: None,
            why: None,
            look: None,
            gone: None,
            app_first: true,
        }
    }

    pub(super) fn poll<A: BreakOff, U: BreakOff, W: Watch>(
        &mut self,
        cx: &mut Context<'_>,
        paired: &mut Paired<A, U>,
        watch: &mut W,
    ) -> Poll<()> {
        // The directions take turns to be first, so that a busy one cannot starve the other.
        self.app_first = !self.app_first;
        for turn in [self.app_first, !self.app_first] {
            let side = if turn { Side::App } else { Side::Upstream };
            while let Some(end) = self.poll_from(side, cx, paired, watch) {
                if self.is_left_whole(side, &end, watch) {
                    self.note(Why::Left { said: false });
                    return Poll::Ready(());
                }
                match (side, &end) {
                    // A client says that it leaves, and ends in TLS's words then; one that was killed says neither.
                    (Side::App, _) if !watch.app_left() => paired.upstream.break_off(),
                    (Side::Upstream, SourceEnd::CutOff | SourceEnd::Broke(_)) => {
                        paired.app.break_off();
                    }
                    (Side::App, _) | (Side::Upstream, SourceEnd::Whole) => {}
                }
                match end {
                    SourceEnd::Whole | SourceEnd::CutOff => self.note(Why::Closed(side)),
                    SourceEnd::Broke(error) => self.lose(side, error),
                }
            }
        }
        self.look_for_app(cx, &mut paired.app);
        if self.is_over() || self.is_paused() {
            return Poll::Ready(());
        }
        self.poll_clock(cx)
    }

    /// Whether an app has ended that leaves its upstream as the next one may find it.
    fn is_left_whole<W: Watch>(&self, side: Side, end: &SourceEnd, watch: &W) -> bool {
        let is_end = match end {
            SourceEnd::Whole | SourceEnd::CutOff => true,
            SourceEnd::Broke(_) => false,
        };
        let is_first = self.why.is_none() && self.gone.is_none();
        side == Side::App && is_end && is_first && watch.is_whole() && self.holds_nothing()
    }

    /// Whether nothing is left to move. Nobody is left to hear what comes for an app that is gone; an upstream's last words reach
    /// its app. What lies behind a cut has nowhere to go when the upstream has ended.
    fn is_over(&self) -> bool {
        match self.gone {
            Some(Side::App) => true,
            Some(Side::Upstream) => self.from_upstream.is_over(),
            None => {
                let nothing_goes_up = self.from_app.is_over() || self.from_app.is_paused();
                nothing_goes_up && self.from_upstream.is_over()
            }
        }
    }

    /// A side's connection has broken.
    fn lose(&mut self, side: Side, error: io::Error) {
        self.note(Why::Broken(side, error));
        self.gone.get_or_insert(side);
        if self.gone == Some(Side::Upstream) {
            self.from_upstream.spare_the_end();
        }
    }

    /// While an upstream takes nothing of what its app says, the app is not read, and it is by reading that its break would be seen. So
    /// it is asked from time to time, by a flush, whether it is still there.
    fn look_for_app<A: AsyncWrite + Unpin>(&mut self, cx: &mut Context<'_>, app: &mut A) {
        if self.from_app.holds_nothing() || self.gone.is_some() {
            self.look = None;
            return;
        }
        let look = || Box::pin(tokio::time::sleep(LOOK));
        while self
            .look
            .get_or_insert_with(look)
            .as_mut()
            .poll(cx)
            .is_ready()
        {
            self.look = None;
            if let Poll::Ready(Err(error)) = Pin::new(&mut *app).poll_flush(cx) {
                return self.lose(Side::App, error);
            }
        }
    }

    /// Moves what can be moved one way. `Some` once: when its source has ended, before its sink is told.
    fn poll_from<A: BreakOff, U: BreakOff, W: Watch>(
        &mut self,
        side: Side,
        cx: &mut Context<'_>,
        Paired { app, upstream }: &mut Paired<A, U>,
        watch: &mut W,
    ) -> Option<SourceEnd> {
        let progress = match side {
            Side::App => {
                let cut = |bytes: &[u8]| watch.app_sent(bytes);
                self.from_app.poll(cx, app, upstream, cut)
            }
            Side::Upstream => self.from_upstream.poll(cx, upstream, app, |bytes| {
                watch.upstream_sent(bytes);
                Cut::Through
            }),
        };
        match progress {
            Progress::Going => None,
            Progress::SourceEnded(end) => Some(end),
            Progress::SinkBroke(error) => {
                let broken = match error.kind() {
                    // A sink that knows its protocol does not take what breaks its rules.
                    io::ErrorKind::InvalidData => side,
                    _ => side.other(),
                };
                self.lose(broken, error);
                None
            }
        }
    }

    /// Bytes that either side took.
    pub(super) fn moved(&self) -> u64 {
        self.from_app.moved() + self.from_upstream.moved()
    }

    /// Remembers the first end.
    fn note(&mut self, why: Why) {
        self.why.get_or_insert(why);
    }

    /// Runs the linger clock once one direction is over.
    fn poll_clock(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let (app_is_over, upstream_is_over) =
            (self.from_app.is_over(), self.from_upstream.is_over());
        let limit = match self.gone {
            Some(_) => self.linger.after_upstream,
            None if app_is_over => self.linger.after_app,
            None if upstream_is_over => self.linger.after_upstream,
            None => return Poll::Pending,
        };
        let moved = self.moved();
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
    pub(super) fn is_paused(&self) -> bool {
        self.why.is_none() && self.from_app.is_paused() && self.from_upstream.holds_nothing()
    }

    pub(super) fn holds_nothing(&self) -> bool {
        self.from_app.holds_nothing() && self.from_upstream.holds_nothing()
    }

    pub(super) fn into_ended(mut self, app_left: bool) -> Ended {
        let is_heard = self.from_upstream.holds_nothing();
        let unsent = match self.gone {
            Some(Side::App) => Some(self.from_app.take_held()),
            Some(Side::Upstream) | None => None,
        };
        let why = match self.why {
            // Servers close at an app's word, often before the app does.
            Some(Why::Closed(_) | Why::Broken(..)) if app_left => Why::Closed(Side::App),
            why => why.unwrap_or(Why::Closed(Side::App)),
        };
        Ended {
            from_app: self.from_app.moved(),
            from_upstream: self.from_upstream.moved(),
            why,
            unsent,
            is_heard,
            is_up_to_date: self.from_app.holds_nothing(),
        }
    }
}

//! What calls a relay away from its bytes: whoever asks for an end, and clocks.
//!
//! A future that is polled asks whether it is over, and some ask under a lock that all sessions of the process share. A session
//! is polled for each byte that moves and called away once. So its calls have a bell of their own, and nobody looks at them
//! before it rings.
//!
//! # Invariants
//!
//! * A poll because of bytes polls no call.
//! * A call that comes is heard, whichever task polls the relay then.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};

use tokio::time::Instant;

use super::clocks::{Idleness, Retirement};
use super::{Ends, Why};

/// Wakes the relay's task, and says that it was not because of bytes.
struct Bell {
    task: Waker,
    rang: AtomicBool,
}

impl Bell {
    /// Says once that it rang.
    fn has_rung(&self) -> bool {
        // Nearly always it has not, and looking is free.
        self.rang.load(Ordering::Relaxed) && self.rang.swap(false, Ordering::Acquire)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rang.store(true, Ordering::Release);
        self.task.wake_by_ref();
    }
}

/// A future, for as long as it has not come to its end.
struct Awaited<F>(Option<F>);

impl<F: Future<Output = ()> + Unpin> Awaited<F> {
    fn poll(&mut self, cx: &mut Context<'_>) {
        if let Some(future) = &mut self.0
            && Pin::new(future).poll(cx).is_ready()
        {
            self.0 = None;
        }
    }

    fn is_over(&self) -> bool {
        self.0.is_none()
    }
}

/// Everything that a relay waits for besides bytes.
pub(super) struct Calls<G, R> {
    bell: Option<Arc<Bell>>,
    goodbye: Awaited<G>,
    rest: Awaited<R>,
    retirement: Retirement,
    idleness: Idleness,
}

impl<G, R> Calls<G, R>
where
    G: Future<Output = ()> + Unpin,
    R: Future<Output = ()> + Unpin,
{
    pub(super) fn new(ends: Ends<G, R>, retires_at: Option<Instant>) -> Self {
        Self {
            bell: None,
            goodbye: Awaited(Some(ends.goodbye)),
            rest: Awaited(Some(ends.rest)),
            retirement: Retirement::at(retires_at),
            idleness: Idleness::until(ends.idle),
        }
    }

    /// Why the session ends now, if it does: `moved` bytes have been moved, and it may be at rest and idle.
    pub(super) fn poll(
        &mut self,
        cx: &Context<'_>,
        moved: u64,
        is_at_rest: impl Fn() -> bool,
        is_idle: impl Fn() -> bool,
    ) -> Option<Why> {
        self.idleness.note(moved);
        self.listen(cx);
        if self.goodbye.is_over() {
            let at_rest = is_at_rest();
            return Some(Why::Goodbye { at_rest });
        }
        if self.rest.is_over() && is_idle() {
            let at_rest = true;
            return Some(Why::Goodbye { at_rest });
        }
        if self.retirement.is_due() && is_at_rest() {
            return Some(Why::Retired);
        }
        let silent = self.idleness.limit_that_is_over();
        silent.filter(|_| is_at_rest()).map(Why::Idle)
    }

    /// Asks who calls, if the bell has rung or nobody has been told of this task yet.
    fn listen(&mut self, cx: &Context<'_>) {
        let is_ours = |bell: &&Arc<Bell>| bell.task.will_wake(cx.waker());
        let bell = match self.bell.as_ref().filter(is_ours) {
            Some(bell) if !bell.has_rung() && !self.idleness.is_to_be_set() => return,
            Some(bell) => Arc::clone(bell),
            None => {
                let (task, rang) = (cx.waker().clone(), AtomicBool::new(false));
                let bell = Arc::new(Bell { task, rang });
                Arc::clone(self.bell.insert(bell))
            }
        };
        let waker = Waker::from(bell);
        let mut cx = Context::from_waker(&waker);
        self.goodbye.poll(&mut cx);
        self.rest.poll(&mut cx);
        self.retirement.poll(&mut cx);
        self.idleness.poll(&mut cx);
    }
}

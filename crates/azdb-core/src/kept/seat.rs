//! Where a connection waits that may be taken at any moment, from any thread.
//!
//! ```text
//!   whoever comes --take--> Seat <--watch-- a task: a byte, an end, a clock
//! ```
//!
//! # Invariants
//!
//! * What waits has one owner: it is taken, or let go by whoever watches it, never both.
//! * Whoever watches learns at once that it was taken, and goes.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, ReadBuf};

/// Something with a far end from which nothing is to come while it waits.
pub(crate) trait Waits: Send + 'static {
    /// Ready when something has come all the same: a byte, or an end.
    fn poll_stirs(&mut self, cx: &mut Context<'_>) -> Poll<()>;
}

/// A place for one thing that waits. Clones are the same place.
pub(crate) struct Seat<T>(Arc<Mutex<Seated<T>>>);

struct Seated<T> {
    thing: Option<T>,
    watcher: Option<Waker>,
}

impl<T> Clone for Seat<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Waits> Seat<T> {
    /// With this in it.
    pub(crate) fn of(thing: T) -> Self {
        let seated = Seated {
            thing: Some(thing),
            watcher: None,
        };
        Self(Arc::new(Mutex::new(seated)))
    }

    /// What waits here, if nobody was faster.
    pub(crate) fn take(&self) -> Option<T> {
        let mut seated = self.lock();
        let thing = seated.thing.take();
        let watcher = seated.watcher.take();
        drop(seated);
        if let Some(watcher) = watcher {
            watcher.wake();
        }
        thing
    }

    /// Has a look at what waits here.
    pub(crate) fn look<O>(&self, at: impl FnOnce(&T) -> O) -> Option<O> {
        self.lock().thing.as_ref().map(at)
    }

    /// Whether both are the same place.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Returns what waits here when it stirs, or when `end` comes; `None` when somebody has taken it.
    pub(crate) async fn watch(&self, end: impl Future<Output = ()>) -> Option<T> {
        let mut end = pin!(end);
        std::future::poll_fn(|cx| {
            let mut seated = self.lock();
            let Some(thing) = &mut seated.thing else {
                return Poll::Ready(None);
            };
            if thing.poll_stirs(cx).is_ready() || end.as_mut().poll(cx).is_ready() {
                return Poll::Ready(seated.thing.take());
            }
            seated.watcher = Some(cx.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// Nothing is half done in here when a thread panics.
    fn lock(&self) -> MutexGuard<'_, Seated<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ready when a stream has a byte, or its end.
pub(crate) fn poll_stream_stirs<S: AsyncRead + Unpin>(
    stream: &mut S,
    cx: &mut Context<'_>,
) -> Poll<()> {
    let mut byte = [0];
    let mut byte = ReadBuf::new(&mut byte);
    Pin::new(stream).poll_read(cx, &mut byte).map(drop)
}

/// Whether nothing has come from it up to now.
pub(crate) async fn is_quiet(thing: &mut impl Waits) -> bool {
    let looking = std::future::poll_fn(|cx| Poll::Ready(thing.poll_stirs(cx).is_pending()));
    // A task that has used up its budget would hear of nothing.
    tokio::task::unconstrained(looking).await
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use tokio::io::{AsyncWriteExt as _, DuplexStream, duplex};

    use super::*;

    impl Waits for DuplexStream {
        fn poll_stirs(&mut self, cx: &mut Context<'_>) -> Poll<()> {
            poll_stream_stirs(self, cx)
        }
    }

    fn watched() -> (
        DuplexStream,
        Seat<DuplexStream>,
        tokio::task::JoinHandle<bool>,
    ) {
        let (far, near) = duplex(16);
        let seat = Seat::of(near);
        let watching = seat.clone();
        let watch = async move { watching.watch(std::future::pending()).await.is_some() };
        (far, seat, tokio::spawn(watch))
    }

    #[tokio::test]
    async fn a_byte_or_an_end_is_noticed_while_it_waits() {
        let (mut far, seat, watch) = watched();
        tokio::task::yield_now().await;
        far.write_all(b"x").await.unwrap();
        assert!(watch.await.unwrap(), "it is let go");
        assert!(seat.take().is_none());
        let (far, seat, watch) = watched();
        drop(far);
        assert!(watch.await.unwrap());
        assert!(seat.take().is_none());
    }

    #[tokio::test]
    async fn whoever_watches_goes_when_it_is_taken() {
        let (_far, seat, watch) = watched();
        tokio::task::yield_now().await;
        assert!(seat.take().is_some());
        assert!(!watch.await.unwrap(), "there is nothing to let go");
        assert!(seat.take().is_none());
    }

    #[tokio::test]
    async fn its_time_comes_to_an_end() {
        let (_far, near) = duplex(16);
        let seat = Seat::of(near);
        assert!(seat.watch(std::future::ready(())).await.is_some());
        assert!(seat.take().is_none());
    }

    #[tokio::test]
    async fn what_has_stirred_is_not_quiet() {
        let (mut far, mut near) = duplex(16);
        assert!(is_quiet(&mut near).await);
        far.write_all(b"x").await.unwrap();
        assert!(!is_quiet(&mut near).await);
    }
}

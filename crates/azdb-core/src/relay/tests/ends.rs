//! Whose end is carried on as an end, and whose as a break.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::*;

/// A leg that ends as TLS does without `close_notify` when it is `cut`, and says whether it was to end so itself.
struct Ending {
    pipe: DuplexStream,
    cut: bool,
    broken_off: Arc<AtomicBool>,
}

impl Ending {
    fn new(pipe: DuplexStream, cut: bool) -> (Self, Arc<AtomicBool>) {
        let broken_off = Arc::new(AtomicBool::new(false));
        let ending = Self {
            pipe,
            cut,
            broken_off: Arc::clone(&broken_off),
        };
        (ending, broken_off)
    }
}

impl BreakOff for Ending {
    fn break_off(&mut self) {
        self.broken_off.store(true, Relaxed);
    }
}

impl AsyncRead for Ending {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.pipe).poll_read(cx, buf);
        match polled {
            Poll::Ready(Ok(())) if self.cut && buf.filled().len() == before => {
                Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()))
            }
            polled => polled,
        }
    }
}

impl AsyncWrite for Ending {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.pipe).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_shutdown(cx)
    }
}

/// An app that says when it leaves, by "bye".
#[derive(Default)]
struct Bye(bool);

impl Watch for Bye {
    fn app_sent(&mut self, bytes: &[u8]) -> Cut {
        self.0 |= bytes.ends_with(b"bye");
        Cut::Through
    }
    fn upstream_sent(&mut self, _: &[u8]) {}
    fn at_rest(&self) -> bool {
        true
    }
    fn app_left(&self) -> bool {
        self.0
    }
}

/// Whether app and upstream were to end as something that was killed, when the app says this and then the upstream ends, cut off
/// or not.
async fn broken_off(app_says: &[u8], upstream_is_cut: bool) -> (bool, bool) {
    let (mut app, app_leg) = duplex(PIPE);
    let (mut database, upstream_leg) = duplex(PIPE);
    let (app_leg, app_was) = Ending::new(app_leg, false);
    let (upstream, upstream_was) = Ending::new(upstream_leg, upstream_is_cut);
    let relay = tokio::spawn(async move {
        let app = Leg::new(app_leg);
        let mut paired = Paired { app, upstream };
        relay(
            &mut paired,
            &mut Bye::default(),
            Linger::default(),
            Ends::never(),
            &Ledger::default(),
        )
        .await
    });
    app.write_all(app_says).await.unwrap();
    let mut heard = vec![0; app_says.len()];
    database.read_exact(&mut heard).await.unwrap();
    database.write_all(b"last words").await.unwrap();
    drop(database);
    assert_eq!(rest_of(&mut app).await, b"last words");
    drop(app);
    assert!(matches!(relay.await.unwrap(), Stopped::Ended(_)));
    (app_was.load(Relaxed), upstream_was.load(Relaxed))
}

#[tokio::test(start_paused = true)]
async fn an_app_hears_of_its_upstreams_end_as_it_was() {
    assert!(!broken_off(b"question", false).await.0);
    assert!(broken_off(b"question", true).await.0);
}

#[tokio::test(start_paused = true)]
async fn an_upstream_hears_whether_its_app_said_that_it_left() {
    assert!(!broken_off(b"bye", false).await.1);
    assert!(broken_off(b"question", false).await.1);
}

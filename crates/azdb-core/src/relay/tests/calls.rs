//! What calls a relay away from its bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Notify;

use super::*;

/// A future that counts how often it is asked whether it is over.
async fn counted(polls: Arc<AtomicUsize>, inner: impl Future<Output = ()>) {
    let mut inner = pin!(inner);
    poll_fn(|cx| {
        polls.fetch_add(1, Ordering::Relaxed);
        inner.as_mut().poll(cx)
    })
    .await;
}

/// At rest when somebody says so.
struct SaidToRest(Arc<AtomicBool>);

impl Watch for SaidToRest {
    fn app_sent(&mut self, _: &[u8]) -> Cut {
        Cut::Through
    }
    fn upstream_sent(&mut self, _: &[u8]) {}
    fn at_rest(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

async fn a_round_trip(app: &mut DuplexStream, database: &mut DuplexStream) {
    let mut byte = [0];
    app.write_all(b"q").await.unwrap();
    database.read_exact(&mut byte).await.unwrap();
    database.write_all(b"a").await.unwrap();
    app.read_exact(&mut byte).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_poll_because_of_bytes_asks_nobody_whether_it_is_time_to_end() {
    let (goodbyes, rests) = (Arc::default(), Arc::default());
    let told = Arc::new(Notify::new());
    let word = Arc::clone(&told);
    let ends = Ends {
        goodbye: counted(Arc::clone(&goodbyes), async move { word.notified().await }),
        rest: counted(Arc::clone(&rests), pending()),
        idle: Some(Duration::from_secs(3600)),
    };
    let Joined {
        mut app,
        mut database,
        relay,
    } = joined_until(ends, AtRest(true));
    for _ in 0..100 {
        a_round_trip(&mut app, &mut database).await;
    }
    let asked = || {
        (
            goodbyes.load(Ordering::Relaxed),
            rests.load(Ordering::Relaxed),
        )
    };
    assert_eq!(asked(), (1, 1), "once, to be told of the end");
    told.notify_one();
    assert!(matches!(
        relay.await.unwrap().why,
        Why::Goodbye { at_rest: true }
    ));
    assert_eq!(asked(), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_call_is_heard_by_whichever_task_polls_the_relay() {
    let (_app, app_leg) = duplex(PIPE);
    let (_database, upstream_leg) = duplex(PIPE);
    let told = Arc::new(Notify::new());
    let word = Arc::clone(&told);
    let mut relaying = Box::pin(async move {
        let mut paired = Paired {
            app: Leg::new(app_leg),
            upstream: upstream_leg,
        };
        let ends = Ends {
            goodbye: pin!(async move { word.notified().await }),
            rest: pending(),
            idle: None,
        };
        let ledger = Ledger::default();
        relay(
            &mut paired,
            &mut AtRest(true),
            Linger::default(),
            ends,
            &ledger,
        )
        .await
    });
    let first = poll_fn(|cx| Poll::Ready(relaying.as_mut().poll(cx).is_pending()));
    assert!(first.await);
    let relay = tokio::spawn(relaying);
    tokio::task::yield_now().await;
    told.notify_one();
    assert!(matches!(
        relay.await.unwrap(),
        Stopped::Ended(Ended {
            why: Why::Goodbye { at_rest: true },
            ..
        })
    ));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_comes_too_early_is_answered_with_the_next_bytes() {
    let at_rest = Arc::new(AtomicBool::new(false));
    let ends = Ends {
        goodbye: pending(),
        rest: tokio::time::sleep(Duration::from_secs(1)),
        idle: None,
    };
    let Joined {
        mut app,
        mut database,
        relay,
    } = joined_until(ends, SaidToRest(Arc::clone(&at_rest)));
    tokio::time::sleep(Duration::from_secs(2)).await;
    a_round_trip(&mut app, &mut database).await;
    assert!(!relay.is_finished());
    at_rest.store(true, Ordering::Relaxed);
    database.write_all(b"z").await.unwrap();
    assert!(matches!(
        relay.await.unwrap().why,
        Why::Goodbye { at_rest: true }
    ));
}

#[tokio::test(start_paused = true)]
async fn a_silence_that_was_no_rest_is_counted_anew_from_its_end() {
    let limit = Duration::from_secs(10);
    let at_rest = Arc::new(AtomicBool::new(false));
    let ends = Ends {
        goodbye: pending(),
        rest: pending(),
        idle: Some(limit),
    };
    let Joined {
        mut app,
        mut database,
        relay,
    } = joined_until(ends, SaidToRest(Arc::clone(&at_rest)));
    tokio::time::sleep(limit * 3).await;
    at_rest.store(true, Ordering::Relaxed);
    a_round_trip(&mut app, &mut database).await;
    let since = Instant::now();
    assert!(matches!(relay.await.unwrap().why, Why::Idle(of) if of == limit));
    assert_eq!(since.elapsed().as_secs(), limit.as_secs());
}

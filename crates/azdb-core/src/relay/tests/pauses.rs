//! Tests of the pause: what lies before the cut leaves, what lies behind it stays, and nothing is lost.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::PIPE;
use crate::relay::*;

/// Pauses in front of each `|`, and holds a last `?` until something follows it.
#[derive(Debug)]
struct Marks;

impl Watch for Marks {
    fn app_sent(&mut self, bytes: &[u8]) -> Cut {
        match (bytes.iter().position(|byte| *byte == b'|'), bytes) {
            (Some(at), _) => Cut::Pause(at),
            (None, [.., b'?']) => Cut::Hold(bytes.len() - 1),
            (None, _) => Cut::Through,
        }
    }

    fn upstream_sent(&mut self, _: &[u8]) {}

    fn at_rest(&self) -> bool {
        false
    }
}

type Legs = Paired<DuplexStream, DuplexStream>;

fn legs() -> (DuplexStream, DuplexStream, Legs) {
    let (app, app_leg) = duplex(PIPE);
    let (database, upstream) = duplex(PIPE);
    let paired = Paired {
        app: Leg::new(app_leg),
        upstream,
    };
    (app, database, paired)
}

/// A relay as a task that gives its legs back.
fn start(mut paired: Legs) -> JoinHandle<(Legs, Stopped)> {
    tokio::spawn(async move {
        let stopped = relay(
            &mut paired,
            &mut Marks,
            Linger::default(),
            Ends::never(),
            &Ledger::default(),
        )
        .await;
        (paired, stopped)
    })
}

/// The legs of a relay that has paused, and how many bytes had gone.
async fn paused(relay: JoinHandle<(Legs, Stopped)>) -> (Legs, u64, u64) {
    match relay.await.unwrap() {
        (
            legs,
            Stopped::Paused(Moved {
                from_app,
                from_upstream,
            }),
        ) => (legs, from_app, from_upstream),
        (_, Stopped::Ended(ended)) => unreachable!("{ended:?}"),
    }
}

async fn hear(stream: &mut DuplexStream, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    stream.read_exact(&mut bytes).await.unwrap();
    bytes
}

#[tokio::test(start_paused = true)]
async fn what_lies_behind_the_cut_is_the_next_to_be_read() {
    let (mut app, mut database, legs) = legs();
    app.write_all(b"before|behind").await.unwrap();
    let (mut legs, from_app, _) = paused(start(legs)).await;
    assert_eq!(from_app, 6);
    assert_eq!(hear(&mut database, 6).await, b"before");

    // A conversation takes some of it; another relay moves the rest and what comes after.
    legs.app.fill(3).await.unwrap();
    assert_eq!(legs.app.unread(), b"|behind");
    legs.app.consume(3);
    app.write_all(b" after").await.unwrap();
    let relay = start(legs);
    assert_eq!(hear(&mut database, 10).await, b"hind after");
    drop((app, database));
    relay.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_long_pipeline_is_cut_at_the_right_byte() {
    let (mut app, mut database, legs) = legs();
    let before: Vec<u8> = (0..3 * SCRATCH).map(|n| (n % 100) as u8).collect();
    let sent = [&before[..], b"|", &before[..]].concat();
    let writing = tokio::spawn(async move {
        app.write_all(&sent).await.unwrap();
        app
    });
    let relay = start(legs);
    assert!(hear(&mut database, before.len()).await == before);
    let (mut legs, from_app, _) = paused(relay).await;
    assert_eq!(from_app, before.len() as u64);
    legs.app.fill(1).await.unwrap();
    assert_eq!(legs.app.unread().first(), Some(&b'|'));
    legs.app.consume(1);

    let relay = start(legs);
    assert!(hear(&mut database, before.len()).await == before);
    drop((writing.await.unwrap(), database));
    relay.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_pause_waits_for_a_sink_that_takes_nothing() {
    let (mut app, mut database, legs) = legs();
    let before = vec![b'x'; 2 * PIPE];
    let sent = [&before[..], b"|"].concat();
    let writing = tokio::spawn(async move {
        app.write_all(&sent).await.unwrap();
        app
    });
    let relay = start(legs);
    let app = writing.await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!relay.is_finished(), "half of it is still held");
    assert!(hear(&mut database, before.len()).await == before);
    let (_legs, from_app, _) = paused(relay).await;
    assert_eq!(from_app, before.len() as u64);
    drop(app);
}

#[tokio::test(start_paused = true)]
async fn answers_that_have_come_reach_the_app_before_the_pause() {
    let (mut app, mut database, legs) = legs();
    let rows = vec![b'r'; 2 * PIPE];
    let sent = rows.clone();
    let sending = tokio::spawn(async move {
        database.write_all(&sent).await.unwrap();
        database
    });
    let relay = start(legs);
    let database = sending.await.unwrap();
    app.write_all(b"|").await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!relay.is_finished(), "the app has not taken its rows");
    assert!(hear(&mut app, rows.len()).await == rows);
    let (_legs, _, from_upstream) = paused(relay).await;
    assert_eq!(from_upstream, rows.len() as u64);
    drop(database);
}

#[tokio::test(start_paused = true)]
async fn bytes_that_cannot_be_judged_wait_for_those_behind_them() {
    let (mut app, mut database, legs) = legs();
    let relay = start(legs);
    app.write_all(b"what?").await.unwrap();
    assert_eq!(hear(&mut database, 4).await, b"what");
    tokio::time::sleep(Duration::from_secs(1)).await;
    app.write_all(b"|").await.unwrap();
    let (mut legs, from_app, _) = paused(relay).await;
    assert_eq!((from_app, hear(&mut database, 1).await), (5, b"?".to_vec()));
    legs.app.fill(1).await.unwrap();
    assert_eq!(legs.app.unread(), b"|");
}

#[tokio::test(start_paused = true)]
async fn bytes_that_are_held_when_the_app_leaves_go_upstream() {
    let (mut app, mut database, legs) = legs();
    let relay = start(legs);
    app.write_all(b"what?").await.unwrap();
    app.shutdown().await.unwrap();
    let mut heard = Vec::new();
    database.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard, b"what?");
    drop((app, database));
    relay.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_is_gone_ends_a_session_instead_of_pausing_it() {
    let (mut app, database, legs) = legs();
    drop(database);
    let relay = start(legs);
    tokio::task::yield_now().await;
    let _ = app.write_all(b"|").await;
    let began = Instant::now();
    let (_, stopped) = relay.await.unwrap();
    assert_eq!(began.elapsed(), Duration::ZERO, "no clock had to run");
    assert!(
        matches!(stopped, Stopped::Ended(ended) if matches!(ended.why, Why::Closed(Side::Upstream)))
    );
}

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may fail loudly"
)]

mod breaks;
mod calls;
mod ends;
mod pauses;

use std::future::pending;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::*;

/// Room in the pipes: less than the scratch, so that sinks fill up.
const PIPE: usize = 16 * 1024;

/// A conversation that is always, or never, at rest.
#[derive(Debug, Clone, Copy)]
struct AtRest(bool);

impl Watch for AtRest {
    fn app_sent(&mut self, _: &[u8]) -> Cut {
        Cut::Through
    }
    fn upstream_sent(&mut self, _: &[u8]) {}
    fn at_rest(&self) -> bool {
        self.0
    }
}

impl BreakOff for DuplexStream {
    /// A pipe has no words for its end.
    fn break_off(&mut self) {}
}

/// An app and a database with a relay between them.
fn joined(goodbye: impl Future<Output = ()> + Send + 'static, watch: AtRest) -> Joined {
    let (rest, idle) = (pending(), None);
    joined_until(
        Ends {
            goodbye,
            rest,
            idle,
        },
        watch,
    )
}

/// The same with everybody who may ask for an end.
fn joined_until<G, R>(ends: Ends<G, R>, watch: impl Watch + 'static) -> Joined
where
    G: Future<Output = ()> + Send + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let (app, app_leg) = duplex(PIPE);
    let (database, upstream_leg) = duplex(PIPE);
    let relay = tokio::spawn(async move {
        let mut watch = watch;
        let mut paired = Paired {
            app: Leg::new(app_leg),
            upstream: upstream_leg,
        };
        match relay(
            &mut paired,
            &mut watch,
            Linger::default(),
            Ends {
                goodbye: pin!(ends.goodbye),
                rest: pin!(ends.rest),
                idle: ends.idle,
            },
            &Ledger::default(),
        )
        .await
        {
            Stopped::Ended(ended) => ended,
            Stopped::Paused(_) => unreachable!("this watch asks for no pause"),
        }
    });
    Joined {
        app,
        database,
        relay,
    }
}

struct Joined {
    app: DuplexStream,
    database: DuplexStream,
    relay: JoinHandle<Ended>,
}

fn paired() -> Joined {
    joined(pending(), AtRest(true))
}

async fn rest_of(stream: &mut DuplexStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.expect("a clean end");
    bytes
}

#[tokio::test(start_paused = true)]
async fn bytes_go_both_ways_and_are_counted() {
    let Joined {
        mut app,
        mut database,
        relay,
    } = paired();
    app.write_all(b"question").await.unwrap();
    let mut question = [0; 8];
    database.read_exact(&mut question).await.unwrap();
    database.write_all(b"answer").await.unwrap();
    let mut answer = [0; 6];
    app.read_exact(&mut answer).await.unwrap();
    drop(app);
    assert_eq!(rest_of(&mut database).await, b"");
    drop(database);

    let ended = relay.await.unwrap();
    assert_eq!((&question, &answer), (b"question", b"answer"));
    assert_eq!((ended.from_app, ended.from_upstream), (8, 6));
    assert!(matches!(ended.why, Why::Closed(Side::App)));
}

#[tokio::test(start_paused = true)]
async fn reply_after_half_close_still_arrives() {
    let Joined {
        mut app,
        mut database,
        relay,
    } = paired();

    app.write_all(b"last query").await.unwrap();
    app.shutdown().await.unwrap();
    assert_eq!(rest_of(&mut database).await, b"last query");

    tokio::time::sleep(Linger::default().after_app / 2).await;
    database.write_all(b"late answer").await.unwrap();
    drop(database);
    assert_eq!(rest_of(&mut app).await, b"late answer");
    assert!(matches!(relay.await.unwrap().why, Why::Closed(Side::App)));
}

#[tokio::test(start_paused = true)]
async fn each_byte_starts_the_linger_clock_anew() {
    let Joined {
        mut app,
        mut database,
        relay,
    } = paired();
    app.shutdown().await.unwrap();
    for _ in 0..5 {
        tokio::time::sleep(Linger::default().after_app * 3 / 4).await;
        database.write_all(b"row").await.unwrap();
        let mut row = [0; 3];
        app.read_exact(&mut row).await.unwrap();
    }
    let silent_since = Instant::now();
    relay.await.unwrap();
    assert_eq!(
        silent_since.elapsed().as_secs(),
        Linger::default().after_app.as_secs()
    );
}

#[tokio::test(start_paused = true)]
async fn an_app_that_outlives_its_database_is_let_go() {
    let Joined {
        mut app,
        mut database,
        relay,
    } = paired();
    database.write_all(b"57P01").await.unwrap();
    database.shutdown().await.unwrap();
    let gone_since = Instant::now();
    assert_eq!(rest_of(&mut app).await, b"57P01");
    assert!(matches!(
        relay.await.unwrap().why,
        Why::Closed(Side::Upstream)
    ));
    assert_eq!(
        gone_since.elapsed().as_secs(),
        Linger::default().after_upstream.as_secs()
    );
}

#[tokio::test(start_paused = true)]
async fn the_upstreams_last_words_are_heard_while_the_app_writes() {
    for _ in 0..100 {
        let Joined {
            app,
            mut database,
            relay,
        } = paired();
        let (mut reader, mut writer) = tokio::io::split(app);
        let writing =
            tokio::spawn(async move { while writer.write_all(&[b'x'; 4096]).await.is_ok() {} });
        database.write_all(b"terminating connection").await.unwrap();
        drop(database);
        let mut heard = Vec::new();
        reader.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, b"terminating connection");
        drop(reader);
        relay.await.unwrap();
        writing.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_gets_every_byte() {
    let Joined {
        mut app,
        mut database,
        relay,
    } = paired();
    let rows: Vec<u8> = (0..1_000_000u32).map(|n| (n % 251) as u8).collect();
    let sent = rows.clone();
    let sending = tokio::spawn(async move {
        database.write_all(&sent).await.unwrap();
        database.shutdown().await.unwrap();
        database
    });
    let mut read = Vec::new();
    let mut piece = [0; 1000];
    while let Ok(count @ 1..) = app.read(&mut piece).await {
        read.extend_from_slice(piece.get(..count).unwrap());
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(
        read == rows,
        "{} of {} bytes, or other ones",
        read.len(),
        rows.len()
    );
    drop(app);
    drop(sending.await.unwrap());
    assert_eq!(relay.await.unwrap().from_upstream, 1_000_000);
}

#[tokio::test(start_paused = true)]
async fn a_blocked_direction_does_not_block_the_other() {
    let Joined {
        mut app,
        database,
        relay: _relay,
    } = paired();
    // Nobody reads this: the pipe to the app and the relay's buffer fill up.
    let flood = tokio::spawn(async move {
        let (mut reader, mut writer) = tokio::io::split(database);
        let flooding =
            tokio::spawn(async move { while writer.write_all(&[b'r'; 4096]).await.is_ok() {} });
        let mut cancel = [0; 6];
        reader.read_exact(&mut cancel).await.unwrap();
        flooding.abort();
        cancel
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    app.write_all(b"cancel").await.unwrap();
    assert_eq!(&flood.await.unwrap(), b"cancel");
}

#[tokio::test(start_paused = true)]
async fn goodbye_says_whether_the_app_may_be_spoken_to() {
    for at_rest in [true, false] {
        let goodbye = tokio::time::sleep(Duration::from_secs(3600));
        let Joined {
            app: _app,
            database: _database,
            relay,
        } = joined(goodbye, AtRest(at_rest));
        let ended = relay.await.unwrap();
        assert!(matches!(ended.why, Why::Goodbye { at_rest: told } if told == at_rest));
    }
}

#[tokio::test(start_paused = true)]
async fn goodbye_never_cuts_into_bytes_that_are_held_back() {
    let goodbye = tokio::time::sleep(Duration::from_secs(3600));
    let Joined {
        app: _app,
        mut database,
        relay,
    } = joined(goodbye, AtRest(true));
    // One byte more than the pipe takes is a byte that the relay holds.
    let _ = tokio::time::timeout(Duration::from_secs(1), database.write_all(&[0; 2 * PIPE])).await;
    assert!(matches!(
        relay.await.unwrap().why,
        Why::Goodbye { at_rest: false }
    ));
}

//! Sides whose connection breaks, and what breaks the rules of a leg.

use std::io::ErrorKind::{ConnectionReset, InvalidData, TimedOut};

use super::*;
use crate::rig::{Break, Breaking};

impl BreakOff for Breaking {
    fn break_off(&mut self) {}
}

/// An app and a database whose legs can break.
struct Broken {
    app: DuplexStream,
    database: DuplexStream,
    app_leg: Break,
    upstream_leg: Break,
    relay: JoinHandle<(Paired<Breaking, Breaking>, Ended)>,
}

fn breaking() -> Broken {
    let (app, app_end) = duplex(PIPE);
    let (database, upstream_end) = duplex(PIPE);
    let (app_leg, upstream_leg) = (Break::default(), Break::default());
    let mut paired = Paired {
        app: Leg::new(Breaking(app_end, app_leg.clone())),
        upstream: Breaking(upstream_end, upstream_leg.clone()),
    };
    let relay = tokio::spawn(async move {
        let mut watch = AtRest(true);
        match relay(
            &mut paired,
            &mut watch,
            Linger::default(),
            Ends::never(),
            &Ledger::default(),
        )
        .await
        {
            Stopped::Ended(ended) => (paired, ended),
            Stopped::Paused(_) => unreachable!("this watch asks for no pause"),
        }
    });
    Broken {
        app,
        database,
        app_leg,
        upstream_leg,
        relay,
    }
}

/// No clock runs in these stories: what is to end at once has ended before one could.
async fn at_once<T>(relay: JoinHandle<T>) -> T {
    let began = Instant::now();
    let ended = relay.await.unwrap();
    assert_eq!(began.elapsed(), Duration::ZERO);
    ended
}

#[tokio::test(start_paused = true)]
async fn an_app_that_breaks_ends_its_session_at_once() {
    for kind in [ConnectionReset, TimedOut, InvalidData] {
        let Broken {
            app,
            database: _database,
            app_leg,
            relay,
            ..
        } = breaking();
        app_leg.with(kind);
        drop(app);
        let (_, ended) = at_once(relay).await;
        assert!(matches!(ended.why, Why::Broken(Side::App, error) if error.kind() == kind));
        assert_eq!(ended.unsent, Some(Vec::new()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_to_an_app_that_is_gone_ends_the_session_at_once() {
    let Broken {
        app: _app,
        mut database,
        app_leg,
        relay,
        ..
    } = breaking();
    tokio::task::yield_now().await;
    app_leg.with(ConnectionReset);
    database.write_all(b"row").await.unwrap();
    let (_, ended) = at_once(relay).await;
    assert!(matches!(ended.why, Why::Broken(Side::App, _)));
}

#[tokio::test(start_paused = true)]
async fn what_the_upstream_would_not_take_of_a_broken_app_is_handed_on() {
    let Broken {
        mut app,
        mut database,
        app_leg,
        relay,
        ..
    } = breaking();
    let said = vec![b'x'; PIPE + 1000];
    app.write_all(&said).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    app_leg.with(ConnectionReset);
    // An app whose upstream takes nothing is not read, so its break shows when something is said to it.
    database.write_all(b"row").await.unwrap();
    let (paired, ended) = at_once(relay).await;
    drop(paired);
    let mut heard = rest_of(&mut database).await;
    heard.extend(ended.unsent.unwrap());
    assert_eq!(heard.len(), said.len());
}

#[tokio::test(start_paused = true)]
async fn what_an_upstreams_leg_does_not_take_is_its_apps_fault_and_the_end() {
    let Broken {
        mut app,
        database: _database,
        upstream_leg,
        relay,
        ..
    } = breaking();
    tokio::task::yield_now().await;
    upstream_leg.refuse(InvalidData);
    app.write_all(b"nonsense").await.unwrap();
    let (_, ended) = at_once(relay).await;
    assert!(matches!(ended.why, Why::Broken(Side::App, error) if error.kind() == InvalidData));
}

#[tokio::test(start_paused = true)]
async fn what_an_apps_leg_does_not_take_is_its_upstreams_fault_and_the_end() {
    let Broken {
        app: _app,
        mut database,
        app_leg,
        relay,
        ..
    } = breaking();
    tokio::task::yield_now().await;
    app_leg.refuse(InvalidData);
    database.write_all(b"nonsense").await.unwrap();
    let (_, ended) = at_once(relay).await;
    assert!(matches!(ended.why, Why::Broken(Side::Upstream, error) if error.kind() == InvalidData));
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_breaks_leaves_the_app_open_for_words() {
    let Broken {
        mut app,
        mut database,
        upstream_leg,
        relay,
        ..
    } = breaking();
    database.write_all(b"row").await.unwrap();
    let mut row = [0; 3];
    app.read_exact(&mut row).await.unwrap();
    upstream_leg.with(TimedOut);
    drop(database);
    let (mut paired, ended) = at_once(relay).await;
    assert!(matches!(ended.why, Why::Broken(Side::Upstream, error) if error.kind() == TimedOut));
    assert_eq!(ended.unsent, None);
    paired.app.say(b"words").await.unwrap();
    drop(paired);
    assert_eq!(rest_of(&mut app).await, b"words");
}

//! What connects and leaves.

use std::time::Duration;

use super::spares::hears_goodbye;
use super::*;

/// Counts dials; each upstream greets and stays.
fn greet_everyone(door: &mut Door) -> (Arc<std::sync::atomic::AtomicUsize>, JoinHandle<()>) {
    let dials = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let (_, nobody) = tokio::sync::mpsc::unbounded_channel();
    let mut databases = std::mem::replace(&mut door.databases, nobody);
    let count = Arc::clone(&dials);
    let greeting = tokio::spawn(async move {
        let mut open = Vec::new();
        while let Some((stream, _)) = databases.recv().await {
            count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            // As over a network: probes come and go while an upstream is dialled.
            tokio::time::sleep(Duration::from_millis(5)).await;
            let mut database = Peer::new(stream);
            database.say(&greeting().encode()).await;
            open.push(database);
        }
    });
    (dials, greeting)
}

#[tokio::test(start_paused = true)]
async fn two_hundred_probes_cost_two_dials_at_most() {
    for at_once in [1, 20, 200] {
        let mut door = Door::new();
        let (dials, _greeting) = greet_everyone(&mut door);
        for _ in 0..200 / at_once {
            let probes: Vec<App> = (0..at_once).map(|_| door.app()).collect();
            tokio::time::sleep(Duration::from_millis(1)).await;
            for App { peer, session } in probes {
                drop(peer);
                // The next ones do not wait until this one is noticed.
                drop(session);
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        let dials = dials.load(std::sync::atomic::Ordering::Relaxed);
        assert!(
            (1..=2).contains(&dials),
            "{dials} dials for {at_once} at once"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_browser_costs_no_dial() {
    for bytes in [
        &b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"[..],
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
    ] {
        let mut door = Door::new();
        let (dials, _greeting) = greet_everyone(&mut door);
        let mut app = door.app();
        app.say_bytes(bytes).await;
        assert_eq!(app.hear_out().await, b"");
        app.session.await.unwrap();
        assert_eq!(dials.load(std::sync::atomic::Ordering::Relaxed), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn what_speaks_something_else_after_the_greeting_is_dropped_without_a_login() {
    for bytes in [
        &b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"[..],
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
        b"\x01\0\0\0\x0e",
    ] {
        let mut door = Door::new();
        let mut app = door.app();
        let _database = door.greeting().await;
        app.hear().await;
        app.say_bytes(bytes).await;
        assert_eq!(app.hear_out().await, b"");

        // And what was dialled for it is there for the next.
        let mut next = door.app();
        next.hear().await;
        assert!(door.databases.try_recv().is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_dialled_for_a_probe_is_the_next_apps_own() {
    let mut door = Door::new();
    let probe = door.app();
    let database = door.greeting().await;
    drop(probe);
    let mut app = door.app();
    let read = app.hear().await;
    assert_eq!(
        Greeting::parse(&read).unwrap().thread_id,
        greeting().thread_id
    );
    app.say(&response()).await;
    let mut database = door.seal(database).await;
    database.hear().await;
    database.take_token(TOKEN).await;
    assert_eq!(app.hear().await, OK);
    assert!(door.databases.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_has_waited_too_long_or_has_gone_is_not_used() {
    for stale in [false, true] {
        let mut door = Door::new();
        let mut probe = door.app();
        let database = door.greeting().await;
        probe.hear().await;
        drop(probe.peer);
        probe.session.await.unwrap();
        if stale {
            hears_goodbye(&mut door, database).await;
        } else {
            drop(database);
        }
        let mut app = door.app();
        let _database = door.greeting().await;
        app.hear().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_an_app_has_spoken_to_is_never_given_to_another() {
    let mut door = Door::new();
    let (app, mut database) = asked(&mut door).await;
    database.refuse(1045, "Access denied").await;
    app.refused().await;
    assert_eq!(database.hear_out().await, b"");
    let mut next = door.app();
    let _another = door.greeting().await;
    next.hear().await;
}

#[tokio::test(start_paused = true)]
async fn apps_that_say_nothing_do_not_hold_up_the_others() {
    let mut door = Door::new();
    let mut hung = Vec::new();
    for _ in 0..10 {
        let app = door.app();
        let database = door.greeting().await;
        hung.push((app, database));
    }
    let began = tokio::time::Instant::now();
    let mut app = door.app();
    let _database = door.greeting().await;
    app.hear().await;
    assert!(began.elapsed() <= Duration::from_millis(250));
}

#[tokio::test(start_paused = true)]
async fn an_app_that_does_not_stay_for_the_reason_does_not_hide_it() {
    // One leaves with the greeting, one stays and is silent for longer than it is waited for.
    for stays in [false, true] {
        let mut door = Door::new();
        let mut app = door.app();
        drop(door.dialled().await);
        app.hear().await;
        let App { peer, session } = app;
        if stays {
            session.await.expect("no panic");
            drop(peer);
        } else {
            drop(peer);
            session.await.expect("no panic");
        }
        let kept = door.lobby.state.ledger.last_refusal().expect("it is kept");
        assert!(
            kept.cause.starts_with("lost `db.example.org:3306`"),
            "{}",
            kept.cause
        );
    }
}

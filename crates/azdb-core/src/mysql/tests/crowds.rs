//! Apps that are greeted from memory, because too many others say nothing.

use super::*;
use crate::anteroom::Anteroom;
use crate::mysql::leave::LOANS;

/// A place in a room from which others are sent away.
async fn in_a_crowd() -> Place {
    let room = Anteroom::new("orders", 1);
    let peer = Caller::Tcp(SocketAddr::from(([127, 0, 0, 2], 1)));
    let _first = room.take_in(peer, room.threshold().await);
    let place = room.take_in(peer, room.threshold().await);
    assert!(place.is_crowded());
    place
}

/// Greeted with what was there before, and with a number that is no session's.
async fn is_greeted_from_memory(app: &mut App, door: &mut Door) {
    let read = app.hear().await;
    let read = Greeting::parse(&read).unwrap();
    assert_eq!((read.version, read.thread_id), (greeting().version, 0));
    assert!(door.databases.try_recv().is_err(), "nothing is dialled");
}

#[tokio::test(start_paused = true)]
async fn in_a_crowd_an_upstream_is_dialled_for_whoever_answers() {
    let mut door = Door::new();
    let _session = door.session().await;
    let mut app = door.app_at(in_a_crowd().await);
    is_greeted_from_memory(&mut app, &mut door).await;
    app.say(&response()).await;
    let database = door.greeting().await;
    let mut database = door.seal(database).await;
    assert_eq!(parsed(&database.hear().await).user, PRINCIPAL.as_bytes());
    database.take_token(TOKEN).await;
    assert_eq!(app.hear().await, OK);
}

#[tokio::test(start_paused = true)]
async fn in_a_crowd_that_comes_before_all_others_somebody_has_to_meet_the_upstream() {
    let mut door = Door::new();
    let mut app = door.app_at(in_a_crowd().await);
    let _database = door.greeting().await;
    let read = app.hear().await;
    let thread_id = Greeting::parse(&read).unwrap().thread_id;
    assert_eq!(thread_id, greeting().thread_id);
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_has_changed_since_refuses_one_login_and_is_known_from_then_on() {
    let mut door = Door::new();
    let _session = door.session().await;
    let mut app = door.app_at(in_a_crowd().await);
    is_greeted_from_memory(&mut app, &mut door).await;
    app.say(&response()).await;
    let mut changed = greeting();
    changed.capabilities = Capabilities(CAPABILITIES.0 & !Capabilities::DEPRECATE_EOF.0);
    let mut database = door.dialled().await;
    database.say(&changed.encode()).await;
    let (_, text) = app.refused().await;
    assert!(
        text.contains("another greeting than the one before"),
        "{text}"
    );
    is_the_next_apps(&mut door, database).await;
}

#[tokio::test(start_paused = true)]
async fn so_many_upstreams_wait_for_apps_that_say_nothing_and_no_more() {
    let mut door = Door::new();
    let mut silent = Vec::new();
    for _ in 0..LOANS {
        let mut app = door.app();
        let database = door.greeting().await;
        app.hear().await;
        silent.push((app, database));
    }
    let mut next = door.app();
    is_greeted_from_memory(&mut next, &mut door).await;

    let (app, database) = silent.pop().unwrap();
    drop(app.peer);
    app.session.await.unwrap();
    is_the_next_apps(&mut door, database).await;
}

#[tokio::test(start_paused = true)]
async fn before_anybody_has_met_the_upstream_the_next_waits_for_one_of_so_many() {
    let mut door = Door::new();
    let mut dialling = Vec::new();
    for _ in 0..LOANS {
        dialling.push((door.app(), door.dialled().await));
    }
    let mut next = door.app();
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert!(door.databases.try_recv().is_err(), "nothing is dialled");
    let (mut first, mut database) = dialling.pop().unwrap();
    database.say(&greeting().encode()).await;
    first.hear().await;
    is_greeted_from_memory(&mut next, &mut door).await;
}

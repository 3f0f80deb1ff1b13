//! The places of sessions that wait: apps come first.

use std::time::Duration;

use azdb_config::Reuse;
use azdb_wire::mysql::Command;
use tokio::time::sleep;

use super::*;

#[tokio::test(start_paused = true)]
async fn whoever_ends_it_has_its_place() {
    let mut door = Door::with(|route| {
        route.keeping.ready = 1;
        route.max_connections = 3;
    });
    let (_apps, _database) = ready::learned(&mut door).await;
    let (mut app, number) = ready::greeted(&door).await;
    assert_eq!(number, ready::MADE);
    let other = Response {
        database: Some(b"other"),
        ..app_response()
    };
    app.say(&other.encode().unwrap()).await;
    let database = door.greeting().await;
    let mut database = door.seal(database).await;
    database.hear().await;
    database.take_token(TOKEN).await;
    assert_eq!(app.hear().await, OK);
    let mut late = door.app_at(ready::of(1));
    late.hear().await;
    late.say(&response()).await;
    assert_eq!(late.refused().await.0, 1040);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_held_for_which_no_app_waits() {
    let mut door = Door::with(|route| {
        route.keeping.ready = 1;
        route.hold_logins = true;
        route.max_connections = 3;
    });
    for _ in 0..2 {
        let login = (ready::of(1), &app_response());
        std::mem::forget(ready::dialled_for(&mut door, login, &greeting()).await);
    }
    door.dialled().await.refuse(1040, "not yet").await;
    sleep(Duration::from_secs(5)).await;
    assert!(door.databases.try_recv().is_err(), "asked for once more");
    assert!(door.lobby.permit().is_ok(), "its place is the next app's");
}

#[tokio::test(start_paused = true)]
async fn whoever_reads_a_greeting_and_says_nothing_has_no_place() {
    let mut door = Door::with(|route| {
        route.keeping.ready = 1;
        route.max_connections = 3;
    });
    let (_apps, mut waiting) = ready::learned(&mut door).await;
    let (mut silent, number) = ready::greeted(&door).await;
    assert_eq!(number, ready::MADE);
    let both = ready::dialled_for(&mut door, (ready::of(1), &app_response()), &greeting()).await;
    assert_eq!(waiting.hear_command().await, [Command::QUIT.0]);
    drop(both);
    sleep(Duration::from_secs(1)).await;
    // It goes on by one of its own.
    silent.say(&response()).await;
    let database = door.greeting().await;
    let mut database = door.seal(database).await;
    database.hear().await;
    database.take_token(TOKEN).await;
    assert_eq!(silent.hear().await, OK);
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_too_soon_has_its_place_all_the_same() {
    let mut door = Door::with(|route| {
        route.keeping.reuse = Reuse::Reset;
        route.max_connections = 1;
    });
    let (app, mut database) = reuse::dialled(&mut door, &app_response()).await;
    reuse::quit(app).await;
    reuse::see_reset(&mut database, reuse::NOTHING).await;
    sleep(Duration::from_millis(1)).await;
    let _dialled = reuse::dialled(&mut door, &app_response()).await;
    assert_eq!(database.hear_command().await, [1]);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_being_reset_gives_its_place_to_an_app() {
    let mut door = Door::with(|route| {
        route.keeping.reuse = Reuse::Reset;
        route.max_connections = 1;
    });
    let (app, mut database) = reuse::dialled(&mut door, &app_response()).await;
    reuse::quit(app).await;
    assert_eq!(database.hear_command().await, [0x1f], "the reset");
    let _dialled = reuse::dialled(&mut door, &app_response()).await;
    assert_eq!(database.hear_out().await, b"");
}

#[tokio::test(start_paused = true)]
async fn a_probe_gives_no_session_more_time_to_wait() {
    let mut door = reuse::door();
    let patience = door.lobby.route.keeping.patience;
    let _database = reuse::kept(&mut door).await;
    sleep(patience / 2).await;
    let App { peer, session } = reuse::greeted(&mut door).await;
    drop(peer);
    session.await.unwrap();
    assert_eq!(door.lobby.state.kept.stock.count(|_, _| true), 1);
    sleep(patience / 2).await;
    assert_eq!(door.lobby.state.kept.stock.count(|_, _| true), 0);
}

//! What an app reads when it is not let in.

use azdb_config::route::Principals;

use super::spares::hears_goodbye;
use super::*;
use crate::rig::is_silent;

#[tokio::test(start_paused = true)]
async fn the_upstreams_own_error_arrives_as_it_came() {
    let mut door = Door::new();
    let (mut app, mut database) = asked(&mut door).await;
    database.say(&encode_switch(plugin::CLEAR, &SALT)).await;
    database.hear().await;
    let error = refusal(1227, "Access denied; you need the privilege");
    database.say(&error).await;
    assert_eq!(app.hear().await, error);
}

#[tokio::test(start_paused = true)]
async fn a_known_refusal_keeps_its_words_and_has_ours_behind_them() {
    let mut door = Door::new();
    let (mut app, mut database) = asked(&mut door).await;
    database.say(&encode_switch(plugin::CLEAR, &SALT)).await;
    database.hear().await;
    let text = "Unknown database 'shop'";
    database.say(&refusal(1049, text)).await;
    let heard = app.hear().await;
    assert_remarked(&heard, 1049, text);
    assert!(String::from_utf8_lossy(&heard).contains("set default_database"));
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_quotes_the_token_tells_it_to_nobody() {
    let mut door = Door::new();
    let (mut app, mut database) = asked(&mut door).await;
    database.say(&encode_switch(plugin::CLEAR, &SALT)).await;
    database.hear().await;
    let quoting = |token: &str| refusal(1045, &format!("bad token '{token}', {token}"));
    database.say(&quoting(TOKEN)).await;
    let stars = "*".repeat(TOKEN.len());
    let text = format!("bad token '{stars}', {stars}");
    assert_remarked(&app.hear().await, 1045, &text);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_before_any_request_is_explained() {
    let mut door = Door::new();
    let (app, mut database) = asked(&mut door).await;
    database
        .refuse(1045, "Access denied (using password: NO)")
        .await;
    let (code, text) = app.refused().await;
    assert_eq!(code, 1045);
    assert!(
        text.starts_with(
            "azdb-proxy: user 'My Identity' is not a Microsoft Entra user on this server"
        ),
        "{text}"
    );
    assert!(
        text.contains("`Access denied (using password: NO)`"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_app_whose_user_is_not_mapped_is_refused_without_a_login() {
    let mut door = Door::with(|route| {
        let Principals::One(principal) = &route.principals else {
            unreachable!("the house has one")
        };
        route.principals = Principals::ByAppUser(vec![("bob".into(), Arc::clone(principal))]);
    });
    let mut app = door.app();
    let mut database = door.greeting().await;
    app.hear().await;
    app.say(&response()).await;
    let (code, text) = app.refused().await;
    assert_eq!(code, 1045);
    assert!(text.contains("user `ann` is not in user_map"), "{text}");
    assert!(is_silent(&mut database.stream).await);
}

#[tokio::test(start_paused = true)]
async fn an_app_too_many_reads_1040() {
    let mut door = Door::with(|route| route.max_connections = 1);
    let (_app, _database) = door.session().await;
    let mut app = door.app();
    app.hear().await;
    assert!(door.databases.try_recv().is_err(), "nobody is dialled");
    app.say(&response()).await;
    assert_eq!(app.refused().await.0, 1040);
}

#[tokio::test(start_paused = true)]
async fn an_app_that_comes_too_late_is_told() {
    let mut door = Door::new();
    door.lobby.closing.cancel();
    let mut app = door.app();
    app.hear().await;
    app.say(&response()).await;
    let (code, text) = app.refused().await;
    assert_eq!(code, 1053);
    assert!(text.contains("the proxy is shutting down"), "{text}");
    assert!(door.databases.try_recv().is_err(), "nobody is dialled");
}

#[tokio::test(start_paused = true)]
async fn an_app_that_stays_silent_is_let_go() {
    let mut door = Door::new();
    let mut app = door.app();
    let database = door.greeting().await;
    app.hear().await;
    app.say_bytes(b"\x20\0\0\x01half").await;
    assert_eq!(app.hear_out().await, b"");
    hears_goodbye(&mut door, database).await;
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_stays_silent_is_given_up_with_what_it_was_asked() {
    let mut door = Door::new();
    let (app, _silent) = asked(&mut door).await;
    let (code, text) = app.refused().await;
    assert_eq!(code, 1105);
    assert!(
        text.starts_with(
            "azdb-proxy: `db.example.org:3306` at 127.0.0.1 took the connection and has not answered in 9s: waiting for it to let us in"
        ),
        "{text}"
    );
}

//! Tokens that are long, missing or too old, at a login and within a session.

use azdb_wire::mysql::{Command, MAX_SECRET};

use super::change_user::{command, encoded};
use super::*;
use crate::rig::write_token;

/// What the token's source gives later.
const FRESH: &str = "eyJhbGciOiJub25lIn0.ZnJlc2g.c2ln";
const EXPIRED: &str = "The access token has expired";

#[tokio::test(start_paused = true)]
async fn the_token_is_for_the_clear_plugin_alone() {
    for (named, word) in [
        (plugin::NATIVE, "mysql_native_password"),
        (plugin::CACHING_SHA2, "caching_sha2_password"),
        (plugin::SHA256, "sha256_password"),
        (b"dialog", "dialog"),
        (b"made_up", "an unknown plugin"),
    ] {
        let mut door = Door::new();
        let (app, mut database) = asked(&mut door).await;
        database.say(&encode_switch(named, &SALT)).await;
        let (code, text) = app.refused().await;
        assert_eq!(code, 1045);
        assert!(
            text.starts_with(&format!("azdb-proxy: upstream asked for {word}:")),
            "{text}"
        );
        assert!(text.contains("CREATE AADUSER 'My Identity'"), "{text}");
        assert_eq!(database.hear_out().await, b"");
    }
    for request in [&b"\xfe"[..], b"\x02webauthn\0", b"\x01\x04"] {
        let mut door = Door::new();
        let (app, mut database) = asked(&mut door).await;
        database.say(request).await;
        app.refused().await;
        assert_eq!(database.hear_out().await, b"");
    }
}

#[tokio::test(start_paused = true)]
async fn the_token_is_sent_once() {
    let mut door = Door::new();
    let (app, mut database) = asked(&mut door).await;
    let switch = encode_switch(plugin::CLEAR, &SALT);
    database.say(&switch).await;
    database.hear().await;
    database.say(&switch).await;
    let (code, text) = app.refused().await;
    assert_eq!(code, 1105);
    assert!(text.contains("a second request for the secret"), "{text}");
    assert_eq!(database.hear_out().await, b"");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_the_upstream_calls_expired_is_replaced_once() {
    let mut door = Door::new();
    let (mut app, mut database) = asked(&mut door).await;
    database.say(&encode_switch(plugin::CLEAR, &SALT)).await;
    database.hear().await;
    write_token(&door.token_file, FRESH);
    database.refuse(9105, "The access token has expired").await;
    let again = door.greeting().await;
    let mut again = door.seal(again).await;
    again.hear().await;
    again.take_token(FRESH).await;
    assert_eq!(app.hear().await, OK);
}

#[tokio::test(start_paused = true)]
async fn tokens_of_every_size_that_a_server_reads_arrive_whole() {
    for size in [2_000, 9_996, MAX_SECRET] {
        let token = format!("eyJ{}", "x".repeat(size - 3));
        let mut door = Door::new();
        write_token(&door.token_file, &token);
        let (mut app, mut database) = asked(&mut door).await;
        database.take_token(&token).await;
        assert_eq!(app.hear().await, OK);
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_no_server_reads_is_explained_and_not_sent() {
    let mut door = Door::new();
    write_token(&door.token_file, &"x".repeat(MAX_SECRET + 1));
    let (app, mut database) = asked(&mut door).await;
    database.say(&encode_switch(plugin::CLEAR, &SALT)).await;
    let (code, text) = app.refused().await;
    assert_eq!(code, 1045);
    assert!(
        text.contains(&format!("{} bytes", MAX_SECRET + 1)),
        "{text}"
    );
    assert!(text.contains("group memberships"), "{text}");
    assert_eq!(database.hear_out().await, b"");
}

#[tokio::test(start_paused = true)]
async fn without_a_token_the_app_reads_cause_and_remedy_and_nobody_is_asked() {
    let mut door = Door::new();
    std::fs::write(door.token_file.path(), "").unwrap();
    let mut app = door.app();
    app.hear().await;
    app.say(&response()).await;
    let (_, text) = app.refused().await;
    assert!(text.starts_with("azdb-proxy: no token: "), "{text}");
    assert!(door.databases.try_recv().is_err(), "nobody is dialled");
}

#[tokio::test(start_paused = true)]
async fn the_same_token_is_not_tried_twice() {
    let mut door = Door::new();
    let (mut app, mut database) = asked(&mut door).await;
    database.say(&encode_switch(plugin::CLEAR, &SALT)).await;
    database.hear().await;
    database.refuse(9105, EXPIRED).await;
    assert_remarked(&app.hear().await, 9105, EXPIRED);
    assert!(door.databases.try_recv().is_err(), "nobody dialled again");
}

/// A session whose COM_CHANGE_USER is answered by "expired" to the token that it began with.
async fn change_with_a_stale_token(door: &mut Door) -> (App, Peer<TlsStream<DuplexStream>>) {
    let (mut app, mut database) = door.session().await;
    app.command(&encoded(&command())).await;
    database.hear_command().await;
    database.say(&encode_switch(plugin::CLEAR, &SALT)).await;
    assert_eq!(database.hear().await, [TOKEN.as_bytes(), b"\0"].concat());
    database.refuse(1045, EXPIRED).await;
    (app, database)
}

/// The route still passes the command on, and has not gone over to resets.
async fn still_changes_users(door: &mut Door) {
    let (mut app, mut database) = door.session().await;
    app.command(&encoded(&command())).await;
    let sent = database.hear_command().await;
    assert_eq!(sent.first(), Some(&Command::CHANGE_USER.0));
}

#[tokio::test(start_paused = true)]
async fn a_change_of_user_with_a_stale_token_is_tried_again_with_another() {
    let mut door = Door::new();
    let (mut app, mut database) = door.session().await;
    app.command(&encoded(&command())).await;
    let first = database.hear_command().await;
    database.say(&encode_switch(plugin::CLEAR, &SALT)).await;
    database.hear().await;
    write_token(&door.token_file, FRESH);
    database.refuse(1045, EXPIRED).await;

    let again = database.hear_command().await;
    assert!(again == first, "the same command, on the same connection");
    database.take_token(FRESH).await;
    assert_eq!(app.hear().await, OK);
    assert!(door.databases.try_recv().is_err(), "nobody dialled again");
    app.command(b"\x0e").await;
    assert_eq!(database.hear_command().await, b"\x0e");

    let (mut app, mut database) = session_with(&mut door, FRESH).await;
    app.command(&encoded(&command())).await;
    let sent = database.hear_command().await;
    assert_eq!(sent.first(), Some(&Command::CHANGE_USER.0), "no resets");
}

#[tokio::test(start_paused = true)]
async fn a_change_of_user_whose_source_has_no_other_token_reads_the_upstreams_refusal() {
    let mut door = Door::new();
    let (mut app, mut database) = change_with_a_stale_token(&mut door).await;
    assert_remarked(&app.hear().await, 1045, EXPIRED);
    assert_eq!(app.hear_out().await, b"");
    drop(app);
    assert_eq!(
        database.hear_out().await,
        b"",
        "neither a second try nor a reset"
    );
    still_changes_users(&mut door).await;
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_hangs_up_on_a_stale_token_has_said_why() {
    let mut door = Door::new();
    let (mut app, mut database) = door.session().await;
    app.command(&encoded(&command())).await;
    database.hear_command().await;
    database.say(&encode_switch(plugin::CLEAR, &SALT)).await;
    database.hear().await;
    write_token(&door.token_file, FRESH);
    database.refuse(1045, EXPIRED).await;
    drop(database);
    assert_remarked(&app.hear().await, 1045, EXPIRED);
    assert_eq!(app.hear_out().await, b"");
}

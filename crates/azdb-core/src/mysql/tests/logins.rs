//! As whom an app goes upstream, and what it is told.

use super::*;
use crate::rig::is_silent;

#[tokio::test(start_paused = true)]
async fn an_app_becomes_the_user_and_reads_the_upstreams_own_ok() {
    let mut door = Door::new();
    let mut app = door.app();
    let database = door.greeting().await;
    app.hear().await;
    app.say(&response()).await;
    let mut database = door.seal(database).await;
    let sent = database.hear().await;
    let sent = parsed(&sent);
    assert_eq!(
        (sent.user, sent.database),
        (&b"My Identity"[..], Some(&b"shop"[..]))
    );
    assert_eq!(
        (sent.plugin, sent.auth),
        (plugin::NATIVE, &b""[..]),
        "the app's answer stays here"
    );
    assert_eq!((sent.charset, sent.max_packet), (45, 1 << 24));
    assert_eq!(sent.attributes, app_response().attributes);
    let login_only = Capabilities::SSL | Capabilities::REMEMBER_OPTIONS | Capabilities::PLUGIN_AUTH;
    assert_eq!(
        sent.capabilities.without(login_only),
        app_response().agreed().without(login_only)
    );
    database.take_token(TOKEN).await;
    assert_eq!(app.hear().await, OK);

    // And then the session is theirs.
    app.command(b"\x03select 1").await;
    assert_eq!(database.hear_command().await, b"\x03select 1");
    database.say(b"\x01").await;
    assert_eq!(app.hear().await, b"\x01");
}

#[tokio::test(start_paused = true)]
async fn extended_capabilities_go_upstream_as_far_as_both_have_them() {
    for (extended, sent_upstream) in [(0xff, 0x1d), (0x05, 0x05), (0, 0)] {
        let mut door = Door::new();
        let mut app = door.app();
        let database = door.greeting().await;
        app.hear().await;
        let mut response = app_response();
        response.capabilities = response.capabilities.without(Capabilities::MYSQL);
        response.extended = extended;
        app.say(&response.encode().unwrap()).await;
        let mut database = door.seal(database).await;
        assert_eq!(parsed(&database.hear().await).extended, sent_upstream);
    }
}

#[tokio::test(start_paused = true)]
async fn an_app_that_names_no_database_gets_the_routes() {
    let mut door = Door::with(|route| route.default_database = Some("orders".into()));
    let mut app = door.app();
    let database = door.greeting().await;
    app.hear().await;
    let response = Response {
        database: None,
        ..app_response()
    };
    app.say(&response.encode().unwrap()).await;
    let mut database = door.seal(database).await;
    assert_eq!(
        parsed(&database.hear().await).database,
        Some(&b"orders"[..])
    );
}

#[tokio::test(start_paused = true)]
async fn every_plugin_is_carried_to_an_ok() {
    /// The switch that an app reads, its answer, and more that it reads.
    type Between = Option<(&'static [u8], &'static [u8], Option<&'static [u8]>)>;
    let fast: &[u8] = &[7; 32];
    let cases: [(&[u8], Between); 8] = [
        (b"", None),
        (plugin::NATIVE, None),
        (plugin::CLEAR, None),
        (
            plugin::CACHING_SHA2,
            Some((plugin::CACHING_SHA2, fast, Some(b"\x01\x03"))),
        ),
        (
            plugin::CACHING_SHA2,
            Some((plugin::CACHING_SHA2, b"", None)),
        ),
        (
            plugin::CACHING_SHA2,
            Some((plugin::CACHING_SHA2, b"\0", None)),
        ),
        (
            plugin::SHA256,
            Some((plugin::NATIVE, b"12345678901234567890", None)),
        ),
        (b"client_ed25519", Some((plugin::NATIVE, b"", None))),
    ];
    for (named, between) in cases {
        let mut door = Door::new();
        let mut app = door.app();
        let database = door.greeting().await;
        let scramble = Greeting::parse(&app.hear().await).unwrap().scramble;
        let response = Response {
            plugin: named,
            ..app_response()
        };
        app.say(&response.encode().unwrap()).await;
        let mut database = door.seal(database).await;
        database.hear().await;
        database.take_token(TOKEN).await;
        if let Some((switched, answer, more)) = between {
            assert_eq!(app.hear().await, encode_switch(switched, &scramble));
            app.say(answer).await;
            if let Some(more) = more {
                assert_eq!(app.hear().await, more);
            }
        }
        assert_eq!(app.hear().await, OK, "{}", Quoted(named));
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_goes_either_way_before_the_upstream_has_said_ok() {
    let mut door = Door::new();
    let (mut app, mut database) = asked(&mut door).await;
    app.command(b"\x03select 1").await;
    app.next = 2;
    assert!(is_silent(&mut app.stream).await);
    database.say(&encode_switch(plugin::CLEAR, &SALT)).await;
    database.hear().await;
    assert!(
        is_silent(&mut database.stream).await,
        "the app's query waits"
    );
    assert!(is_silent(&mut app.stream).await);
    database.say(OK).await;
    assert_eq!(app.hear().await, OK);
    assert_eq!(database.hear_command().await, b"\x03select 1");
}

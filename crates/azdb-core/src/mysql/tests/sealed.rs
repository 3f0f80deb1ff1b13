//! Which databases a token reaches, and which not.

use azdb_config::route::{Endpoint, UpstreamTls};

use super::*;

#[tokio::test(start_paused = true)]
async fn an_upstream_without_tls_is_told_nothing() {
    let mut door = Door::new();
    let mut app = door.app();
    let mut database = door.dialled().await;
    let plain = Greeting {
        capabilities: CAPABILITIES.without(Capabilities::SSL),
        ..greeting()
    };
    database.say(&plain.encode()).await;
    app.hear().await;
    app.say(&response()).await;
    let (code, text) = app.refused().await;
    assert_eq!(code, 1105);
    assert!(text.contains("does not speak TLS"), "{text}");
    assert_eq!(database.hear_out().await, b"");
}

#[tokio::test(start_paused = true)]
async fn bytes_behind_the_greeting_are_an_error_and_no_news() {
    let mut door = Door::new();
    let mut app = door.app();
    let mut database = door.greeting().await;
    app.hear().await;
    database.refuse(1045, "forged").await;
    app.say(&response()).await;
    let (code, text) = app.refused().await;
    assert_eq!(code, 1105);
    assert!(!text.contains("forged"), "{text}");
    assert_eq!(database.hear_out().await, b"");
}

/// Agrees to TLS, and sees the proxy turn away.
async fn turned_away(mut database: Peer<DuplexStream>, acceptor: &TlsAcceptor) {
    database.hear().await;
    assert!(acceptor.accept(database.stream).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_certificate_for_another_name_gets_nothing_secret() {
    let mut door = Door::with(|route| {
        route.upstream = vec![Endpoint {
            host: "other.example.org".into(),
            port: 3306,
        }];
    });
    let mut app = door.app();
    let database = door.greeting().await;
    app.hear().await;
    app.say(&response()).await;
    turned_away(database, &door.acceptor).await;
    let (code, text) = app.refused().await;
    assert_eq!(code, 1105);
    assert!(
        text.starts_with("azdb-proxy: cannot trust upstream `other.example.org`: "),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_certificate_of_an_unknown_authority_gets_nothing_secret() {
    let (mut door, stranger) = (Door::new(), Door::new());
    let mut app = door.app();
    let database = door.greeting().await;
    app.hear().await;
    app.say(&response()).await;
    turned_away(database, &stranger.acceptor).await;
    let (code, text) = app.refused().await;
    assert_eq!(code, 1105);
    assert!(
        text.starts_with("azdb-proxy: cannot trust upstream `db.example.org`: "),
        "{text}"
    );
}

/// Asks for the token, and gets none.
async fn asks_in_vain<S: Stream>(app: App, mut database: Peer<S>) {
    database.say(&encode_switch(plugin::CLEAR, &SALT)).await;
    let (code, text) = app.refused().await;
    assert_eq!(code, 1105);
    assert!(text.contains("the token was not sent"), "{text}");
    assert_eq!(database.hear_out().await, b"");
}

#[tokio::test(start_paused = true)]
async fn a_token_never_goes_where_nobody_has_verified_the_name() {
    // No configuration says this; `check` refuses it. The types refuse it, too.
    let mut door = Door::with(|route| route.tls = UpstreamTls::Unverified);
    let (app, database) = asked(&mut door).await;
    asks_in_vain(app, database).await;

    let mut door = Door::with(|route| route.tls = UpstreamTls::Off);
    let mut app = door.app();
    let mut database = door.greeting().await;
    app.hear().await;
    app.say(&response()).await;
    assert_eq!(parsed(&database.hear().await).auth, b"");
    asks_in_vain(app, database).await;
}

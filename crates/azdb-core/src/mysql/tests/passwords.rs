//! Password mode: a development server is told its password.

use azdb_config::route::UpstreamTls;
use mysql_common::scramble::{scramble_native, scramble_sha256};

use super::*;

const PASSWORD: &[u8] = b"geheim";
const OTHER_SALT: [u8; SCRAMBLE] = *b"98765432109876543210";

fn door(tls: Option<UpstreamTls>) -> Door {
    Door::with(|route| {
        route.auth = UpstreamAuth::Password("geheim".into());
        if let Some(tls) = tls {
            route.tls = tls;
        }
    })
}

/// An app's login up to the upstream's first word after the response.
async fn met(
    door: &mut Door,
    wanted: &'static [u8],
) -> (App, Peer<TlsStream<DuplexStream>>, Vec<u8>) {
    let mut app = door.app();
    let mut database = door.dialled().await;
    let greeting = Greeting {
        plugin: wanted,
        ..greeting()
    };
    database.say(&greeting.encode()).await;
    app.hear().await;
    app.say(&response()).await;
    let mut database = door.seal(database).await;
    let sent = database.hear().await;
    (app, database, sent)
}

#[tokio::test(start_paused = true)]
async fn the_greetings_plugin_is_answered_at_once() {
    let native = scramble_native(&SALT, PASSWORD).unwrap().to_vec();
    let sha2 = scramble_sha256(&SALT, PASSWORD).unwrap().to_vec();
    for (wanted, announced, answer) in [
        (plugin::NATIVE, plugin::NATIVE, native),
        (plugin::CACHING_SHA2, plugin::CACHING_SHA2, sha2),
        (plugin::SHA256, plugin::NATIVE, Vec::new()),
    ] {
        let mut door = door(None);
        let (mut app, mut database, sent) = met(&mut door, wanted).await;
        let sent = parsed(&sent);
        assert_eq!((sent.plugin, sent.auth), (announced, &answer[..]));
        database.say(OK).await;
        assert_eq!(app.hear().await, OK);
    }
}

#[tokio::test(start_paused = true)]
async fn a_switch_is_answered_with_its_own_scramble() {
    let mut door = door(None);
    let (mut app, mut database, _) = met(&mut door, plugin::CACHING_SHA2).await;
    database
        .say(&encode_switch(plugin::NATIVE, &OTHER_SALT))
        .await;
    let expected = scramble_native(&OTHER_SALT, PASSWORD).unwrap();
    assert_eq!(database.hear().await, expected);
    database.say(OK).await;
    assert_eq!(app.hear().await, OK);
}

#[tokio::test(start_paused = true)]
async fn caching_sha2_takes_its_fast_path_and_its_full_one() {
    for full in [false, true] {
        let mut door = door(None);
        let (mut app, mut database, _) = met(&mut door, plugin::CACHING_SHA2).await;
        if full {
            database.say(b"\x01\x04").await;
            assert_eq!(database.hear().await, b"geheim\0");
        } else {
            database.say(b"\x01\x03").await;
        }
        database.say(OK).await;
        assert_eq!(app.hear().await, OK);
    }
}

#[tokio::test(start_paused = true)]
async fn what_wants_the_password_itself_gets_it_over_tls() {
    for wanted in [plugin::SHA256, plugin::CLEAR] {
        let mut door = door(Some(UpstreamTls::Unverified));
        let (mut app, mut database, _) = met(&mut door, plugin::NATIVE).await;
        database.say(&encode_switch(wanted, &SALT)).await;
        assert_eq!(database.hear().await, b"geheim\0");
        database.say(OK).await;
        assert_eq!(app.hear().await, OK);
    }
}

#[tokio::test(start_paused = true)]
async fn without_tls_the_password_itself_is_never_sent() {
    for request in [
        b"\x01\x04".to_vec(),
        encode_switch(plugin::SHA256, &SALT),
        encode_switch(plugin::CLEAR, &SALT),
    ] {
        let mut door = door(Some(UpstreamTls::Off));
        let mut app = door.app();
        let mut database = door.dialled().await;
        let greeting = Greeting {
            plugin: plugin::CACHING_SHA2,
            ..greeting()
        };
        database.say(&greeting.encode()).await;
        app.hear().await;
        app.say(&response()).await;
        database.hear().await;
        database.say(&request).await;
        let (code, text) = app.refused().await;
        assert_eq!(code, 1045);
        assert!(text.contains("there is no TLS to send it in"), "{text}");
        assert_eq!(database.hear_out().await, b"");
    }
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_we_cannot_answer_is_named() {
    let mut door = door(None);
    let (app, mut database, _) = met(&mut door, plugin::NATIVE).await;
    database.say(&encode_switch(b"client_ed25519", &SALT)).await;
    let (code, text) = app.refused().await;
    assert_eq!(code, 1045);
    assert!(text.contains("client_ed25519"), "{text}");
}

//! Password mode: a development server is told its password.

use azdb_config::route::{PlainPassword, UpstreamTls};
use mysql_common::scramble::{scramble_native, scramble_sha256};

use super::*;

const PASSWORD: &[u8] = b"geheim";
const OTHER_SALT: [u8; SCRAMBLE] = *b"98765432109876543210";

fn door(tls: Option<UpstreamTls>) -> Door {
    telling(PlainPassword::ToVerified, tls)
}

fn telling(plain: PlainPassword, tls: Option<UpstreamTls>) -> Door {
    Door::with(|route| {
        route.plain_password = plain;
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
async fn a_server_that_finds_the_answer_right_without_end_is_left() {
    let mut door = door(None);
    let (app, mut database, _) = met(&mut door, plugin::CACHING_SHA2).await;
    for _ in 0..8 {
        database.say(b"\x01\x03").await;
    }
    let (_, text) = app.refused().await;
    assert!(text.contains("a second request for the secret"), "{text}");
}

/// What nobody has verified who that is.
fn demands() -> [Vec<u8>; 3] {
    [
        b"\x01\x04".to_vec(),
        encode_switch(plugin::SHA256, &SALT),
        encode_switch(plugin::CLEAR, &SALT),
    ]
}

#[tokio::test(start_paused = true)]
async fn the_password_itself_is_told_to_a_verified_server_or_where_anybody_may_be_told() {
    for (plain, tls, told) in [
        (PlainPassword::ToVerified, None, true),
        (
            PlainPassword::ToVerified,
            Some(UpstreamTls::Unverified),
            false,
        ),
        (
            PlainPassword::ToAnybody,
            Some(UpstreamTls::Unverified),
            true,
        ),
    ] {
        for demand in demands() {
            let unverified = tls.as_ref().map(|_| UpstreamTls::Unverified);
            let mut door = telling(plain, unverified);
            let (mut app, mut database, _) = met(&mut door, plugin::CACHING_SHA2).await;
            database.say(&demand).await;
            if told {
                assert_eq!(database.hear().await, b"geheim\0");
                database.say(OK).await;
                assert_eq!(app.hear().await, OK);
                continue;
            }
            let (code, text) = app.refused().await;
            assert_eq!(code, 1045);
            assert!(text.contains("nobody has verified who that is"), "{text}");
            assert!(text.contains("upstream_password_in_clear"), "{text}");
            assert_eq!(database.hear_out().await, b"");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_tls_the_password_itself_is_never_sent() {
    for demand in demands() {
        let (app, mut database) = met_in_the_open(PlainPassword::ToVerified).await;
        database.say(&demand).await;
        let (code, text) = app.refused().await;
        assert_eq!(code, 1045);
        assert!(text.contains("nobody has verified who that is"), "{text}");
        assert_eq!(database.hear_out().await, b"");
    }
}

#[tokio::test(start_paused = true)]
async fn without_tls_only_the_plugin_that_takes_it_so_is_told_where_anybody_may_be() {
    let [full, sha256, clear] = demands();
    for demand in [full, sha256] {
        let (app, mut database) = met_in_the_open(PlainPassword::ToAnybody).await;
        database.say(&demand).await;
        let (_, text) = app.refused().await;
        assert!(text.contains("there is no TLS to send it in"), "{text}");
        assert_eq!(database.hear_out().await, b"");
    }
    let (_app, mut database) = met_in_the_open(PlainPassword::ToAnybody).await;
    database.say(&clear).await;
    assert_eq!(database.hear().await, b"geheim\0");
}

/// As [`met`], without TLS.
async fn met_in_the_open(plain: PlainPassword) -> (App, Peer<DuplexStream>) {
    let mut door = telling(plain, Some(UpstreamTls::Off));
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
    (app, database)
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

#[tokio::test(start_paused = true)]
async fn a_password_that_is_refused_is_told_in_the_servers_words_alone() {
    let mut door = door(None);
    let (mut app, mut database, _) = met(&mut door, plugin::NATIVE).await;
    database.refuse(1045, "Access denied for user").await;
    assert_eq!(app.hear().await, refusal(1045, "Access denied for user"));
    app.session.await.expect("no panic");
    let kept = door.lobby.state.ledger.last_refusal().expect("it is kept");
    assert_eq!(
        kept.remedy,
        "check upstream_user and upstream_password_file"
    );
}

//! Apps that are asked for a password.

use azdb_config::AppPasswords;
use azdb_wire::mysql::{Answer, ChangeUser};
use mysql_common::scramble::{scramble_native, scramble_sha256};

use super::change_user::{command, encoded};
use super::*;

/// SHA-1 of "secret", twice.
const HASH: &str = "*14E65567ABDB5135D0CFD9A70B3032C179A49EE7";
const DENIED: u16 = 1045;

/// A route whose apps have these passwords.
fn door(text: &str) -> Door {
    let passwords = AppPasswords::parse(text, ProtocolName::Mysql).unwrap();
    Door::with(|route| route.app_passwords = Some(passwords))
}

fn nonce(scramble: &[u8]) -> Vec<u8> {
    scramble.get(..SCRAMBLE).unwrap().to_vec()
}

/// An answer of `mysql_common`, which wants a nonce in two parts.
fn native(scramble: &[u8], password: &str) -> Vec<u8> {
    let answer = scramble_native(&nonce(scramble), password.as_bytes());
    answer.map(|answer| answer.to_vec()).unwrap_or_default()
}

fn fast(scramble: &[u8], password: &str) -> Vec<u8> {
    let answer = scramble_sha256(&nonce(scramble), password.as_bytes());
    answer.map(|answer| answer.to_vec()).unwrap_or_default()
}

/// An app that comes from somewhere, and is greeted by the upstream that is dialled for it.
async fn greeted(door: &mut Door) -> (App, Peer<DuplexStream>, Vec<u8>) {
    let here = Caller::Tcp(SocketAddr::from(([127, 0, 0, 1], 1)));
    let mut app = door.app_at(Place::outside_of(here));
    let database = door.greeting().await;
    let shown = app.hear().await;
    let scramble = Greeting::parse(&shown).unwrap().scramble;
    assert_ne!(scramble, SALT, "ours, and not the upstream's");
    (app, database, scramble.to_vec())
}

/// Answers the greeting as `user`.
async fn answer(app: &mut App, user: &str, named: &[u8], auth: &[u8]) {
    let response = Response {
        user: user.as_bytes(),
        auth,
        plugin: named,
        ..app_response()
    };
    app.say(&response.encode().unwrap()).await;
}

/// Hears a switch to this plugin, and returns its scramble.
async fn switched(app: &mut App, expected: &[u8]) -> Vec<u8> {
    let packet = app.hear().await;
    let Ok(Answer::Switch { plugin, data }) = Answer::parse(&packet) else {
        unreachable!("no switch: {}", Quoted(&packet))
    };
    assert_eq!(plugin, expected, "{}", Quoted(plugin));
    data.to_vec()
}

/// The upstream lets the app in.
async fn granted(door: &Door, database: Peer<DuplexStream>) -> Peer<TlsStream<DuplexStream>> {
    let mut database = door.seal(database).await;
    assert_eq!(
        parsed(&database.hear().await).auth,
        b"",
        "no proof goes upstream"
    );
    database.take_token(TOKEN).await;
    database
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_the_greetings_plugin_is_enough() {
    for text in ["ann:secret", &format!("ann:{HASH}"), ":secret"] {
        let mut door = door(text);
        let (mut app, database, scramble) = greeted(&mut door).await;
        answer(
            &mut app,
            "ann",
            plugin::NATIVE,
            &native(&scramble, "secret"),
        )
        .await;
        granted(&door, database).await;
        assert_eq!(app.hear().await, OK);
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_one_is_refused_and_the_upstream_is_the_next_apps() {
    for (user, password) in [("ann", "Secret"), ("ann", ""), ("nobody", "secret")] {
        let mut door = door("ann:secret");
        let (mut app, database, scramble) = greeted(&mut door).await;
        answer(&mut app, user, plugin::NATIVE, &native(&scramble, password)).await;
        let (code, text) = app.refused().await;
        assert_eq!(code, DENIED, "{text}");
        assert!(text.contains("app_password_file"), "{text}");
        // Nobody has spoken to it: the next app, which is ours and asked for nothing, has it.
        is_the_next_apps(&mut door, database).await;
    }
}

#[tokio::test(start_paused = true)]
async fn other_plugins_are_switched_to_one_that_can_be_checked() {
    for named in [plugin::CLEAR, plugin::SHA256, b"dialog"] {
        for password in ["secret", "Secret"] {
            let mut door = door("ann:secret");
            let (mut app, database, _) = greeted(&mut door).await;
            answer(&mut app, "ann", named, b"secret\0").await;
            let scramble = switched(&mut app, plugin::NATIVE).await;
            app.say(&native(&scramble, password)).await;
            if password == "secret" {
                granted(&door, database).await;
                assert_eq!(app.hear().await, OK);
            } else {
                assert_eq!(app.refused().await.0, DENIED);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn caching_sha2_is_answered_fast() {
    for (user, password, is_right) in [
        ("ann", "secret", true),
        ("ann", "Secret", false),
        ("nobody", "secret", false),
        ("ann", "", false),
    ] {
        let mut door = door("ann:secret");
        let (mut app, database, _) = greeted(&mut door).await;
        answer(&mut app, user, plugin::CACHING_SHA2, b"").await;
        let scramble = switched(&mut app, plugin::CACHING_SHA2).await;
        app.say(&fast(&scramble, password)).await;
        if is_right {
            granted(&door, database).await;
            assert_eq!(app.hear().await, b"\x01\x03", "the fast answer is right");
            assert_eq!(app.hear().await, OK);
        } else {
            assert_eq!(app.refused().await.0, DENIED, "{user} {password}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_tls_nobody_is_asked_for_the_password_itself() {
    // The hash of one plugin is enough for its own answer.
    let mut hashed = door(&format!("ann:{HASH}"));
    for user in ["ann", "nobody"] {
        let (mut app, _database, _) = greeted(&mut hashed).await;
        answer(&mut app, user, plugin::CACHING_SHA2, b"").await;
        let scramble = switched(&mut app, plugin::NATIVE).await;
        app.say(&native(&scramble, "wrong")).await;
        assert_eq!(app.refused().await.0, DENIED);
    }
    // For others there is no answer that could be checked.
    let verifier = postgres_protocol::password::scram_sha_256(b"secret");
    for (user, named) in [
        ("ann", plugin::NATIVE),
        ("ann", plugin::CACHING_SHA2),
        ("nobody", plugin::NATIVE),
    ] {
        let mut door = door(&format!("ann:{verifier}"));
        let (mut app, _database, scramble) = greeted(&mut door).await;
        answer(&mut app, user, named, &native(&scramble, "secret")).await;
        let (code, text) = app.refused().await;
        assert_eq!(code, 3159);
        assert!(text.contains("turn TLS on in the app"), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_app_hears_of_an_upstream_that_is_not_there_when_it_has_proved_itself() {
    for (password, code) in [("secret", 1105), ("Secret", DENIED)] {
        let mut door = door("ann:secret");
        let here = Caller::Tcp(SocketAddr::from(([127, 0, 0, 1], 1)));
        let mut app = door.app_at(Place::outside_of(here));
        drop(door.dialled().await);
        let shown = app.hear().await;
        let scramble = Greeting::parse(&shown).unwrap().scramble;
        answer(
            &mut app,
            "ann",
            plugin::NATIVE,
            &native(&scramble, password),
        )
        .await;
        assert_eq!(app.refused().await.0, code);
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_of_user_is_asked_for_its_own_password() {
    for (password, is_right) in [("pass of bob", true), ("secret", false)] {
        let mut door = door("ann:secret\nbob:pass of bob");
        let (mut app, database, scramble) = greeted(&mut door).await;
        answer(
            &mut app,
            "ann",
            plugin::NATIVE,
            &native(&scramble, "secret"),
        )
        .await;
        let mut database = granted(&door, database).await;
        assert_eq!(app.hear().await, OK);
        let auth = native(&scramble, password);
        let changed = ChangeUser {
            auth: &auth,
            ..command()
        };
        app.command(&encoded(&changed)).await;
        if is_right {
            database.hear_command().await;
            database.take_token(TOKEN).await;
            assert_eq!(app.hear().await, OK);
        } else {
            assert_eq!(app.refused().await.0, DENIED);
            // The session has ended for the upstream, too, and nothing was asked of it.
            assert_eq!(database.hear_out().await, b"");
        }
    }
}

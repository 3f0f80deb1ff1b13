//! Apps that compress, from their login to their end.

use azdb_wire::mysql::Envelope;
use tokio::io::AsyncReadExt as _;

use super::envelopes::{METHODS, opened, packet, sealed_up, stored};
use super::*;

/// What an app answers to the greeting that would compress so.
fn response_of(method: Method) -> Vec<u8> {
    let mut response = app_response();
    let flag = match method {
        Method::Zlib => Capabilities::COMPRESS,
        Method::Zstd(_) => Capabilities::ZSTD_COMPRESSION,
    };
    response.capabilities = response.capabilities | flag;
    response.zstd_level = 3;
    response.encode().unwrap()
}

/// A session of an app that compresses. What its upstream was told of it has been looked at.
async fn session_of(door: &mut Door, method: Method) -> (App, Peer<TlsStream<DuplexStream>>) {
    let mut app = door.app();
    let database = door.greeting().await;
    let greeting = app.hear().await;
    let offered = Greeting::parse(&greeting).unwrap().capabilities;
    let envelopes = Capabilities::COMPRESS | Capabilities::ZSTD_COMPRESSION;
    assert!(offered.has(envelopes), "{offered:?}");
    app.say(&response_of(method)).await;
    let mut database = door.seal(database).await;
    let asked = database.hear().await;
    assert_eq!(parsed(&asked).capabilities.0 & envelopes.0, 0);
    database.take_token(TOKEN).await;
    assert_eq!(app.hear().await, OK);
    (app, database)
}

/// The next envelope that the app reads: its number and what it holds.
async fn next_of(app: &mut App, method: Method) -> (u8, Vec<u8>) {
    let mut bytes = vec![0; Envelope::LEN];
    app.peer.stream.read_exact(&mut bytes).await.unwrap();
    let length = Envelope::parse(*bytes.first_chunk().unwrap()).length;
    bytes.resize(Envelope::LEN + length, 0);
    let (_, contents) = bytes.split_at_mut(Envelope::LEN);
    app.peer.stream.read_exact(contents).await.unwrap();
    opened(method, &mut bytes)
}

#[tokio::test(start_paused = true)]
async fn commands_and_answers_travel_in_envelopes_on_the_apps_leg_alone() {
    for method in METHODS {
        let mut door = Door::new();
        let (mut app, mut database) = session_of(&mut door, method).await;
        for command in [&b"\x03select 1"[..], &[3; 5000]] {
            app.say_bytes(&sealed_up(method, 0, &packet(0, command)))
                .await;
            assert_eq!(database.hear_command().await, command);
            for (number, answer) in [(1, &[b'x'; 4000][..]), (2, OK)] {
                database.say(answer).await;
                let read = next_of(&mut app, method).await;
                assert_eq!(read, (number, packet(number, answer)));
            }
        }
        app.say_bytes(&stored(0, &packet(0, b"\x01"))).await;
        assert_eq!(database.hear_command().await, b"\x01");
    }
}

#[tokio::test(start_paused = true)]
async fn a_command_in_several_envelopes_is_answered_with_the_number_behind_them() {
    for method in METHODS {
        let mut door = Door::new();
        let (mut app, mut database) = session_of(&mut door, method).await;
        let command = packet(0, &[3; 5000]);
        for (number, piece) in (0..).zip(command.chunks(999)) {
            app.say_bytes(&sealed_up(method, number, piece)).await;
        }
        assert_eq!(database.hear_command().await.len(), 5000);
        database.say(OK).await;
        assert_eq!(next_of(&mut app, method).await, (6, packet(1, OK)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_user_is_changed_in_envelopes_and_the_session_goes_on() {
    for method in METHODS {
        let mut door = Door::new();
        let (mut app, mut database) = session_of(&mut door, method).await;
        let change = b"\x11bob\0\0shop\0\x2d\0caching_sha2_password\0\0";
        app.say_bytes(&sealed_up(method, 0, &packet(0, change)))
            .await;
        assert_eq!(database.hear_command().await.first(), Some(&0x11));
        database.take_token(TOKEN).await;
        let (number, switch) = next_of(&mut app, method).await;
        assert_eq!((number, switch.get(3..5)), (1, Some(&[1, 0xfe][..])));
        app.say_bytes(&stored(2, &packet(2, &[7; 32]))).await;
        assert_eq!(next_of(&mut app, method).await, (3, packet(3, &[1, 3])));
        assert_eq!(next_of(&mut app, method).await, (4, packet(4, OK)));

        app.say_bytes(&sealed_up(method, 0, &packet(0, b"\x03select 2")))
            .await;
        assert_eq!(database.hear_command().await, b"\x03select 2");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_within_the_session_is_in_an_envelope() {
    for method in METHODS {
        let mut door = Door::new();
        let (mut app, mut database) = session_of(&mut door, method).await;
        let change = packet(0, b"\x11bob\0\0shop\0\x2d\0mysql_native_password\0\0");
        app.say_bytes(&sealed_up(method, 0, &change)).await;
        database.hear_command().await;
        database
            .refuse(
                1045,
                "Access denied, token expired long ago, and more words than fifty",
            )
            .await;
        // Another token is asked for once, and there is the same again.
        drop(database);
        let (number, error) = next_of(&mut app, method).await;
        assert_eq!((number, error.get(3..5)), (1, Some(&[1, 0xff][..])));
        assert_eq!(app.hear_out().await, b"");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_envelope_ends_the_session() {
    for method in METHODS {
        let mut door = Door::new();
        let (mut app, mut database) = session_of(&mut door, method).await;
        let bad = [&[9, 0, 0, 0, 50, 0, 0][..], b"no stream"].concat();
        app.say_bytes(&bad).await;
        assert_eq!(
            database.hear_out().await,
            b"",
            "nothing of it went upstream"
        );
        drop(database);
        assert_eq!(app.hear_out().await, b"");
        app.session.await.unwrap();
    }
}

//! The login within a session.

use azdb_config::route::Principals;
use azdb_wire::mysql::{ChangeUser, Command};

use super::*;
use crate::ledger::End;

pub(super) fn command() -> ChangeUser<'static> {
    ChangeUser {
        user: b"bob",
        auth: b"12345678901234567890",
        database: Some(b"orders"),
        charset: Some(33),
        plugin: plugin::NATIVE,
        attributes: app_response().attributes,
    }
}

pub(super) fn encoded(command: &ChangeUser<'_>) -> Vec<u8> {
    command
        .encode(app_response().capabilities | Capabilities::PLUGIN_AUTH)
        .unwrap()
}

fn read(payload: &[u8]) -> ChangeUser<'_> {
    let agreed = app_response().agreed();
    ChangeUser::parse(payload, agreed).unwrap_or_else(|error| unreachable!("{error}"))
}

/// The session still works.
async fn assert_alive(app: &mut App, database: &mut Peer<TlsStream<DuplexStream>>) {
    app.command(b"\x0e").await;
    assert_eq!(database.hear_command().await, b"\x0e");
    database.say(OK).await;
    assert_eq!(app.hear().await, OK);
}

#[tokio::test(start_paused = true)]
async fn a_change_of_user_is_a_login_as_the_routes_own() {
    let mut door = Door::new();
    let (mut app, mut database) = door.session().await;
    app.command(&encoded(&command())).await;
    let sent = database.hear_command().await;
    let expected = ChangeUser {
        user: b"My Identity",
        auth: b"",
        ..command()
    };
    assert!(read(&sent) == expected, "{}", Quoted(&sent));
    database.take_token(TOKEN).await;
    assert_eq!(app.hear().await, OK);
    assert_alive(&mut app, &mut database).await;
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_asks_for_nothing_is_fine_too() {
    let mut door = Door::new();
    let (mut app, mut database) = door.session().await;
    for _ in 0..3 {
        app.command(&encoded(&command())).await;
        database.hear_command().await;
        database.say(OK).await;
        assert_eq!(app.hear().await, OK);
    }
    assert_alive(&mut app, &mut database).await;
}

#[tokio::test(start_paused = true)]
async fn every_plugin_is_carried_to_an_ok_again() {
    /// The plugin that an app names, its answer to the switch, and more that it reads.
    type Case = (&'static [u8], &'static [u8], Option<&'static [u8]>);
    let cases: [Case; 4] = [
        (b"", b"", None),
        (plugin::CACHING_SHA2, &[7; 32], Some(b"\x01\x03")),
        (plugin::CACHING_SHA2, b"\0", None),
        (plugin::SHA256, b"12345678901234567890", None),
    ];
    for (named, answer, more) in cases {
        let mut door = Door::new();
        let (mut app, mut database) = door.session().await;
        let command = ChangeUser {
            plugin: named,
            auth: b"",
            ..command()
        };
        app.command(&encoded(&command)).await;
        database.hear_command().await;
        database.take_token(TOKEN).await;
        if !named.is_empty() {
            assert_eq!(app.hear().await.first(), Some(&0xfe));
            app.say(answer).await;
        }
        if let Some(more) = more {
            assert_eq!(app.hear().await, more);
        }
        assert_eq!(app.hear().await, OK);
        assert_alive(&mut app, &mut database).await;
    }
}

#[tokio::test(start_paused = true)]
async fn parts_that_an_app_leaves_out_are_the_logins() {
    let mut door = Door::with(|route| route.default_database = Some("shop".into()));
    let (mut app, mut database) = door.session().await;
    app.command(b"\x11bob\0\0\0").await;
    let sent = database.hear_command().await;
    let sent = read(&sent);
    assert_eq!(
        (sent.database, sent.charset),
        (Some(&b"shop"[..]), Some(45))
    );
    assert_eq!((sent.plugin, sent.attributes), (plugin::NATIVE, &b"\0"[..]));
}

#[tokio::test(start_paused = true)]
async fn commands_around_a_change_of_user_keep_their_order() {
    let mut door = Door::new();
    let (mut app, mut database) = door.session().await;
    let mut bytes = Vec::new();
    push_packet(&mut bytes, 0, b"\x19\x01\0\0\0");
    push_packet(&mut bytes, 0, &encoded(&command()));
    push_packet(&mut bytes, 0, b"\x03select 2");
    app.say_bytes(&bytes).await;
    assert_eq!(database.hear_command().await, b"\x19\x01\0\0\0");
    assert_eq!(
        database.hear_command().await.first(),
        Some(&Command::CHANGE_USER.0)
    );
    database.take_token(TOKEN).await;
    assert_eq!(database.hear_command().await, b"\x03select 2");
    app.next = 1;
    assert_eq!(app.hear().await, OK);
}

/// Sees the proxy make a session like new, and answers.
async fn see_reset(database: &mut Peer<TlsStream<DuplexStream>>) {
    assert_eq!(database.hear_command().await, b"\x1f");
    database.say(OK).await;
    let names = database.hear_command().await;
    let expected =
        b"\x03SET character_set_client = 33, character_set_results = 33, collation_connection = 33";
    assert_eq!(names, expected);
    database.say(OK).await;
    assert_eq!(database.hear_command().await, b"\x02orders");
    database.say(OK).await;
}

#[tokio::test(start_paused = true)]
async fn one_refusal_makes_the_route_reset_its_sessions_from_then_on() {
    for code in [1045, 1047, 1873] {
        let mut door = Door::new();
        let (mut app, mut database) = door.session().await;
        app.command(&encoded(&command())).await;
        database.hear_command().await;
        database
            .refuse(code, "Access denied (using password: NO)")
            .await;
        see_reset(&mut database).await;
        assert_eq!(
            {
                app.next = 1;
                app.hear().await
            },
            OK
        );
        assert_alive(&mut app, &mut database).await;

        let (mut app, mut database) = door.session().await;
        app.command(&encoded(&command())).await;
        see_reset(&mut database).await;
        assert_eq!(app.hear().await, OK);
        assert_alive(&mut app, &mut database).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_after_the_token_counts_too() {
    let mut door = Door::new();
    let (mut app, mut database) = door.session().await;
    app.command(&encoded(&command())).await;
    database.hear_command().await;
    database.say(&encode_switch(plugin::CLEAR, &SALT)).await;
    database.hear().await;
    database
        .refuse(1045, "Access denied (using password: YES)")
        .await;
    see_reset(&mut database).await;
    assert_eq!(app.hear().await, OK);
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_hangs_up_after_its_refusal_has_said_why() {
    let mut door = Door::new();
    let (mut app, mut database) = door.session().await;
    app.command(&encoded(&command())).await;
    database.hear_command().await;
    database.refuse(1045, "Access denied").await;
    drop(database);
    app.next = 1;
    let (code, text) = app.refused().await;
    assert_eq!(code, 1045);
    assert!(text.contains("Access denied"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn another_refusal_is_the_apps_own_and_ends_the_session() {
    let mut door = Door::new();
    let (mut app, mut database) = door.session().await;
    app.command(&encoded(&command())).await;
    database.hear_command().await;
    let text = "Unknown database 'orders'";
    database.say(&refusal(1049, text)).await;
    assert_remarked(&app.hear().await, 1049, text);
    assert_eq!(app.hear_out().await, b"");
    assert_eq!(database.hear_out().await, b"");

    let (mut app, mut database) = door.session().await;
    app.command(&encoded(&command())).await;
    let sent = database.hear_command().await;
    assert_eq!(
        sent.first(),
        Some(&Command::CHANGE_USER.0),
        "the route still changes users"
    );
}

#[tokio::test(start_paused = true)]
async fn a_user_that_is_not_mapped_cannot_be_changed_to() {
    let mut door = Door::with(|route| {
        let Principals::One(principal) = &route.principals else {
            unreachable!("the house has one")
        };
        route.principals = Principals::ByAppUser(vec![("ann".into(), Arc::clone(principal))]);
    });
    let (mut app, mut database) = door.session().await;
    app.command(&encoded(&command())).await;
    let (code, text) = app.refused().await;
    assert_eq!(code, 1045);
    assert!(text.contains("user `bob` is not in user_map"), "{text}");
    assert_eq!(database.hear_out().await, b"");
}

#[tokio::test(start_paused = true)]
async fn in_password_mode_the_server_is_made_to_ask() {
    let mut door = Door::with(|route| route.auth = UpstreamAuth::Password("geheim".into()));
    let mut app = door.app();
    let database = door.greeting().await;
    app.hear().await;
    app.say(&response()).await;
    let mut database = door.seal(database).await;
    database.hear().await;
    database.say(OK).await;
    app.hear().await;

    app.command(&encoded(&command())).await;
    let sent = database.hear_command().await;
    assert_eq!(
        read(&sent).plugin,
        plugin::CACHING_SHA2,
        "the account's is native"
    );
    database.say(&encode_switch(plugin::NATIVE, &SALT)).await;
    let expected = mysql_common::scramble::scramble_native(&SALT, b"geheim").unwrap();
    assert_eq!(database.hear().await, expected);
    database.say(OK).await;
    assert_eq!(app.hear().await, OK);
}

#[tokio::test(start_paused = true)]
async fn a_session_whose_user_has_been_changed_is_in_no_transaction() {
    let mut door = Door::new();
    let (mut app, mut database) = door.session().await;
    app.command(b"\x03begin").await;
    database.hear_command().await;
    database.say(b"\0\0\0\x03\0\0\0").await;
    app.hear().await;
    door.ending.rest.cancel();
    let minute = std::time::Duration::from_secs(60);
    tokio::time::sleep(minute).await;
    assert!(!app.session.is_finished());
    app.command(&encoded(&command())).await;
    database.hear_command().await;
    database.take_token(TOKEN).await;
    assert_eq!(app.hear().await, OK);
    let rest = tokio::time::timeout(minute, app.hear_out()).await;
    assert_eq!(rest.expect("an end"), b"");
}

#[tokio::test(start_paused = true)]
async fn what_was_moved_before_and_after_a_change_of_user_is_counted_together() {
    let mut door = Door::new();
    let (mut app, mut database) = door.session().await;
    assert_alive(&mut app, &mut database).await;
    app.command(&encoded(&command())).await;
    database.hear_command().await;
    database.take_token(TOKEN).await;
    assert_eq!(app.hear().await, OK);
    assert_alive(&mut app, &mut database).await;
    let App { peer, session } = app;
    drop((peer, database));
    session.await.unwrap();

    let ledger = &door.lobby.state.ledger;
    let (ping, ok) = (Header::LEN + 1, Header::LEN + OK.len());
    let moved = (ledger.from_app.read(), ledger.from_upstream.read());
    assert_eq!(moved, (2 * ping as u64, 2 * ok as u64));
    assert_eq!((ledger.sessions.read(), ledger.ended()), (1, 1));
    assert_eq!(ledger.changes_of_user.granted.read(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refused_change_of_user_is_counted_and_kept() {
    let mut door = Door::new();
    let (mut app, mut database) = door.session().await;
    assert_alive(&mut app, &mut database).await;
    app.command(&encoded(&command())).await;
    database.hear_command().await;
    database.refuse(1049, "Unknown database 'orders'").await;
    app.refused().await;

    let ledger = &door.lobby.state.ledger;
    assert_eq!((ledger.refused(), ledger.ended()), (1, 1));
    assert_eq!(ledger.ended_by(End::Refused), 1);
    assert_eq!(ledger.changes_of_user.refused.read(), 1);
    assert_eq!(ledger.from_app.read(), (Header::LEN + 1) as u64);
    let kept = ledger.last_refusal().unwrap();
    assert_eq!(kept.kind, crate::fault::Kind::User);
    assert!(kept.cause.contains("Unknown database"), "{}", kept.cause);
}

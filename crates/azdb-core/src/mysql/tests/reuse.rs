//! Sessions that apps have left: reset, and given to others.

use std::time::Duration;

use azdb_config::Reuse;
use azdb_wire::mysql::{ChangeUser, QUIT};
use tokio::time::sleep;

use super::change_user::{command, encoded};
use super::ready::{dialled_for, of};
use super::*;
use crate::ledger::Reset;

type Database = Peer<TlsStream<DuplexStream>>;

pub(super) const PLAIN_OK: &[u8] = b"\0\0\0\x02\0\0\0";
/// What a server says that runs nothing for whoever logs in, and activates the default roles.
pub(super) const NOTHING: &[u8] = b"\0\x010";
pub(super) const QUARANTINE: Duration = Duration::from_millis(250);

pub(super) fn door() -> Door {
    Door::with(|route| route.keeping.reuse = Reuse::Reset)
}

/// That of a server whose sessions can be reset.
fn mysqls() -> Greeting<'static> {
    Greeting {
        version: b"8.0.40-azure",
        capabilities: CAPABILITIES | Capabilities::MYSQL,
        reserved: [0; 10],
        ..greeting()
    }
}

pub(super) async fn dialled(door: &mut Door, response: &Response<'_>) -> (App, Database) {
    dialled_for(door, (of(1), response), &mysqls()).await
}

/// What a server says that knows the number which was drawn.
pub(super) async fn prove(database: &mut Database, at_login: &[u8]) {
    let question = database.hear_command().await;
    let begin = b"\x03select '";
    let drawn = question.strip_prefix(begin).expect("a question");
    let column = |name: &[u8]| {
        let length = u8::try_from(name.len()).unwrap();
        let looks = b"\0\x0c\xff\0\x80\0\0\0\xfd\x01\0\x1f\0\0";
        [b"\x03def\0\0\0", &[length][..], name, looks].concat()
    };
    database.say(b"\x03").await;
    for name in [&b"nonce"[..], b"init_connect", b"all_roles"] {
        database.say(&column(name)).await;
    }
    database
        .say(&[b"\x20", &drawn[..32], at_login].concat())
        .await;
    database.say(b"\xfe\0\0\x02\0\0\0").await;
}

/// Sees a session reset that its app has left, up to the question.
pub(super) async fn see_forgotten(database: &mut Database, answer: &[u8]) {
    assert_eq!(database.hear_command().await, b"\x1f");
    database.say(PLAIN_OK).await;
    let forget = b"\x03SET optimizer_trace_offset = DEFAULT";
    assert_eq!(database.hear_command().await, forget);
    database.say(answer).await;
}

/// Sees a session reset that its app has left.
pub(super) async fn see_reset(database: &mut Database, at_login: &[u8]) {
    see_forgotten(database, PLAIN_OK).await;
    prove(database, at_login).await;
}

/// Says goodbye, and hears no more.
pub(super) async fn quit(mut app: App) {
    app.say_bytes(&QUIT).await;
    assert_eq!(app.hear_out().await, b"");
}

/// Leaves a session, and sees it reset. It waits for another app from here on.
async fn leave(app: App, database: &mut Database, at_login: &[u8]) {
    quit(app).await;
    see_reset(database, at_login).await;
    sleep(QUARANTINE * 2).await;
}

/// A session that waits for another app.
pub(super) async fn kept(door: &mut Door) -> Database {
    let (app, mut database) = dialled(door, &app_response()).await;
    leave(app, &mut database, NOTHING).await;
    database
}

/// An app that is greeted by a session which waits.
pub(super) async fn greeted(door: &mut Door) -> App {
    let mut app = door.app_at(of(1));
    let payload = app.hear().await;
    let greeting = Greeting::parse(&payload).unwrap();
    assert_eq!(
        (greeting.thread_id, greeting.version),
        (4711, mysqls().version)
    );
    assert!(door.databases.try_recv().is_err(), "another was dialled");
    app
}

pub(super) fn resets(door: &Door, outcome: Reset) -> u64 {
    let mut all = door.lobby.state.ledger.resets();
    all.find(|(other, _)| *other == outcome).unwrap().1
}

#[tokio::test(start_paused = true)]
async fn a_session_that_was_left_is_reset_at_once_and_the_next_apps_by_a_login() {
    let mut door = door();
    let mut database = kept(&mut door).await;
    assert_eq!(resets(&door, Reset::Clean), 1);
    let other = Response {
        database: Some(b"orders"),
        charset: 33,
        attributes: b"\x07\x03key\x02vm",
        ..app_response()
    };
    let mut app = greeted(&mut door).await;
    app.say(&other.encode().unwrap()).await;
    let sent = database.hear_command().await;
    let sent = ChangeUser::parse(&sent, app_response().agreed()).unwrap();
    let expected = ChangeUser {
        user: PRINCIPAL.as_bytes(),
        auth: b"",
        database: Some(b"orders"),
        charset: Some(33),
        plugin: plugin::NATIVE,
        attributes: b"\x07\x03key\x02vm",
    };
    assert!(sent == expected);
    database.take_token(TOKEN).await;
    assert_eq!(app.hear().await, OK);
    app.command(b"\x0e").await;
    assert_eq!(database.hear_command().await, b"\x0e");
    database.say(OK).await;
    assert_eq!(app.hear().await, OK);
    // And once more.
    leave(app, &mut database, NOTHING).await;
    greeted(&mut door).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_too_soon_may_be_hit_by_what_its_last_app_meant_for_itself() {
    let mut door = door();
    let (app, mut database) = dialled(&mut door, &app_response()).await;
    quit(app).await;
    see_reset(&mut database, NOTHING).await;
    let early = door.app_at(of(1));
    let database = door.dialled().await;
    drop((early, database));
    sleep(QUARANTINE * 2).await;
    greeted(&mut door).await;
}

#[tokio::test(start_paused = true)]
async fn a_goodbye_goes_on_where_the_session_cannot_be_anothers() {
    /// What an app says before it leaves, and what its server answers.
    type Case = (&'static [u8], &'static [u8]);
    let cases: [Case; 5] = [
        (b"\x12\x04\0\0\0", &[0xff, 0x7a, 4]),
        (b"\x1b\0\0", PLAIN_OK),
        (b"\x15", PLAIN_OK),
        (b"\x99", &[0xff, 0x17, 4]),
        (b"\x03select 1", b""),
    ];
    for (says, answer) in cases {
        let mut door = door();
        let (mut app, mut database) = dialled(&mut door, &app_response()).await;
        app.command(says).await;
        assert_eq!(database.hear_command().await, says);
        if !answer.is_empty() {
            database.say(answer).await;
            assert_eq!(app.hear().await, answer);
        }
        app.say_bytes(&QUIT).await;
        assert_eq!(database.hear_command().await, [1], "{says:?}");
        drop(app.peer);
        database.hear_out().await;
    }
}

#[tokio::test(start_paused = true)]
async fn neither_is_a_session_of_mariadb_nor_one_whose_app_did_not_say_goodbye() {
    let mut door = door();
    let login = (of(1), &app_response());
    let (mut app, mut database) = dialled_for(&mut door, login, &greeting()).await;
    app.say_bytes(&QUIT).await;
    assert_eq!(database.hear_command().await, [1]);
    drop(app);
    let (app, mut database) = dialled(&mut door, &app_response()).await;
    drop(app.peer);
    assert_eq!(database.hear_out().await, b"");
    app.session.await.unwrap();
    let (mut app, mut database) = dialled(&mut door, &app_response()).await;
    app.say_bytes(b"\x05\0\0\0\x03").await;
    drop(app.peer);
    assert_eq!(database.hear_out().await, b"\x05\0\0\0\x03");
    app.session.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_no_login_changes_within_a_session_makes_it_nobodys() {
    let flags = |bit: u32| Capabilities(app_response().capabilities.0 ^ (1 << bit));
    let others = [
        Response {
            capabilities: flags(1),
            ..app_response()
        },
        Response {
            capabilities: flags(24),
            ..app_response()
        },
        Response {
            max_packet: 1 << 20,
            ..app_response()
        },
    ];
    for other in others {
        let mut door = door();
        let mut database = kept(&mut door).await;
        let mut app = greeted(&mut door).await;
        app.say(&other.encode().unwrap()).await;
        assert_eq!(database.hear_command().await, [1]);
        let mut database = door.dialled().await;
        database.say(&mysqls().encode()).await;
        let mut database = door.seal(database).await;
        database.hear().await;
        database.take_token(TOKEN).await;
        assert_eq!(app.hear().await, OK);
    }
}

/// An app whose login on a session that waits is refused like this.
async fn refused(door: &mut Door, code: u16) -> App {
    let mut database = kept(door).await;
    let mut app = greeted(door).await;
    app.say(&response()).await;
    assert_eq!(database.hear_command().await.first(), Some(&0x11));
    database.refuse(code, "not so").await;
    database.hear_out().await;
    app
}

#[tokio::test(start_paused = true)]
async fn an_app_that_is_not_let_in_anew_is_told_by_an_upstream_of_its_own() {
    let mut door = door();
    let mut app = refused(&mut door, 1045).await;
    let mut database = door.dialled().await;
    database.say(&mysqls().encode()).await;
    let mut database = door.seal(database).await;
    database.hear().await;
    database.refuse(1045, "dropped").await;
    let heard = app.hear().await;
    assert_eq!(ErrorPacket::parse(&heard).unwrap().code, 1045);
    // Which says nothing about the command.
    let mut database = kept(&mut door).await;
    let mut app = greeted(&mut door).await;
    app.say(&response()).await;
    assert_eq!(database.hear_command().await.first(), Some(&0x11));
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_takes_no_change_of_user_is_asked_for_the_same_in_other_words() {
    for (at_login, roles) in [(NOTHING, "DEFAULT"), (b"\0\x011", "ALL")] {
        let mut door = door();
        let mut app = refused(&mut door, 1045).await;
        let mut database = door.dialled().await;
        database.say(&mysqls().encode()).await;
        let mut database = door.seal(database).await;
        database.hear().await;
        database.take_token(TOKEN).await;
        assert_eq!(app.hear().await, OK);
        leave(app, &mut database, at_login).await;
        let mut app = greeted(&mut door).await;
        app.say(&response()).await;
        let expected = [
            format!("\x03SET ROLE {roles}"),
            "\x03SET character_set_client = 45, character_set_results = 45, collation_connection = 45"
                .to_owned(),
            "\x02shop".to_owned(),
        ];
        for expected in &expected {
            let heard = database.hear_command().await;
            assert_eq!(heard, expected.as_bytes());
        }
        database.next = 1;
        for _ in &expected {
            database.next = 1;
            database.say(OK).await;
        }
        assert_eq!(app.hear().await, OK);
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_has_become_another_principal_is_nobodys() {
    let mut door = door();
    let (mut app, mut database) = dialled(&mut door, &app_response()).await;
    // The same one is no other.
    app.command(&encoded(&command())).await;
    database.hear_command().await;
    database.take_token(TOKEN).await;
    assert_eq!(app.hear().await, OK);
    leave(app, &mut database, NOTHING).await;
    greeted(&mut door).await;
}

#[tokio::test(start_paused = true)]
async fn nor_is_one_whose_app_has_become_another_where_nobody_knows_its_user_of_the_machine() {
    let tcp = Caller::Tcp(([127, 0, 0, 9], 4000).into());
    for (user, is_kept) in [(&b"bob"[..], false), (app_response().user, true)] {
        let mut door = door();
        let login = (Place::outside_of(tcp), &app_response());
        let (mut app, mut database) = dialled_for(&mut door, login, &mysqls()).await;
        let command = ChangeUser { user, ..command() };
        app.command(&encoded(&command)).await;
        database.hear_command().await;
        database.take_token(TOKEN).await;
        assert_eq!(app.hear().await, OK);
        app.say_bytes(&QUIT).await;
        let expected: &[u8] = if is_kept { b"\x1f" } else { b"\x01" };
        assert_eq!(database.hear_command().await, expected);
    }
}

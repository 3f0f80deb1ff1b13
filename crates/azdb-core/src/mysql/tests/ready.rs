//! Sessions that are made ahead of apps: whose greeting an app reads, and who has which.

use std::time::Duration;

use azdb_config::route::Principals;
use azdb_wire::mysql::Command;
use tokio::time::sleep;

use super::*;
use crate::kept::Found;

/// The number of the first session that is made ahead.
pub(super) const MADE: u32 = 99;

/// A route that has so many sessions made ahead.
pub(super) fn door_with(ready: usize) -> Door {
    Door::with(|route| route.keeping.ready = ready)
}

/// An app of this user of the machine.
pub(super) fn of(uid: u32) -> Place {
    Place::outside_of(Caller::Unix(uid))
}

/// An app's login, for which an upstream is dialled that greets like this.
pub(super) async fn dialled_for(
    door: &mut Door,
    (place, response): (Place, &Response<'_>),
    greeting: &Greeting<'_>,
) -> (App, Peer<TlsStream<DuplexStream>>) {
    let mut app = door.app_at(place);
    let mut database = door.dialled().await;
    database.say(&greeting.encode()).await;
    app.hear().await;
    app.say(&response.encode().unwrap()).await;
    let mut database = door.seal(database).await;
    database.hear().await;
    database.take_token(TOKEN).await;
    assert_eq!(app.hear().await, OK);
    (app, database)
}

/// The session that is made next, and what was said for it.
async fn made(door: &mut Door, thread_id: u32) -> (Peer<TlsStream<DuplexStream>>, Vec<u8>) {
    let mut database = door.dialled().await;
    let greeting = Greeting {
        thread_id,
        ..greeting()
    };
    database.say(&greeting.encode()).await;
    let mut database = door.seal(database).await;
    let said = database.hear().await;
    database.take_token(TOKEN).await;
    // It is in the stock when nothing is left to do.
    sleep(Duration::from_millis(1)).await;
    (database, said)
}

/// Two apps of one login have come, and one session waits for the third.
pub(super) async fn learned(door: &mut Door) -> (Vec<App>, Peer<TlsStream<DuplexStream>>) {
    let mut apps = Vec::new();
    for _ in 0..2 {
        let (app, database) = dialled_for(door, (of(1), &app_response()), &greeting()).await;
        apps.push(app);
        // The session goes on without its database for all that matters here.
        std::mem::forget(database);
    }
    let (database, _) = made(door, MADE).await;
    (apps, database)
}

/// An app of user 1, and whose greeting it has read.
pub(super) async fn greeted(door: &Door) -> (App, u32) {
    let mut app = door.app_at(of(1));
    let greeting = app.hear().await;
    let number = Greeting::parse(&greeting).unwrap().thread_id;
    (app, number)
}

fn reasons(door: &Door) -> Vec<(Found, usize)> {
    door.lobby.state.kept.patterns().tally.reasons()
}

#[tokio::test(start_paused = true)]
async fn an_app_like_those_before_is_in_without_a_word_to_the_upstream() {
    let mut door = door_with(1);
    let (_apps, mut database) = learned(&mut door).await;
    let (mut app, number) = greeted(&door).await;
    assert_eq!(number, MADE);
    app.say(&response()).await;
    assert_eq!(app.hear().await, OK);
    app.command(b"\x0e").await;
    assert_eq!(database.hear_command().await, b"\x0e", "the first word");
    database.say(OK).await;
    assert_eq!(app.hear().await, OK);
    // The next has one, too.
    let _database = made(&mut door, MADE + 1).await;
    assert_eq!(greeted(&door).await.1, MADE + 1);
}

#[tokio::test(start_paused = true)]
async fn it_is_made_by_the_same_login_but_for_the_process() {
    let attributes = |pid: &'static [u8]| [b"\x0e\x04_pid\x02", pid, b"\x03key\x01v"].concat();
    let mut door = door_with(1);
    let mut sent = Vec::new();
    for pid in [b"17", b"18"] {
        let attributes = attributes(pid);
        let response = Response {
            attributes: &attributes,
            ..app_response()
        };
        let mut app = door.app_at(of(1));
        let database = door.greeting().await;
        app.hear().await;
        app.say(&response.encode().unwrap()).await;
        let mut database = door.seal(database).await;
        sent = database.hear().await;
        database.take_token(TOKEN).await;
        assert_eq!(app.hear().await, OK);
        std::mem::forget((app, database));
    }
    let (_database, said) = made(&mut door, MADE).await;
    let expected = Response {
        attributes: b"\x06\x03key\x01v",
        ..parsed(&sent)
    };
    assert_eq!(said, expected.encode().unwrap());
    let attributes = attributes(b"19");
    let response = Response {
        attributes: &attributes,
        ..app_response()
    };
    let (mut app, number) = greeted(&door).await;
    assert_eq!(number, MADE);
    app.say(&response.encode().unwrap()).await;
    assert_eq!(app.hear().await, OK);
}

#[tokio::test(start_paused = true)]
async fn an_app_that_is_another_ends_the_session_whose_number_it_knows_and_is_in_by_its_own() {
    let flags = |bit: u32| Capabilities(app_response().capabilities.0 ^ (1 << bit));
    let others = [
        (
            Response {
                database: Some(b"other"),
                ..app_response()
            },
            "database",
        ),
        (
            Response {
                database: None,
                ..app_response()
            },
            "database",
        ),
        (
            Response {
                charset: 33,
                ..app_response()
            },
            "character set",
        ),
        (
            Response {
                max_packet: 1 << 20,
                ..app_response()
            },
            "max_packet",
        ),
        (
            Response {
                capabilities: flags(1),
                ..app_response()
            },
            "capabilities",
        ),
        (
            Response {
                capabilities: flags(24),
                ..app_response()
            },
            "capabilities",
        ),
        (
            Response {
                attributes: b"\x07\x03key\x02vm",
                ..app_response()
            },
            "connection attributes",
        ),
        (
            Response {
                attributes: b"\x0e\x0cprogram_name\x00",
                ..app_response()
            },
            "connection attributes",
        ),
        (
            Response {
                attributes: b"\x0f\x0cprogram_name\x01p",
                ..app_response()
            },
            "program_name",
        ),
    ];
    for (other, name) in others {
        let mut door = door_with(1);
        let (_apps, mut database) = learned(&mut door).await;
        let (mut app, number) = greeted(&door).await;
        assert_eq!(number, MADE, "{name}");
        app.say(&other.encode().unwrap()).await;
        assert_eq!(database.hear_command().await, [Command::QUIT.0], "{name}");
        assert_eq!(database.hear_out().await, b"");
        let database = door.greeting().await;
        let mut database = door.seal(database).await;
        database.hear().await;
        database.take_token(TOKEN).await;
        assert_eq!(app.hear().await, OK);
        let why = Found::Differs(name.as_bytes().into());
        assert!(
            reasons(&door).contains(&(why, 1)),
            "{name}: {:?}",
            reasons(&door)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_app_of_somebody_else_does_not_even_read_its_greeting() {
    let mut door = door_with(1);
    let (_apps, _database) = learned(&mut door).await;
    for place in [
        of(2),
        Place::outside(),
        Place::outside_of(Caller::Tcp(([127, 0, 0, 9], 1).into())),
    ] {
        let (app, _database) = dialled_for(&mut door, (place, &app_response()), &greeting()).await;
        drop(app);
    }
    assert_eq!(greeted(&door).await.1, MADE);
}

#[tokio::test(start_paused = true)]
async fn an_app_that_comes_to_nothing_costs_nobody_a_session() {
    let principals = |route: &mut Route| {
        let Principals::One(principal) = &route.principals else {
            unreachable!("the house has one")
        };
        route.principals = Principals::ByAppUser(vec![("ann".into(), Arc::clone(principal))]);
    };
    let mut door = Door::with(|route| {
        route.keeping.ready = 1;
        principals(route);
    });
    let (_apps, _database) = learned(&mut door).await;
    let unknown = Response {
        user: b"zed",
        ..app_response()
    };
    let ends: [&[u8]; 4] = [
        b"",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x05\0\0\x01\x00\x02\0\0\0",
        b"\x16",
    ];
    for end in ends {
        let (mut app, number) = greeted(&door).await;
        assert_eq!(number, MADE, "{end:?}");
        if !end.is_empty() {
            app.say_bytes(end).await;
        }
        let App { peer, session } = app;
        drop(peer);
        session.await.unwrap();
    }
    let (mut app, number) = greeted(&door).await;
    assert_eq!(number, MADE);
    app.say(&unknown.encode().unwrap()).await;
    assert_eq!(app.refused().await.0, 1045);
    let (mut app, number) = greeted(&door).await;
    assert_eq!(number, MADE);
    // One app at a time.
    let mut other = door.app_at(of(1));
    let database = door.greeting().await;
    other.hear().await;
    app.say(&response()).await;
    assert_eq!(app.hear().await, OK);
    drop(other);
    drop(database);
}

#[tokio::test(start_paused = true)]
async fn one_whose_upstream_has_said_or_ended_anything_is_nobodys() {
    for is_shown in [false, true] {
        for says in [&b"\x01\0\0\0\x0e"[..], b""] {
            let mut door = door_with(1);
            let (_apps, mut database) = learned(&mut door).await;
            let shown = match is_shown {
                true => Some(greeted(&door).await.0),
                false => None,
            };
            match says {
                b"" => drop(database),
                says => {
                    database.say_bytes(says).await;
                    std::mem::forget(database);
                }
            }
            sleep(Duration::from_millis(1)).await;
            let mut app = shown.unwrap_or_else(|| door.app_at(of(1)));
            if is_shown {
                app.say(&response()).await;
            }
            let upstream = door.greeting().await;
            if !is_shown {
                let number = Greeting::parse(&app.hear().await).unwrap().thread_id;
                assert_eq!(number, greeting().thread_id);
                app.say(&response()).await;
            }
            let mut upstream = door.seal(upstream).await;
            upstream.hear().await;
            upstream.take_token(TOKEN).await;
            assert_eq!(app.hear().await, OK);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_greets_otherwise_makes_none() {
    let mut door = door_with(1);
    for _ in 0..2 {
        let login = (of(1), &app_response());
        std::mem::forget(dialled_for(&mut door, login, &greeting()).await);
    }
    let mut database = door.dialled().await;
    let other = Greeting {
        capabilities: CAPABILITIES.without(Capabilities::DEPRECATE_EOF),
        ..greeting()
    };
    database.say(&other.encode()).await;
    let mut database = door.seal(database).await;
    database.hear().await;
    database.take_token(TOKEN).await;
    assert_eq!(database.hear_command().await, [Command::QUIT.0]);
    assert_eq!(database.hear_out().await, b"");
}

#[tokio::test(start_paused = true)]
async fn one_that_is_being_made_at_the_end_of_the_proxy_is_made_and_says_goodbye_unless_its_upstream_is_silent()
 {
    for is_silent in [false, true] {
        let mut door = door_with(1);
        for _ in 0..2 {
            let login = (of(1), &app_response());
            std::mem::forget(dialled_for(&mut door, login, &greeting()).await);
        }
        let database = door.greeting().await;
        let mut database = door.seal(database).await;
        database.hear().await;
        door.lobby.closing.cancel();
        let began = tokio::time::Instant::now();
        if !is_silent {
            database.take_token(TOKEN).await;
            assert_eq!(database.hear_command().await, [Command::QUIT.0]);
        }
        assert_eq!(database.hear_out().await, b"");
        assert!(began.elapsed() <= Duration::from_secs(2));
        assert_eq!(door.lobby.state.kept.stock.count(|_, _| true), 0);
    }
}

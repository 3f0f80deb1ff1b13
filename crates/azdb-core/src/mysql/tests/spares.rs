//! What a login that comes to nothing costs the server: neither an end without a word nor, where it can be known before, a dial.

use std::time::Duration;

use azdb_config::route::Principals;
use azdb_wire::mysql::Command;

use super::*;

/// What an upstream hears that nobody needed: a login as any other, and COM_QUIT.
pub(super) async fn hears_goodbye(door: &mut Door, database: Peer<DuplexStream>) {
    let mut database = door.seal(database).await;
    let sent = database.hear().await;
    assert_eq!(parsed(&sent).user, PRINCIPAL.as_bytes());
    database.take_token(TOKEN).await;
    assert_eq!(database.hear_command().await, [Command::QUIT.0]);
    assert_eq!(database.hear_out().await, b"");
}

/// How an app of a route ends that has been greeted.
type Ends = fn(&mut App) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>>;

const ENDS: [Ends; 6] = [
    // It leaves.
    |app| Box::pin(async { app.peer.stream = duplex(1).0 }),
    // It is a browser.
    |app| Box::pin(app.say_bytes(b"GET / HTTP/1.1\r\n\r\n")),
    // It is from before 4.1.
    |app| Box::pin(app.say(b"\x05\x04\0\0\x01ann\0")),
    // It is malformed.
    |app| Box::pin(app.say(b"\x00\x02\x00\x00\x01")),
    // It breaks TLS off.
    |app| {
        Box::pin(async {
            let mut response = app_response();
            response.capabilities = response.capabilities | Capabilities::SSL;
            app.say(&response.encode_tls_request()).await;
            app.say_bytes(b"\x15\x03\x01\0\x02\x02\x30").await;
        })
    },
    // It is unknown.
    |app| {
        Box::pin(async {
            let response = Response {
                user: b"zed",
                ..app_response()
            };
            app.say(&response.encode().unwrap()).await;
        })
    },
];

/// A route that knows one user.
fn door_for_ann() -> Door {
    Door::with(|route| {
        let Principals::One(principal) = &route.principals else {
            unreachable!("the house has one")
        };
        route.principals = Principals::ByAppUser(vec![("ann".into(), Arc::clone(principal))]);
    })
}

#[tokio::test(start_paused = true)]
async fn whatever_becomes_of_an_app_its_upstream_is_the_next_ones() {
    for end in ENDS {
        let mut door = door_for_ann();
        let mut app = door.app();
        let database = door.greeting().await;
        app.hear().await;
        end(&mut app).await;
        app.hear_out().await;
        let App { peer, session } = app;
        drop(peer);
        session.await.unwrap();
        is_the_next_apps(&mut door, database).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_nobody_takes_hears_a_goodbye_in_order() {
    for end in ENDS {
        let mut door = door_for_ann();
        let mut app = door.app();
        let database = door.greeting().await;
        app.hear().await;
        end(&mut app).await;
        hears_goodbye(&mut door, database).await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_was_dialled_under_other_settings_is_nobodys() {
    let mut door = Door::new();
    let mut probe = door.app();
    let kept = door.greeting().await;
    probe.hear().await;
    drop(probe.peer);
    probe.session.await.unwrap();
    // The configuration is read again: the state goes on, under other settings.
    let house = House::<Mysql>::spoken(|route| {
        route.upstream.iter_mut().for_each(|at| at.port = 3307);
    });
    let lobby = Lobby {
        state: Arc::clone(&door.lobby.state),
        dialler: door.lobby.dialler.clone(),
        ..house.lobby
    };
    lobby.state.go_on_under(&lobby.route, &door.lobby.route);
    assert_eq!(lobby.state.own.last_greeting(), None);
    door.lobby = Arc::new(lobby);
    let mut app = door.app();
    let (stream, dialled) = door.databases.recv().await.unwrap();
    assert_eq!(dialled.port, 3307);
    Peer::new(stream).say(&greeting().encode()).await;
    app.hear().await;
    hears_goodbye(&mut door, kept).await;
}

#[tokio::test(start_paused = true)]
async fn at_the_end_of_the_proxy_it_hears_it_at_once() {
    let mut door = Door::new();
    let mut probe = door.app();
    let kept = door.greeting().await;
    probe.hear().await;
    let mut waits = door.app();
    let held = door.greeting().await;
    waits.hear().await;
    drop(probe.peer);
    probe.session.await.unwrap();
    door.lobby.closing.cancel();
    let began = tokio::time::Instant::now();
    hears_goodbye(&mut door, kept).await;
    waits.say(&response()).await;
    assert_eq!(waits.refused().await.0, 1053);
    hears_goodbye(&mut door, held).await;
    assert!(began.elapsed() < Duration::from_secs(2));
    // The process waits for it.
    door.lobby.tasks.close();
    door.lobby.tasks.wait().await;
}

#[tokio::test(start_paused = true)]
async fn a_login_that_is_cut_short_gives_its_upstream_back() {
    let mut door = Door::new();
    let mut app = door.app();
    let database = door.greeting().await;
    app.hear().await;
    door.ending.goodbye.cancel();
    assert_eq!(app.hear_out().await, b"");
    hears_goodbye(&mut door, database).await;
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_nobody_can_log_in_to_is_told_nobodys_name() {
    for offers_tls in [false, true] {
        let mut door = Door::new();
        let probe = door.app();
        let mut database = door.dialled().await;
        let offered = greeting()
            .capabilities
            .with_if(Capabilities::SSL, offers_tls);
        let greeting = Greeting {
            capabilities: offered,
            ..greeting()
        };
        database.say(&greeting.encode()).await;
        drop(probe);
        if offers_tls {
            hears_goodbye(&mut door, database).await;
            continue;
        }
        let response = database.hear().await;
        assert_eq!(parsed(&response).user, b"");
        database.refuse(1045, "Access denied for user ''").await;
        assert_eq!(database.hear_out().await, b"");
    }
}

#[tokio::test(start_paused = true)]
async fn a_crowd_of_apps_does_not_wait_for_two_seats() {
    const CROWD: usize = 200;
    let mut door = Door::with(|route| route.max_connections = CROWD);
    let began = tokio::time::Instant::now();
    let mut apps: Vec<App> = (0..CROWD).map(|_| door.app()).collect();
    // Far away: nobody greets before everybody has been dialled.
    let mut databases = Vec::new();
    for _ in 0..CROWD {
        databases.push(door.dialled().await);
    }
    assert!(began.elapsed() < Duration::from_millis(100));
    for database in &mut databases {
        database.say(&greeting().encode()).await;
    }
    for app in &mut apps {
        app.hear().await;
        app.say(&response()).await;
    }
    assert!(began.elapsed() < Duration::from_millis(100));
}

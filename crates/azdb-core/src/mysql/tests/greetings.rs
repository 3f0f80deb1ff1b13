//! What an app reads first, with an upstream and without.

use azdb_config::route::LocalTls;

use super::*;

#[tokio::test(start_paused = true)]
async fn the_app_reads_the_upstreams_own_greeting_masked() {
    let mut door = Door::new();
    let mut app = door.app();
    let _database = door.greeting().await;
    let read = app.hear().await;
    let read = Greeting::parse(&read).unwrap();
    let expected = Greeting {
        scramble: read.scramble,
        capabilities: read.capabilities,
        ..greeting()
    };
    assert_eq!(read, expected);
    assert_ne!(read.scramble, SALT);
    assert!(read.scramble.iter().all(|byte| (1..128).contains(byte)));
    assert!(!read.capabilities.has(Capabilities::MULTI_FACTOR));
    let ours = Capabilities::COMPRESS | Capabilities::ZSTD_COMPRESSION | Capabilities::SSL;
    assert!(read.capabilities.has(ours | Capabilities::LOCAL_FILES));
}

#[tokio::test(start_paused = true)]
async fn tls_and_files_are_offered_as_the_route_says() {
    let mut door = Door::with(|route| {
        route.local_files = LocalFiles::Deny;
        route.local_tls = LocalTls::Off;
    });
    let mut app = door.app();
    let _database = door.greeting().await;
    let read = app.hear().await;
    let offered = Greeting::parse(&read).unwrap().capabilities;
    assert_eq!(
        offered.0 & (Capabilities::SSL | Capabilities::LOCAL_FILES).0,
        0
    );
}

#[tokio::test(start_paused = true)]
async fn tls_is_not_offered_where_old_apps_would_insist_on_an_older_one() {
    for (version, local_tls, expected) in [
        ("5.7.44-azure-log", LocalTls::Auto, false),
        ("8.0.3-rc", LocalTls::Auto, false),
        ("8.0.4", LocalTls::Auto, true),
        ("8.4.0-azure", LocalTls::Auto, true),
        ("5.5.5-10.11.6-MariaDB", LocalTls::Auto, true),
        ("unknown", LocalTls::Auto, true),
        ("5.7.44-azure-log", LocalTls::Always, true),
        ("5.7.44-azure-log", LocalTls::Off, false),
    ] {
        let mut door = Door::with(|route| route.local_tls = local_tls.clone());
        let mut app = door.app();
        let old = Greeting {
            version: version.as_bytes(),
            ..greeting()
        };
        door.dialled().await.say(&old.encode()).await;
        let read = app.hear().await;
        let offered = Greeting::parse(&read).unwrap().capabilities;
        let is_offered = offered.has(Capabilities::SSL);
        assert_eq!(is_offered, expected, "{version}, {local_tls:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn tls_is_offered_before_an_upstream_that_was_never_met() {
    let mut door = Door::new();
    let mut app = door.app();
    drop(door.dialled().await);
    let read = app.hear().await;
    let offered = Greeting::parse(&read).unwrap().capabilities;
    assert!(offered.has(Capabilities::SSL), "an app may insist on it");
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_refuses_at_once_is_told_after_a_greeting_and_a_response() {
    for (code, expected, said) in [
        (1040, 1040, "no connection left"),
        (1129, 1105, "FLUSH HOSTS"),
        (1130, 1105, "firewall"),
        (2003, 1105, "error reference"),
    ] {
        let mut door = Door::new();
        let mut app = door.app();
        let mut database = door.dialled().await;
        let unvouched = ErrorPacket {
            code,
            sqlstate: None,
            message: b"run this as root",
        };
        database.say(&unvouched.encode()).await;
        let synthetic = app.hear().await;
        assert_eq!(Greeting::parse(&synthetic).unwrap().plugin, plugin::NATIVE);
        app.say(&response()).await;
        let (read, text) = app.refused().await;
        assert_eq!(read, expected);
        assert!(
            text.starts_with("azdb-proxy: ") && text.contains(said),
            "{text}"
        );
        assert!(!text.contains("root"), "nothing vouches for it: {text}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_app_of_an_upstream_that_has_gone_reads_the_version_that_it_had() {
    let mut door = Door::new();
    let mut first = door.app();
    let database = door.greeting().await;
    first.hear().await;
    drop((first, database));

    let mut app = door.app();
    drop(door.dialled().await);
    let synthetic = app.hear().await;
    assert_eq!(
        Greeting::parse(&synthetic).unwrap().version,
        greeting().version
    );
    app.say(&response()).await;
    let (code, text) = app.refused().await;
    assert_eq!(code, 1105);
    assert!(
        text.starts_with(
            "azdb-proxy: lost `db.example.org:3306` at 127.0.0.1 while waiting for its greeting"
        ),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_stays_silent_is_given_up_before_the_app_gives_up() {
    let mut door = Door::new();
    let mut app = door.app();
    let began = tokio::time::Instant::now();
    let _silent = door.dialled().await;
    app.hear().await;
    app.say(&response()).await;
    let (code, text) = app.refused().await;
    assert_eq!(code, 1105);
    assert!(text.contains("waiting for its greeting"), "{text}");
    assert!(began.elapsed() < door.lobby.route.login_timeout);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_greeting_of_version_10_is_refused() {
    for payload in [&b"\x093.23.58\0"[..], b"HTTP/1.1 400 Bad Request", b""] {
        let mut door = Door::new();
        let mut app = door.app();
        door.dialled().await.say(payload).await;
        app.hear().await;
        app.say(&response()).await;
        let (code, text) = app.refused().await;
        assert_eq!(code, 1105);
        assert!(
            text.contains("check that the upstream is a server of MySQL"),
            "{text}"
        );
    }
}

//! What is told of sessions that wait, and why logins have found none: at `/status`, as a program and as a browser reads it, and by
//! `azdb-proxy status`.

use std::net::SocketAddr;
use std::time::Instant;

use azdb_tests::{AzureSql, Emulated, Encrypt, MysqlPeer, PATIENCE, Page, Proxy, SqlApp, Start};
use serde_json::{Value, json};

const ADMIN: &str = "[admin]\nlisten = \"127.0.0.1:0\"\n";

/// What is told of the first route's sessions that wait.
#[track_caller]
fn kept(admin: SocketAddr) -> Value {
    let page = Page::at(admin, "GET", "/status", "Accept: application/json\r\n");
    assert_eq!(page.code(), 200, "{page:?}");
    let mut status: Value = serde_json::from_str(&page.body).unwrap();
    status["routes"][0]["kept"].take()
}

/// Reads it until so many wait.
#[track_caller]
fn until_ready(admin: SocketAddr, count: usize) {
    let until = Instant::now() + PATIENCE;
    loop {
        let told = kept(admin);
        if told["ready_waiting"] == count {
            return;
        }
        assert!(Instant::now() < until, "{told}");
        std::thread::yield_now();
    }
}

/// A story of a route with one session ready. `log_in` is an app that comes and goes; with a number it differs from all others in `field`.
#[track_caller]
fn assert_told(proxy: &Proxy, field: &str, log_in: impl Fn(Option<usize>)) {
    let admin = proxy.endpoint("Admin");
    assert_eq!(kept(admin), told(0, 0, 0, &[]));
    log_in(None);
    log_in(None);
    until_ready(admin, 1);
    log_in(None);
    until_ready(admin, 1);
    log_in(Some(0));
    until_ready(admin, 1);
    let differs = format!("1 differs in {field}");
    let why = [
        &differs,
        "1 came before any other like it",
        "1 came when none was left",
    ];
    assert_eq!(kept(admin), told(1, 4, 1, &why));
    // As a person reads it, in a browser and in a terminal.
    let page = Page::at(admin, "GET", "/status", "Accept: text/html\r\n");
    assert!(page.head.contains("text/html"), "{page:?}");
    let ran = Start::new(&["status", "--at", &admin.to_string()]).run();
    for text in [&page.body, ran.succeeded()] {
        assert!(why.iter().all(|why| text.contains(why)), "{text}");
    }
    // Of the last twenty too few have found one.
    (1..=16).for_each(|number| log_in(Some(number)));
    let told = kept(admin);
    assert_eq!(told["last_logins"], 20, "{told}");
    assert_eq!(
        told["last_logins_missed"][0],
        format!("17 differs in {field}"),
        "{told}"
    );
    let stopped = told["ready_stopped"].as_str().unwrap_or_default();
    assert!(stopped.starts_with("fewer than 5 of the last 20"), "{told}");
    let ran = Start::new(&["status", "--at", &admin.to_string()]).run();
    assert!(ran.succeeded().contains(stopped), "{ran:?}");
}

fn told(ready: usize, logins: usize, hits: usize, missed: &[&str]) -> Value {
    json!({
        "ready_waiting": ready,
        "reused_waiting": 0,
        "last_logins": logins,
        "last_logins_hits": hits,
        "last_logins_missed": missed,
    })
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no psql: see scripts/test")]
fn apps_of_postgres_that_differ_in_their_name() {
    let emulated = Emulated::new();
    let route = emulated.route() + "ready_sessions = 1\n";
    let proxy = emulated.start(&(ADMIN.to_owned() + &route)).start();
    assert_told(&proxy, "application_name", |number| {
        let name = number.map_or("shop".to_owned(), |number| format!("shop {number}"));
        let app = proxy.app().told("PGAPPNAME", name);
        assert_eq!(app.query("select 1"), "1");
    });
}

#[test]
fn apps_of_mysql_that_differ_in_their_longest_packet() {
    let emulated = Emulated::new();
    let route = emulated.mysql_route() + "ready_sessions = 1\n";
    let proxy = emulated.start(&(ADMIN.to_owned() + &route)).start();
    assert_told(&proxy, "max_packet", |number| {
        let longest = u32::try_from(number.map_or(0, |number| number + 1)).unwrap() + (1 << 24);
        // PROTOCOL_41, SECURE_CONNECTION and bit 0.
        let mut response = [0x8201_u32.to_le_bytes(), longest.to_le_bytes()].concat();
        response.push(45);
        response.resize(32, 0);
        response.extend(b"anyone\0\0");
        let mut app = MysqlPeer::connect(proxy.address());
        let _ = app.hear();
        app.say(&response);
        assert_eq!(app.hear().first(), Some(&0));
        app.command(b"\x01");
        assert_eq!(app.rest(), b"");
    });
}

#[test]
#[cfg_attr(not(has_freetds), ignore = "no FreeTDS: see scripts/test")]
fn apps_of_sql_server_that_differ_in_their_name() {
    let azure = AzureSql::new();
    let route = azure.route() + "ready_sessions = 1\n";
    let proxy = Start::run_with(&(ADMIN.to_owned() + &route))
        .envs(azure.environment())
        .start();
    let app = SqlApp::of(&proxy, Encrypt::Off);
    assert_told(&proxy, "application name", |number| {
        let name = number.map_or("shop".to_owned(), |number| format!("shop {number}"));
        let script = "select name from products where id = 3\ngo\n";
        let ran = app.freetds("tsql").args(["-a", &name]).stdin(script).run();
        assert!(ran.stdout.contains("Aged pecorino"), "{ran:?}");
    });
}

#[test]
fn a_route_that_keeps_nothing_tells_nothing() {
    let emulated = Emulated::new();
    let proxy = emulated
        .start(&(ADMIN.to_owned() + &emulated.route()))
        .start();
    assert_eq!(kept(proxy.endpoint("Admin")), Value::Null);
}

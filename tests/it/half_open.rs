//! Many connections that never log in, and the few that do.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};

use azdb_tests::{Azure, Proxy, RawApp, Shop, Start, packets};

/// Files that the proxy may open: 64 of them are for arrivals of each door.
const FILES: &str = "ulimit -n 256";
const CROWD: usize = 400;

/// A ClientHello that stops in its middle.
const HALF_A_HELLO: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03half a hello";

fn proxy(azure: &Azure) -> Proxy {
    let start = Start::run_after(FILES, &azure.route());
    start.envs(azure.identity.environment()).start()
}

/// Connections that say this and no more.
fn crowd(address: SocketAddr, first: &[u8]) -> Vec<TcpStream> {
    let come = |_| {
        let mut stream = TcpStream::connect(address).unwrap();
        let _ = stream.write_all(first);
        stream
    };
    (0..CROWD).map(come).collect()
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn honest_logins_go_through_beside_a_crowd_of_half_open_connections() {
    let azure = Azure::new();
    let proxy = proxy(&azure);
    let kinds: [&[u8]; 3] = [b"", b"\0", HALF_A_HELLO];
    let mut crowds = Vec::new();
    for kind in kinds {
        crowds.push(crowd(proxy.address(), kind));
        for _ in 0..5 {
            let mut app = RawApp::connect(proxy.address());
            app.log_in("anyone");
            app.leave();
        }
    }
    let line = proxy.log_until("wait without a login");
    assert!(
        line.contains("door=orders") && line.contains("most_from=127.0.0.1"),
        "{line}"
    );
    drop(crowds);
    let over = proxy.log_until("the crowd of connections without a login is over");
    assert!(
        over.contains("closed=") && over.contains("lasted_s="),
        "{over}"
    );
    let log = proxy.log();
    for once in ["wait without a login", "without a login is over"] {
        assert_eq!(log.matches(once).count(), 1, "{log}");
    }
    assert!(!log.contains("login refused"), "{log}");
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn a_cancel_request_goes_through_beside_a_crowd() {
    let azure = Azure::new();
    let proxy = proxy(&azure);
    let mut app = RawApp::connect(proxy.address());
    let key = app.log_in("anyone");
    app.send(&packets::query("select pg_sleep(600)"));
    let sleeping =
        "exists (select from pg_stat_activity where query = 'select pg_sleep(600)' and usename = ";
    azure
        .server
        .admin_until(&format!("{sleeping}'{}')", azure.role));
    let _crowd = crowd(proxy.address(), b"");
    let mut cancel = RawApp::connect(proxy.address());
    cancel.send(&packets::cancel(&key));
    assert_eq!(cancel.rest(), b"");
    let error = loop {
        let message = app.message();
        if message.tag == b'E' {
            break message;
        }
    };
    assert_eq!(error.field('C').as_deref(), Some("57014"));
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn whoever_leaves_before_a_login_is_a_line_at_debug() {
    let azure = Azure::new();
    let proxy = azure
        .start(&azure.route())
        .env("AZDB_PROXY_LOG_LEVEL", "debug")
        .start();
    for first in [&b""[..], b"\0", &packets::SSL_REQUEST, HALF_A_HELLO] {
        // Half-closed, closed, reset.
        let mut half = RawApp::connect(proxy.address());
        half.send(first);
        half.finish();
        let _ = half.rest();
        let mut closed = RawApp::connect(proxy.address());
        closed.send(first);
        drop(closed);
    }
    // A connection that is closed before its last bytes are read resets.
    let mut reset = TcpStream::connect(proxy.address()).unwrap();
    reset.write_all(&packets::SSL_REQUEST).unwrap();
    reset.peek(&mut [0]).unwrap();
    drop(reset);
    assert_eq!(proxy.app().query("select 1"), "1");
    proxy.log_until("session ended");
    let log = proxy.log();
    assert!(
        !log.contains("login refused") && !log.contains(" WARN session"),
        "{log}"
    );
}

#[test]
#[cfg_attr(
    not(has_mariadb),
    ignore = "no MariaDB to write a PAM service for: see scripts/test"
)]
fn honest_logins_of_mysql_go_through_beside_a_crowd_that_comes_again() {
    let shop = Shop::new();
    let start = Start::run_after(FILES, &shop.route());
    let proxy = start.envs(shop.identity.environment()).start();
    // Before the crowd comes somebody has met the upstream.
    assert_eq!(proxy.mysql_app().query("select 1"), "1");
    for first in [&b""[..], b"\x20"] {
        let _crowd = crowd(proxy.address(), first);
        for number in 0..5 {
            let more = crowd(proxy.address(), first);
            let answer = proxy.mysql_app().query(&format!("select {number}"));
            assert_eq!(answer, number.to_string());
            drop(more);
        }
    }
    proxy.log_until("wait without a login");
}

//! Whatever looks whether somebody is there: a line for who looks closely, and no refused login.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use azdb_tests::{AzureSql, Emulated, MysqlPeer, PATIENCE, Program, Proxy, RawApp, Shop, Start};
use rustix::net::sockopt::set_socket_linger;

const DEBUG: &str = "[process]\nlog_level = \"info,azdb_core=debug\"\n[admin]\nlisten = \"off\"\n";

/// Nobody was refused, and nobody was warned.
#[track_caller]
fn is_calm(proxy: &Proxy) {
    let log = proxy.log();
    // A balancer that is not told of in the configuration is told of in the log, once.
    let loud = log.lines().filter(|line| {
        let is_header = line.contains("no login: a header of the PROXY protocol");
        line.contains("login refused") || (line.contains(" WARN session") && !is_header)
    });
    assert_eq!(loud.count(), 0, "{log}");
}

/// What HAProxy thinks of its servers: name of the backend, status, status of the last check.
fn checked(socket: &Path) -> Vec<(String, String, String)> {
    let Ok(mut stream) = UnixStream::connect(socket) else {
        return Vec::new();
    };
    stream.write_all(b"show stat\n").unwrap();
    let mut table = String::new();
    stream.read_to_string(&mut table).unwrap();
    let rows = table
        .lines()
        .map(|line| line.split(',').collect::<Vec<_>>());
    rows.filter(|row| row.get(1) == Some(&"one"))
        .map(|row| (row[0].to_owned(), row[17].to_owned(), row[36].to_owned()))
        .collect()
}

#[test]
#[cfg_attr(
    not(all(has_mariadb, has_haproxy)),
    ignore = "no HAProxy, or no MariaDB to write a PAM service for: see scripts/test"
)]
fn every_check_of_haproxy_finds_the_proxy_up() {
    let (shop, emulated) = (Shop::new(), Emulated::new());
    let mysql = shop.start(&(DEBUG.to_owned() + &shop.route())).start();
    let health = "[health]\nlisten = \"127.0.0.1:0\"\n";
    let postgres = emulated
        .start(&(DEBUG.to_owned() + health + &emulated.route()))
        .start();
    let line = postgres.log_until("endpoint=Health");
    let health = line
        .split("listen=")
        .nth(1)
        .unwrap()
        .split(' ')
        .next()
        .unwrap()
        .to_owned();

    let directory = tempfile::TempDir::new().unwrap();
    let socket = directory.path().join("stats");
    let mut configuration = format!(
        "global\n  stats socket {}\ndefaults\n  mode tcp\n  timeout connect 20s\n  timeout client 20s\n  timeout server 20s\n  \
         timeout check 20s\n",
        socket.display()
    );
    for (name, check, address) in [
        (
            "mysql-check",
            "option mysql-check user haproxy",
            mysql.door(),
        ),
        ("mysql-tcp", "option tcp-check", mysql.door()),
        ("mysql-plain", "", mysql.door()),
        (
            "pgsql-check",
            "option pgsql-check user haproxy",
            postgres.door(),
        ),
        ("pgsql-tcp", "option tcp-check", postgres.door()),
        ("pgsql-plain", "", postgres.door()),
        ("http", "option httpchk GET /liveness", &health),
    ] {
        configuration +=
            &format!("backend {name}\n  {check}\n  server one {address} check inter 200ms\n");
    }
    let file = directory.path().join("haproxy.cfg");
    std::fs::write(&file, configuration).unwrap();
    let _haproxy = Program::new("haproxy")
        .args(["-db", "-f"])
        .arg(&file)
        .start();

    let until = Instant::now() + PATIENCE;
    loop {
        let found = checked(&socket);
        let up = |(_, status, check): &(String, String, String)| {
            status == "UP" && ["L4OK", "L7OK"].contains(&check.as_str())
        };
        if found.len() == 7 && found.iter().all(up) {
            break;
        }
        assert!(Instant::now() < until, "{found:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
    mysql.log_until("session ended");
    for proxy in [&mysql, &postgres] {
        is_calm(proxy);
    }
}

#[test]
#[cfg_attr(
    not(has_mariadb),
    ignore = "no MariaDB to write a PAM service for: see scripts/test"
)]
fn what_is_no_app_is_one_line_at_debug() {
    let (shop, emulated) = (Shop::new(), Emulated::new());
    let mysql = shop.start(&(DEBUG.to_owned() + &shop.route())).start();
    let postgres = emulated
        .start(&(DEBUG.to_owned() + &emulated.route()))
        .start();
    for (proxy, tells) in [
        (&mysql, "azdb-proxy: a header of the PROXY protocol"),
        (&postgres, "azdb-proxy: a header of the PROXY protocol"),
    ] {
        for (bytes, line) in [
            (
                &b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..],
                "no login: a request of HTTP",
            ),
            (
                b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n",
                "no login: a header of the PROXY protocol",
            ),
            (
                b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x0a\0\0\x01\x0a\0\0\x02\0\x01\0\x02",
                "no login: a header of the PROXY protocol",
            ),
            (b"", "no login: a probe, which left without a byte"),
        ] {
            let mut app = RawApp::connect(proxy.address());
            app.send(bytes);
            if bytes.is_empty() {
                app.finish();
            }
            let heard = app.rest();
            proxy.log_until(line);
            if line.contains("PROXY") {
                let heard = String::from_utf8_lossy(&heard);
                assert!(heard.contains(tells), "{heard}");
            }
        }
        is_calm(proxy);
    }
    // A handshake of TLS where MySQL begins in the clear: its length reads as that of an answer to the greeting.
    let mut app = RawApp::connect(mysql.address());
    app.send(b"\x16\x03\x01\x01\x2c\x01\0\x01\x28\x03\x03");
    let _ = app.rest();
    mysql.log_until("no login: a handshake of TLS where none is due");
    // One that answers the greeting before it has read it, and leaves with it.
    let mut early = MysqlPeer::connect(mysql.address());
    early.say_bytes(b"\x22\0\0\x01\0\x82\0\0\0\x80\0\x01\x21\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\x01");
    assert_eq!(early.hear().first(), Some(&10));
    assert_eq!(early.hear().first(), Some(&0));
    is_calm(&mysql);
}

/// A ClientHello of TLS 1.1, without extensions.
fn old_hello() -> Vec<u8> {
    let mut hello = vec![3, 2];
    hello.extend([7; 32]);
    hello.extend([0, 0, 4, 0, 0x2f, 0, 0x35, 1, 0]);
    let body = [&[1, 0, 0, u8::try_from(hello.len()).unwrap()], &hello[..]].concat();
    [
        &[0x16, 3, 1, 0, u8::try_from(body.len()).unwrap()],
        &body[..],
    ]
    .concat()
}

#[test]
#[cfg_attr(
    not(has_mariadb),
    ignore = "no MariaDB to write a PAM service for: see scripts/test"
)]
fn an_app_with_old_tls_alone_is_told_of_in_the_log() {
    const REMEDY: &str = "local_tls = \\\"off\\\" for this route";
    let (shop, emulated) = (Shop::new(), Emulated::new());
    let proxy = shop.start(&shop.route()).start();
    let mut app = MysqlPeer::connect(proxy.address());
    let _ = app.hear();
    let mut request = vec![0x01, 0x8a, 0, 0, 0, 0, 0, 1, 45];
    request.resize(32, 0);
    app.say(&request);
    app.say_bytes(&old_hello());
    let _ = app.rest();
    let line = proxy.log_until("the app offers no TLS 1.2 or later");
    assert!(line.contains(REMEDY), "{line}");

    let proxy = emulated.proxy();
    let mut app = RawApp::connect(proxy.address());
    app.send(&azdb_tests::packets::SSL_REQUEST);
    assert_eq!(app.byte(), Some(b'S'));
    app.send(&old_hello());
    let _ = app.rest();
    let line = proxy.log_until("the app offers no TLS 1.2 or later");
    assert!(line.contains(REMEDY), "{line}");
}

/// An app's PRELOGIN that asks for TLS.
const PRELOGIN: [u8; 26] =
    *b"\x12\x01\0\x1a\0\0\x01\0\0\0\x0b\0\x06\x01\0\x11\0\x01\xff\x10\0\0\0\0\0\x01";

#[test]
fn an_app_of_sql_server_with_old_tls_alone_is_told_of_in_the_log() {
    let sql = AzureSql::new();
    let proxy = sql.proxy();
    let mut app = RawApp::connect(proxy.address());
    app.send(&PRELOGIN);
    let header = app.bytes(8);
    let _ = app.bytes(usize::from(u16::from_be_bytes([header[2], header[3]])) - 8);
    let hello = old_hello();
    let length = u8::try_from(hello.len() + 8).unwrap();
    app.send(&[&[0x12, 1, 0, length, 0, 0, 0, 0], &hello[..]].concat());
    let _ = app.rest();
    let line = proxy.log_until("the app offers no TLS 1.2 or later");
    assert!(
        line.contains("local_tls = \\\"off\\\" for this route"),
        "{line}"
    );
}

/// The line about the end of what came from this port: bytes from before a reset may have been read, or are lost with it.
#[track_caller]
fn farewell(proxy: &Proxy, port: u16) -> String {
    const KNOWN: [&str; 2] = ["}: no login: ", "}: left without a login "];
    let of_peer = KNOWN.map(|known| format!("peer=127.0.0.1:{port}{known}"));
    let until = Instant::now() + PATIENCE;
    loop {
        let log = proxy.log();
        let is_one = |line: &&str| of_peer.iter().any(|known| line.contains(known));
        if let Some(line) = log.lines().find(is_one) {
            return line.to_owned();
        }
        assert!(Instant::now() < until, "{log}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
#[cfg_attr(
    not(has_mariadb),
    ignore = "no MariaDB to write a PAM service for: see scripts/test"
)]
fn a_reset_in_the_middle_of_a_probe_is_one_line_at_debug() {
    let (shop, emulated, sql) = (Shop::new(), Emulated::new(), AzureSql::new());
    let mysql = shop.start(&(DEBUG.to_owned() + &shop.route())).start();
    let postgres = emulated
        .start(&(DEBUG.to_owned() + &emulated.route()))
        .start();
    let tds = Start::run_with(&(DEBUG.to_owned() + &sql.route()))
        .envs(sql.environment())
        .start();
    for (proxy, half) in [
        (&mysql, &b"\x20\0\0\x01\x01\x8a"[..]),
        (&postgres, b"\0\0\0\x20\0\x03"),
        (&tds, &PRELOGIN[..11]),
    ] {
        for said in [&b""[..], half] {
            let socket = TcpStream::connect(proxy.address()).unwrap();
            let port = socket.local_addr().unwrap().port();
            // What makes its end a reset.
            set_socket_linger(&socket, Some(Duration::ZERO)).unwrap();
            (&socket).write_all(said).unwrap();
            drop(socket);
            let line = farewell(proxy, port);
            assert!(line.contains(" DEBUG "), "{line}");
        }
        is_calm(proxy);
    }
}

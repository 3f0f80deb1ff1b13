//! Health, metrics and status, as a kubelet, a scraper and an operator see them.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Instant;

use azdb_tests::{Emulated, PATIENCE, Page, Proxy};

/// A proxy with both endpoints, and their addresses.
fn watched(emulated: &Emulated) -> (Proxy, SocketAddr, SocketAddr) {
    let tables = "[health]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n";
    let proxy = emulated
        .start(&format!("{tables}{}", emulated.route()))
        .start();
    let (health, admin) = (proxy.endpoint("Health"), proxy.endpoint("Admin"));
    (proxy, health, admin)
}

/// Status line and body of one request.
fn ask(address: SocketAddr, method: &str, path: &str, headers: &str) -> (String, String) {
    let page = Page::at(address, method, path, headers);
    (page.status, page.body)
}

/// The same over a socket file.
fn ask_at(file: &Path, method: &str, path: &str) -> (String, String) {
    let page = Page::at_file(file, method, path);
    (page.status, page.body)
}

/// The value of the one line of `name` that has this label, in whichever order lines come.
fn labelled(metrics: &str, name: &str, label: &str) -> u64 {
    let mut lines = metrics.lines();
    let line = lines.find(|line| line.starts_with(name) && line.contains(label));
    let line = line.unwrap_or_else(|| panic!("no {name} with {label} in {metrics}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

fn value(metrics: &str, name: &str) -> u64 {
    labelled(metrics, name, "")
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn metrics_tell_of_sessions_and_of_the_tokens_life() {
    let emulated = Emulated::new();
    let (proxy, health, _) = watched(&emulated);
    assert_eq!(proxy.app().query("select 1"), "1");
    proxy.log_until("session ended");
    let (status, metrics) = ask(health, "GET", "/metrics", "");
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert_eq!(value(&metrics, "azdb_proxy_sessions_total{"), 1);
    assert_eq!(value(&metrics, "azdb_proxy_sessions_open{"), 0);
    assert!(value(&metrics, "azdb_proxy_bytes_from_upstream_total{") > 0);
    assert!(value(&metrics, "azdb_proxy_token_expiry_seconds{") > 60);
    let fetched = "azdb_proxy_token_fetches_total{source=\"app-service\"";
    assert_eq!(labelled(&metrics, fetched, "outcome=\"ok\""), 1);
    assert!(metrics.ends_with("# EOF\n"), "{metrics}");
}

#[test]
fn status_names_the_last_error_and_what_to_do() {
    let emulated = Emulated::new();
    emulated
        .azure
        .identity()
        .set_default(azdb_emulator::Behaviour::status(
            400,
            r#"{"error":"invalid_request","error_description":"Identity not found"}"#,
        ));
    let (proxy, _, admin) = watched(&emulated);
    proxy.log_until("no new token");
    // The log has it a moment before the page.
    let until = Instant::now() + PATIENCE;
    let page = loop {
        let (status, page) = ask(admin, "GET", "/status", "");
        assert_eq!(status, "HTTP/1.1 200 OK");
        if page.contains("\"failing\": true") {
            break page;
        }
        assert!(Instant::now() < until, "{page}");
    };
    assert!(page.contains("Identity not found"), "{page}");
    assert!(page.contains("\"remedy\""), "{page}");
    assert!(page.contains("\"state\": \"serving\""), "{page}");
}

#[test]
fn a_refused_login_has_cause_and_remedy_in_log_and_status() {
    let emulated = Emulated::new();
    let tables = "[admin]\nlisten = \"127.0.0.1:0\"\n";
    let proxy = emulated
        .start(&format!("{tables}{}", emulated.route_as("nobody")))
        .start();
    let told = proxy.told();
    let line = proxy.log_until("login refused");
    let remedy = "create the role (azdb-proxy grant prints how) or correct upstream_user";
    assert!(told.hint.is_some_and(|hint| hint.contains(remedy)));
    assert!(line.contains(remedy), "{line}");
    assert!(line.contains("kind=configuration"), "{line}");
    let admin = proxy.endpoint("Admin");
    let (_, page) = ask(admin, "GET", "/status", "");
    assert!(page.contains("\"last_refusal\": {"), "{page}");
    assert!(page.contains("\"kind\": \"configuration\""), "{page}");
    assert!(page.contains(remedy), "{page}");
}

#[test]
fn pages_of_health_answer_and_those_that_tell_something_refuse_browsers() {
    let emulated = Emulated::new();
    let (proxy, health, admin) = watched(&emulated);
    for page in ["/startup", "/readiness", "/liveness"] {
        assert_eq!(
            ask(health, "GET", page, ""),
            ("HTTP/1.1 200 OK".into(), "ok\n".into())
        );
    }
    let browser = "Origin: http://localhost\r\n";
    let (status, _) = ask(admin, "GET", "/status", browser);
    assert_eq!(status, "HTTP/1.1 403 Forbidden");
    let (status, _) = ask(health, "GET", "/metrics", browser);
    assert_eq!(status, "HTTP/1.1 403 Forbidden");
    let (status, _) = ask(health, "GET", "/metrics", "Host: localhost\r\n");
    assert_eq!(status, "HTTP/1.1 400 Bad Request");
    let (status, _) = ask(health, "GET", "http://localhost/metrics", "");
    assert_eq!(status, "HTTP/1.1 400 Bad Request");
    // Over TCP every user of the machine could.
    let (status, why) = ask(admin, "POST", "/quitquitquit", "");
    assert_eq!(status, "HTTP/1.1 403 Forbidden");
    assert!(why.contains("quitquitquit = true"), "{why}");
    assert!(!proxy.log().contains("asked to end"));
}

#[test]
fn admin_is_a_socket_file_of_the_proxys_own_user_and_ends_the_process() {
    let emulated = Emulated::new();
    let proxy = emulated.start(&emulated.route()).start();
    let line = proxy.log_until("endpoint=Admin");
    let file = proxy.directory().join("state/azdb-proxy/admin.sock");
    assert!(
        line.contains(&format!("listen=unix:{}", file.display())),
        "{line}"
    );
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&file), 0o600);
    let (status, page) = ask_at(&file, "GET", "/status");
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert!(page.contains("\"state\": \"serving\""), "{page}");
    let (status, _) = ask_at(&file, "GET", "/quitquitquit");
    assert_eq!(status, "HTTP/1.1 405 Method Not Allowed");
    let (status, _) = ask_at(&file, "POST", "/quitquitquit");
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert_eq!(proxy.wait().code, Some(0));
    assert!(!file.exists(), "the file goes with the proxy");
}

#[test]
fn the_process_ends_over_tcp_where_that_is_switched_on() {
    let emulated = Emulated::new();
    let tables = "[admin]\nlisten = \"127.0.0.1:0\"\nquitquitquit = true\n";
    let proxy = emulated
        .start(&format!("{tables}{}", emulated.route()))
        .start();
    let admin = proxy.endpoint("Admin");
    let (status, _) = ask(admin, "POST", "/quitquitquit", "");
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert_eq!(proxy.wait().code, Some(0));
}

#[test]
fn connections_that_ask_nothing_keep_no_probe_waiting() {
    let emulated = Emulated::new();
    let (proxy, health, admin) = watched(&emulated);
    let silent = |address| (0..300).map(move |_| TcpStream::connect(address).unwrap());
    let crowd: Vec<_> = silent(health).chain(silent(admin)).collect();
    assert_eq!(ask(health, "GET", "/readiness", "").1, "ok\n");
    assert_eq!(ask(admin, "GET", "/status", "").0, "HTTP/1.1 200 OK");
    // Requests that never end, and heads that are too long.
    let mut endless: Vec<_> = silent(health).collect();
    for stream in &mut endless {
        let _ = stream.write_all(b"GET /readiness HTTP/1.1\r\nX: x");
    }
    assert_eq!(ask(health, "GET", "/readiness", "").1, "ok\n");
    let long = format!("X: {}\r\n", "x".repeat(100_000));
    let mut stream = TcpStream::connect(health).unwrap();
    let _ = stream.write_all(format!("GET /readiness HTTP/1.1\r\n{long}").as_bytes());
    let mut told = String::new();
    let _ = stream.read_to_string(&mut told);
    assert!(!told.contains("200 OK"), "{told}");
    proxy.log_until("door=[health]");
    drop((crowd, endless));
}

//! What apps and probes meet until a proxy can serve, and when its tokens are in doubt.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;

use azdb_emulator::{Behaviour, Flaw};
use azdb_tests::{Emulated, Page, RawApp, Start, closed_port, endpoint};

const HEALTH: &str = "[health]\nlisten = \"127.0.0.1:0\"\n";

fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let page = Page::at(address, "GET", path, "");
    (page.code(), page.body)
}

/// The page, once it has this code.
#[track_caller]
fn body_when(address: SocketAddr, path: &str, code: u16) -> String {
    let until = std::time::Instant::now() + azdb_tests::PATIENCE;
    loop {
        let (found, body) = get(address, path);
        if found == code {
            return body;
        }
        assert!(std::time::Instant::now() < until, "{found} {body}");
    }
}

#[test]
fn until_tokens_are_there_apps_are_refused_and_probes_are_told_why() {
    let emulated = Emulated::new();
    let hold = emulated.azure.identity().hold();
    let door = format!("127.0.0.1:{}", closed_port());
    let route = emulated.route().replace("127.0.0.1:0", &door);
    let starting = emulated.start(&format!("{HEALTH}{route}"));
    let (proxy, _directory) = starting.arg("--require-ready").launch();
    let health = endpoint(&proxy, "Health");
    for page in ["/startup", "/readiness"] {
        let (code, body) = get(health, page);
        assert_eq!(code, 503, "{page}: {body}");
        let what = "route \"orders\", identity system: waiting for a token";
        assert!(body.contains(what), "{page}: {body}");
    }
    assert_eq!(get(health, "/liveness").0, 200);
    let refused = TcpStream::connect(&door).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);

    let at = format!("--at={health}");
    let wait = |max| Start::new(&["wait", "--max", max, &at]).run();
    let ran = wait("100ms");
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("waiting for a token"), "{ran:?}");
    drop(hold);
    let ran = wait("3m");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    // Whoever has been told that it has started gets in at once.
    let mut app = RawApp::connect(door.parse().unwrap());
    app.log_in("anyone");
    assert_eq!(get(health, "/startup"), (200, "ok\n".to_owned()));
    assert_eq!(get(health, "/readiness"), (200, "ok\n".to_owned()));
}

#[test]
fn whoever_gets_no_token_in_time_ends_with_the_remedy() {
    let emulated = Emulated::new();
    let endpoint = format!("http://127.0.0.1:{}/msi/token", closed_port());
    let ran = emulated
        .start(&emulated.route())
        .arg("--require-ready")
        .arg("--ready-timeout=1s")
        .env("IDENTITY_ENDPOINT", &endpoint)
        .run();
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let line = ran.stderr.lines().last().unwrap();
    for part in [
        "route \"orders\": no token within 1s, see ready_timeout (",
        "IDENTITY_ENDPOINT",
        "refused",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
}

#[test]
fn a_source_that_says_no_for_good_makes_the_route_unready_and_is_no_secret_to_probes() {
    let emulated = Emulated::new();
    let said = r#"{"error":"invalid_request","error_description":"a word of the endpoint's"}"#;
    let identity = emulated.azure.identity();
    identity.set_default(Behaviour::status(400, said));
    let proxy = emulated
        .start(&format!("{HEALTH}{}", emulated.route()))
        .start();
    let health = proxy.endpoint("Health");
    let body = body_when(health, "/readiness", 503);
    let what = "route \"orders\", identity system: no token: ";
    assert!(
        body.starts_with(what) && body.lines().count() == 1,
        "{body}"
    );
    assert!(body.contains("assign"), "{body}");
    assert!(!body.contains("a word of"), "{body}");
    // It has started all the same: the first app may come first.
    assert_eq!(get(health, "/startup").0, 200);
    assert_eq!(get(health, "/liveness").0, 200);
}

#[test]
fn a_token_that_lives_on_while_no_newer_one_comes_is_degraded_and_ready() {
    let emulated = Emulated::new();
    emulated.azure.issuer().script(1, Flaw::Expired);
    let proxy = emulated
        .start(&format!("{HEALTH}{}", emulated.route()))
        .start();
    let health = proxy.endpoint("Health");
    proxy.log_until("token ready");
    assert_eq!(get(health, "/readiness"), (200, "ok\n".to_owned()));
    // The server calls it expired, and there is no other to be had.
    let identity = emulated.azure.identity();
    identity.set_default(Behaviour::status(500, "{}"));
    let _ = proxy.told();
    let (code, body) = get(health, "/readiness");
    assert_eq!(code, 200, "{body}");
    let what = "degraded: route \"orders\", identity system: no newer token: ";
    assert!(
        body.starts_with(what) && body.lines().count() == 1,
        "{body}"
    );
}

#[test]
fn the_head_alone_is_answered_too() {
    let emulated = Emulated::new();
    let proxy = emulated
        .start(&format!("{HEALTH}{}", emulated.route()))
        .start();
    let health = proxy.endpoint("Health");
    for page in ["/startup", "/readiness", "/liveness", "/metrics"] {
        let head = Page::at(health, "HEAD", page, "");
        assert_eq!((head.code(), &*head.body), (200, ""), "{page}");
        assert!(head.head.to_lowercase().contains("content-length"));
    }
}

#[test]
fn a_container_that_is_configured_by_variables_has_probes_for_both_families() {
    let emulated = Emulated::new();
    let port = closed_port();
    let proxy = emulated
        .start(&emulated.route())
        .env("AZDB_PROXY_HEALTH_LISTEN", &format!("[::]:{port}"))
        .start();
    for address in ["127.0.0.1", "[::1]"] {
        let address: SocketAddr = format!("{address}:{port}").parse().unwrap();
        if address.is_ipv6() && TcpStream::connect(address).is_err() {
            assert!(!std::path::Path::new("/proc/net/if_inet6").exists());
            continue;
        }
        assert_eq!(get(address, "/readiness").0, 200);
    }
    drop(proxy);
    let file = tempfile::TempDir::new().unwrap();
    let socket = file.path().join("health.sock");
    let flag = format!("--health-listen=127.0.0.1:{port},unix:{}", socket.display());
    let _proxy = emulated.start(&emulated.route()).arg(&flag).start();
    let address: SocketAddr = format!("127.0.0.1:{port}").parse().unwrap();
    assert_eq!(get(address, "/readiness").0, 200);
    assert_eq!(Page::at_file(&socket, "GET", "/readiness").code(), 200);
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

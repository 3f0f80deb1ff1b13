//! Who gets which answer.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use azdb_config::route::ListenAddr;
use http_body_util::BodyExt as _;

use super::*;

fn bureau() -> Bureau {
    let environment = azdb_identity::Environment::from_iter(Vec::<(String, String)>::new());
    let tokens = Tokens::new(environment, crate::platform_client());
    Bureau {
        receptions: Receptions::default(),
        tokens,
        ending: Ending::default(),
        reloads: Reloads::default(),
        opened: opened(),
        asked_to_end: AtomicBool::new(false),
        log_lines_dropped: || 0,
        started: SystemTime::UNIX_EPOCH,
    }
}

fn opened() -> CancellationToken {
    let opened = CancellationToken::new();
    opened.cancel();
    opened
}

fn at(addr: &str) -> ListenAddr {
    match addr.strip_prefix("unix:") {
        Some(path) => ListenAddr::Unix(path.into()),
        None => ListenAddr::Tcp(addr.parse().unwrap()),
    }
}

const LOOPBACK: &str = "127.0.0.1:9091";
const FILE: &str = "unix:/run/admin.sock";

/// The answer, where it waits for nothing.
fn now(reply: Reply) -> Answer {
    match reply {
        Reply::Now(answer) => answer,
        Reply::AfterReload => text(StatusCode::ACCEPTED, "later"),
    }
}

fn ask(
    bureau: &Bureau,
    desk: Desk,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> StatusCode {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    now(respond(&request.body(()).unwrap(), desk, bureau)).status()
}

#[tokio::test]
async fn no_browser_reaches_a_page_that_tells_something() {
    let bureau = bureau();
    for (desk, page) in [
        (Desk::admin(&at(LOOPBACK), false), "/status"),
        (Desk::health(&at(LOOPBACK)), "/metrics"),
    ] {
        let status = |headers: &[(&str, &str)]| ask(&bureau, desk, "GET", page, headers);
        for host in [
            "localhost",
            "127.0.0.1:9091",
            "[::1]:9091",
            "[::1]",
            "LOCALHOST:1",
            "127.9.9.9",
            "[::ffff:127.0.0.1]",
        ] {
            assert_eq!(status(&[("host", host)]), StatusCode::OK, "{host}");
        }
        for host in [
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.evil.example:9091",
            "10.0.0.1",
            "",
            ":9091",
            "[[127.0.0.1]]",
            "[127.0.0.1]",
            "[[::1]]",
            "[::1",
            "::1",
            "localhost:9091:9091",
            "localhost:x",
            "localhost@evil.example",
            "evil.example/@localhost",
        ] {
            assert_eq!(status(&[("host", host)]), StatusCode::FORBIDDEN, "{host}");
        }
        assert_eq!(status(&[]), StatusCode::FORBIDDEN);
        let cross_site = [("host", "localhost"), ("origin", "http://localhost")];
        assert_eq!(status(&cross_site), StatusCode::FORBIDDEN);
    }
}

#[tokio::test]
async fn one_host_is_named_once() {
    let bureau = bureau();
    let doors = [
        (Desk::admin(&at(LOOPBACK), false), "/status"),
        (Desk::admin(&at(FILE), false), "/status"),
        (Desk::health(&at("0.0.0.0:9090")), "/metrics"),
        (Desk::health(&at("0.0.0.0:9090")), "/readiness"),
    ];
    for (desk, page) in doors {
        let two = [("host", "localhost"), ("host", "localhost")];
        assert_eq!(
            ask(&bureau, desk, "GET", page, &two),
            StatusCode::BAD_REQUEST
        );
        let host = [("host", "localhost")];
        for target in [
            format!("http://localhost{page}"),
            format!("http://evil.example{page}"),
        ] {
            let status = ask(&bureau, desk, "GET", &target, &host);
            assert_eq!(status, StatusCode::BAD_REQUEST, "{target}");
        }
        assert_eq!(ask(&bureau, desk, "GET", page, &host), StatusCode::OK);
    }
}

#[tokio::test]
async fn an_endpoint_for_a_network_answers_by_whatever_name_that_knows_it() {
    let bureau = bureau();
    let desk = Desk::health(&at("0.0.0.0:9090"));
    let metrics = |headers: &[(&str, &str)]| ask(&bureau, desk, "GET", "/metrics", headers);
    for host in [
        "10.1.2.3:9090",
        "proxy.prod.svc.cluster.local:9090",
        "[fd00::1]:9090",
    ] {
        assert_eq!(metrics(&[("host", host)]), StatusCode::OK, "{host}");
    }
    let browser = [
        ("host", "10.1.2.3:9090"),
        ("origin", "http://10.1.2.3:9090"),
    ];
    assert_eq!(metrics(&browser), StatusCode::FORBIDDEN);
    assert_eq!(metrics(&[]), StatusCode::FORBIDDEN);
    // Load balancers ask without a host.
    assert_eq!(ask(&bureau, desk, "GET", "/readiness", &[]), StatusCode::OK);
}

#[tokio::test]
async fn a_browser_gets_a_page_that_loads_nothing_and_a_program_gets_json() {
    let bureau = bureau();
    let desk = Desk::admin(&at(LOOPBACK), false);
    let get = |path, accept| {
        let request = Request::builder()
            .uri(path)
            .header("host", "localhost")
            .header("accept", accept);
        now(respond(&request.body(()).unwrap(), desk, &bureau))
    };
    let header = |answer: &Answer, name| {
        let value = answer.headers().get(name);
        value.map(|value| value.to_str().unwrap().to_owned())
    };
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    for path in ["/", "/status"] {
        let page = get(path, browser);
        assert_eq!(page.status(), StatusCode::OK);
        let kind = header(&page, "content-type").unwrap();
        assert!(kind.starts_with("text/html"), "{kind}");
        let policy = header(&page, "content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
    }
    for accept in ["*/*", "application/json"] {
        let kind = header(&get("/status", accept), "content-type").unwrap();
        assert_eq!(kind, "application/json");
    }
    let headers = [("host", "evil.example"), ("accept", browser)];
    let rebound = ask(&bureau, desk, "GET", "/", &headers);
    assert_eq!(rebound, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn only_a_post_ends_the_process_or_has_it_read_its_configuration() {
    let bureau = bureau();
    let host = [("host", "localhost")];
    for desk in [
        Desk::admin(&at(FILE), false),
        Desk::admin(&at(LOOPBACK), true),
    ] {
        let quit = |method| ask(&bureau, desk, method, "/quitquitquit", &host);
        assert_eq!(quit("GET"), StatusCode::METHOD_NOT_ALLOWED);
        assert!(!bureau.asked_to_end.load(Ordering::Relaxed));
        assert_eq!(quit("POST"), StatusCode::OK);
        assert!(bureau.asked_to_end.swap(false, Ordering::Relaxed));
        let reload = |method| ask(&bureau, desk, method, "/reload", &host);
        assert_eq!(reload("GET"), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(reload("POST"), StatusCode::ACCEPTED);
    }
}

#[tokio::test(start_paused = true)]
async fn a_process_that_starts_says_so_to_whoever_asks_for_a_reload() {
    let reloads = Reloads::default();
    for (opened, status, says) in [
        (CancellationToken::new(), 503, "still starting"),
        (opened(), 501, "no configuration that could be read again"),
    ] {
        let answer = reload::answer(&reloads, &opened).await;
        assert_eq!(answer.status(), status);
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert!(String::from_utf8_lossy(&body).contains(says));
    }
}

#[tokio::test]
async fn nobody_ends_the_process_over_tcp_unless_that_is_configured() {
    let bureau = bureau();
    let desk = Desk::admin(&at(LOOPBACK), false);
    let host = [("host", "localhost")];
    let quit = ask(&bureau, desk, "POST", "/quitquitquit", &host);
    assert_eq!(quit, StatusCode::FORBIDDEN);
    assert!(!bureau.asked_to_end.load(Ordering::Relaxed));
    let reload = ask(&bureau, desk, "POST", "/reload", &host);
    assert_eq!(reload, StatusCode::FORBIDDEN);
}

#[cfg(unix)]
#[test]
fn over_an_admin_socket_only_root_and_our_own_user_ask() {
    let own = rustix::process::geteuid().as_raw();
    let admin = Desk::admin(&at(FILE), false);
    for (uid, admitted) in [(0, true), (own, true), (own + 1, false)] {
        assert_eq!(
            admin.admits(crate::socket::Peer::Unix(uid)),
            admitted,
            "{uid}"
        );
        assert!(Desk::health(&at(FILE)).admits(crate::socket::Peer::Unix(uid)));
    }
}

#[tokio::test]
async fn readiness_ends_with_the_drain_and_liveness_does_not() {
    let bureau = bureau();
    let desk = Desk::health(&at(LOOPBACK));
    let health = |path| ask(&bureau, desk, "GET", path, &[("host", "localhost")]);
    assert_eq!(health("/readiness"), StatusCode::OK);
    bureau.ending.closing.cancel();
    assert_eq!(health("/readiness"), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(health("/liveness"), StatusCode::OK);
    assert_eq!(health("/status"), StatusCode::NOT_FOUND);
    assert_eq!(health("/quitquitquit"), StatusCode::NOT_FOUND);
}

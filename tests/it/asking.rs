//! Commands that ask a proxy that runs, as a container without a shell has them: `wait`, `healthcheck`, `status`, `shutdown`.

use azdb_emulator::Behaviour;
use azdb_tests::{Emulated, Proxy, Ran, Start, closed_port};

/// A command in the environment of a proxy, which is how they find it.
fn beside(proxy: &Proxy, words: &[&str]) -> Ran {
    let home = proxy.directory().join("state");
    let start = Start::new(words).env("XDG_STATE_HOME", home.to_str().unwrap());
    start.run()
}

#[test]
fn a_proxy_is_found_by_its_admin_socket_and_ended_there() {
    let emulated = Emulated::new();
    let proxy = emulated.proxy();
    assert_eq!(beside(&proxy, &["wait"]).succeeded(), "");
    assert_eq!(beside(&proxy, &["healthcheck"]).succeeded(), "ok");
    let status = beside(&proxy, &["status"]);
    let status: serde_json::Value = serde_json::from_str(status.succeeded()).unwrap();
    assert_eq!(status["routes"][0]["name"], "orders");
    assert_eq!(beside(&proxy, &["shutdown"]).succeeded(), "ending");
    assert_eq!(proxy.wait().code, Some(0));
}

/// As in a container whose only settings are variables, with no place for a socket.
#[test]
fn a_proxy_is_found_by_its_health_endpoint_where_there_is_no_admin_socket() {
    let emulated = Emulated::new();
    let health = format!("127.0.0.1:{}", closed_port());
    let configuration = format!("[admin]\nlisten = \"off\"\n{}", emulated.route());
    let proxy = emulated
        .start(&configuration)
        .env("AZDB_PROXY_HEALTH_LISTEN", &health)
        .start();
    let ask = |words: &[&str]| {
        let start = Start::new(words).env("AZDB_PROXY_HEALTH_LISTEN", &health);
        start.run()
    };
    assert_eq!(ask(&["wait"]).code, Some(0));
    assert_eq!(ask(&["healthcheck"]).succeeded(), "ok");
    // Nobody ends a proxy through a page for probes.
    let refused = ask(&["shutdown"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let refused = ask(&["shutdown", "--at", &health]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.failed().contains("no such page"), "{refused:?}");
    // By its file, which says that there is no admin endpoint.
    let file = proxy.directory().join("proxy.toml");
    let refused = ask(&["shutdown", "--config", file.to_str().unwrap()]);
    assert!(refused.failed().contains("[admin] listen"), "{refused:?}");
    assert_eq!(proxy.stop().code, Some(0));
}

#[test]
fn without_a_proxy_they_say_where_they_have_looked() {
    let socket = "unix:/no/such/socket";
    for words in [
        &["wait", "--max=50ms", "--at", socket][..],
        &["healthcheck", "--at", socket],
        &["shutdown", "--at", socket],
    ] {
        let ran = Start::new(words).run();
        assert_eq!(ran.code, Some(1), "{words:?}: {ran:?}");
        let text = "no azdb-proxy answers at unix:/no/such/socket (No such file or directory";
        assert!(ran.stderr.contains(text), "{words:?}: {ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{words:?}: {ran:?}");
    }
    let ran = Start::new(&["wait", "--at", "nowhere"]).run();
    assert_eq!(ran.code, Some(64), "{ran:?}");
    // What Docker knows is 0 and 1.
    let wrong = Start::command("healthcheck", "[process]\nlog_format = 7\n").run();
    assert_eq!(wrong.code, Some(1), "{wrong:?}");
}

#[test]
fn healthcheck_says_in_one_line_why_no_app_should_come() {
    let emulated = Emulated::new();
    let said = r#"{"error":"invalid_request","error_description":"Identity not found"}"#;
    let identity = emulated.azure.identity();
    identity.set_default(Behaviour::status(400, said));
    let proxy = emulated.proxy();
    proxy.log_until("no new token");
    let ran = beside(&proxy, &["healthcheck"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let line = ran.failed();
    assert!(
        line.contains("route \"orders\", identity system: no token"),
        "{line}"
    );
    assert_eq!(line.lines().count(), 1, "{line}");
}

//! What the log says of sessions.

use azdb_tests::{Azure, Emulated, RawApp, packets};
use serde_json::Value;

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn end_of_a_session_says_who_closed_it_and_how_much_went_through() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    let mut app = RawApp::connect(proxy.address());
    app.log_in("anyone");
    let query = packets::query("select repeat('x', 1000)");
    app.send(&query);
    let mut answered = 0;
    loop {
        let message = app.message();
        answered += message.body.len() + 5;
        if message.tag == b'Z' {
            break;
        }
    }
    app.leave();
    let line = proxy.log_until("session ended");
    let sent = query.len() + packets::TERMINATE.len();
    for part in [
        "route=orders",
        "peer=127.0.0.1:",
        "closed_by=app",
        &format!("from_app={sent} "),
        &format!("from_upstream={answered}"),
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn session_that_the_server_ends_is_told_in_its_words() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    let mut app = RawApp::connect(proxy.address());
    app.log_in("anyone");
    azure.server.admin(&format!(
        "select pg_terminate_backend(pid) from pg_stat_activity where usename = '{}'",
        azure.role
    ));
    let error = app.message();
    assert_eq!(error.field('C').as_deref(), Some("57P01"));
    let text = error.field('M').unwrap();
    assert_eq!(text, "terminating connection due to administrator command");
    assert_eq!(app.rest(), b"");
    drop(app);
    proxy.log_until("closed_by=upstream");
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn json_log_is_one_object_per_line() {
    let emulated = Emulated::new();
    let start = emulated.start(&emulated.route()).arg("--log-format=json");
    let proxy = start.start();
    assert_eq!(proxy.app().query("select 1"), "1");
    proxy.log_until("session ended");
    let log = proxy.stop().stderr;
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    let ended = lines
        .iter()
        .find(|line| line["message"] == "session ended")
        .unwrap();
    assert_eq!(ended["closed_by"], "app");
    assert_eq!(ended["span"]["route"], "orders");
    assert!(ended["from_upstream"].as_u64() > Some(0), "{ended}");
}

#[test]
fn first_line_says_which_configuration_it_is() {
    let emulated = Emulated::new();
    let proxy = emulated.proxy();
    let first = proxy.log().lines().next().unwrap().to_owned();
    let file = proxy.directory().join("proxy.toml");
    assert!(first.contains(&file.display().to_string()), "{first}");
}

#[test]
fn refused_login_costs_one_line_with_the_whole_chain() {
    let emulated = Emulated::new();
    let proxy = emulated.start(&emulated.route_as("nobody")).start();
    let _ = proxy.told();
    let line = proxy.log_until("login refused");
    assert!(line.contains("upstream asked user `nobody` for"), "{line}");
    assert!(line.contains("route=orders"), "{line}");
    assert_eq!(proxy.log().matches("login refused").count(), 1);
}

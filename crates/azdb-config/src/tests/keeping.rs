//! Sessions that wait for an app: all off unless a route asks for them.

use std::time::Duration;

use super::{load, problems_of};
use crate::{Keeping, Reuse};

fn route(more: &str) -> String {
    format!(
        "[[route]]\nprotocol = \"postgres\"\nupstream = \"orders.postgres.database.azure.com\"\nupstream_user = \"u\"\n{more}\n"
    )
}

fn keeping(more: &str) -> Keeping {
    let config = load(&route(more)).unwrap_or_else(|problems| panic!("{more}: {problems}"));
    config.routes[0].keeping.clone()
}

fn warnings(text: &str) -> Vec<String> {
    let config = load(text).unwrap_or_else(|problems| panic!("{text}: {problems}"));
    config.warnings.iter().map(ToString::to_string).collect()
}

#[test]
fn nothing_is_kept_unless_a_route_says_so() {
    let expected = Keeping {
        ready: 0,
        reuse: Reuse::Off,
        most: 10,
        patience: Duration::from_secs(60),
        age: Duration::from_secs(600),
    };
    assert_eq!(keeping(""), expected);
    assert_eq!(warnings(&route("")), Vec::<String>::new());
}

#[test]
fn every_key_reaches_the_route() {
    let expected = Keeping {
        ready: 3,
        reuse: Reuse::Reset,
        most: 20,
        patience: Duration::from_secs(5),
        age: Duration::from_secs(3600),
    };
    let more = "ready_sessions = 3\nsession_reuse = \"reset\"\nkept_sessions = 20\nkept_for = \"5s\"\nkept_age = \"1h\"";
    assert_eq!(keeping(more), expected);
}

#[test]
fn what_means_nothing_without_another_key_says_which() {
    let said = |key: &str| format!("proxy.toml:5: route \"orders\": {key}");
    assert_eq!(
        problems_of("kept_sessions = 3"),
        said("kept_sessions: is for session_reuse = \"reset\", and that is \"off\"")
    );
    assert_eq!(
        problems_of("kept_age = \"3m\""),
        said("kept_age: is for session_reuse = \"reset\", and that is \"off\"")
    );
    assert_eq!(
        problems_of("kept_for = \"3m\""),
        said("kept_for: needs ready_sessions or session_reuse = \"reset\"")
    );
    assert_eq!(
        keeping("kept_for = \"60s\"").patience,
        Duration::from_secs(60)
    );
    assert_eq!(
        keeping("ready_sessions = 1\nkept_for = \"3m\"").patience,
        Duration::from_secs(180)
    );
}

#[test]
fn sessions_that_wait_leave_room_for_apps() {
    let said = |text: &str| format!("proxy.toml:5: route \"orders\": ready_sessions: {text}");
    assert_eq!(
        problems_of("ready_sessions = 6\nmax_connections = 5"),
        said("6 sessions that wait are more than max_connections = 5")
    );
    assert_eq!(
        problems_of("session_reuse = \"reset\"\nmax_connections = 9"),
        said("0 with kept_sessions = 10 are more than max_connections = 9")
    );
    assert_eq!(keeping("ready_sessions = 5\nmax_connections = 5").ready, 5);
}

#[test]
fn a_serverless_database_that_is_kept_awake_is_warned_of() {
    let stock = |more: &str| {
        format!(
            "[[route]]\nprotocol = \"tds\"\nupstream = \"stock.database.windows.net\"\n{more}\n"
        )
    };
    assert_eq!(warnings(&stock("")), Vec::<String>::new());
    for more in ["ready_sessions = 1", "session_reuse = \"reset\""] {
        let [warning] = &warnings(&stock(more))[..] else {
            panic!("one warning")
        };
        let said =
            "sessions that wait keep a serverless database awake for up to 1m after the last app";
        assert!(warning.ends_with(said), "{warning}");
    }
}

#[test]
fn a_route_of_replication_is_warned_of() {
    let more = "name = \"replicas\"\nsession_reuse = \"reset\"";
    let [warning] = &warnings(&route(more))[..] else {
        panic!("one warning")
    };
    assert!(
        warning.contains("replication's sessions are never given to another app"),
        "{warning}"
    );
}

//! `ready_sessions = N`: logged-in sessions that nobody has used, for the next app that logs in as the last ones did.

use std::collections::HashSet;

use azdb_tests::{RawApp, Server};

use super::{Keeping, ask_pid, count, on_real_servers, process};

const READY: &str = "ready_sessions = 2";

on_real_servers!(
    a_login_that_has_come_twice_finds_a_session_ready,
    a_ready_session_is_new,
    an_app_that_differs_is_served_and_said_why,
    ready_sessions_give_way_to_apps_of_the_route,
    ready_sessions_give_way_when_the_upstream_has_no_more,
    ready_sessions_go_when_no_app_comes,
    a_key_of_a_ready_session_cancels_its_query,
    an_app_behind_a_dead_ready_session_is_served,
);

/// Two logins, which are the pattern, and then until sessions are ready.
#[track_caller]
pub(super) fn taught(server: &'static Server, lines: &str, ready: usize) -> Keeping {
    let keeping = Keeping::with(server, lines);
    let _ = keeping.pid();
    let _ = keeping.pid();
    keeping.until_kept(ready);
    keeping
}

fn a_login_that_has_come_twice_finds_a_session_ready(server: &'static Server) {
    let keeping = taught(server, READY, 2);
    for times in 1..=5 {
        let _ = keeping.pid();
        assert_eq!(keeping.opened("ready"), times);
        keeping.until_kept(2);
    }
    keeping.proxy.log_until("way=ready");
}

fn a_ready_session_is_new(server: &'static Server) {
    let keeping = taught(server, READY, 2);
    let app = keeping.proxy.app();
    let mut pids = HashSet::new();
    for _ in 0..3 {
        let answer = app.query(
            "create temp table scratch (x int); set statement_timeout = '7s';
             select pg_backend_pid()",
        );
        assert!(pids.insert(answer));
        keeping.until_kept(2);
    }
    assert_eq!(keeping.opened("ready"), 3);
    // What the app is told is what the server told.
    assert_eq!(app.query("select current_user"), keeping.azure.role);
    let fresh = "select current_setting('application_name'), current_user = session_user";
    assert_eq!(app.query(fresh), "psql|t");
}

fn an_app_that_differs_is_served_and_said_why(server: &'static Server) {
    let keeping = taught(server, READY, 2);
    let other = keeping.proxy.app().told("PGAPPNAME", "another");
    assert_eq!(
        other.query("select current_setting('application_name')"),
        "another"
    );
    assert_eq!(keeping.opened("ready"), 0);
    let status = keeping.proxy.admin("/status");
    let text = format!("{status:?}");
    assert!(text.contains("differs in application_name"), "{text}");
}

fn ready_sessions_give_way_to_apps_of_the_route(server: &'static Server) {
    let keeping = taught(server, &format!("{READY}\nmax_connections = 3"), 2);
    let apps: Vec<_> = (0..3)
        .map(|number| {
            let mut app = RawApp::connect(keeping.proxy.address());
            // Each with a user of its own, so that none of them gets what is ready.
            let _ = app.log_in(&format!("user {number}"));
            app
        })
        .collect();
    assert_eq!(keeping.opened("ready"), 0);
    keeping.until_kept(0);
    drop(apps);
}

fn ready_sessions_give_way_when_the_upstream_has_no_more(server: &'static Server) {
    let keeping = taught(server, READY, 2);
    server.admin(&format!(
        "alter role \"{}\" connection limit 2",
        keeping.azure.role
    ));
    let mut app = RawApp::connect(keeping.proxy.address());
    let _ = app.log_in("somebody else");
    let _ = ask_pid(&mut app);
}

fn ready_sessions_go_when_no_app_comes(server: &'static Server) {
    let keeping = taught(server, &format!("{READY}\nkept_for = \"2s\""), 2);
    keeping.until_none_upstream();
    keeping.until_kept(0);
    server.admin(&format!("drop database {:?}", keeping.azure.database));
}

fn a_key_of_a_ready_session_cancels_its_query(server: &'static Server) {
    let keeping = Keeping::with(server, READY);
    for _ in 0..2 {
        keeping.app().0.leave();
    }
    keeping.until_kept(2);
    let (mut app, key) = keeping.app();
    keeping.until(|page| count(page, super::OPENED, &[("way", "ready")]) == 1);
    assert_eq!(ask_pid(&mut app), process(&key).to_string());
    app.send(&azdb_tests::packets::query("select pg_sleep(600)"));
    server.admin_until(&format!(
        "exists (select from pg_stat_activity where pid = {} and wait_event = 'PgSleep')",
        process(&key)
    ));
    let mut canceller = RawApp::connect(keeping.proxy.address());
    canceller.send(&azdb_tests::packets::cancel(&key));
    assert_eq!(canceller.rest(), b"");
    assert_eq!(app.error().field('C').as_deref(), Some("57014"));
}

fn an_app_behind_a_dead_ready_session_is_served(server: &'static Server) {
    let keeping = taught(server, READY, 2);
    server.admin(&format!(
        "select pg_terminate_backend(pid) from pg_stat_activity where usename = '{}'",
        keeping.azure.role
    ));
    for _ in 0..3 {
        let _ = keeping.pid();
    }
}

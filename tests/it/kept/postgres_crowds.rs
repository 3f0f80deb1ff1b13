//! Apps that connect for every request, many of them.

use std::thread;

use azdb_tests::{Server, packets};

use super::postgres_ready::taught;
use super::{Keeping, configuration, on_real_servers};

const REUSE: &str = "session_reuse = \"reset\"";

on_real_servers!(
    apps_that_connect_for_each_request_find_sessions_ready,
    apps_find_sessions_that_are_ready_or_were_left,
    a_crowd_that_connects_for_each_request_shares_few_sessions,
);

fn apps_that_connect_for_each_request_find_sessions_ready(server: &'static Server) {
    const APPS: usize = 200;
    const AT_A_TIME: usize = 2;
    let keeping = taught(server, "ready_sessions = 16", 16);
    let most = thread::scope(|scope| {
        let apps: Vec<_> = (0..AT_A_TIME)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..APPS / AT_A_TIME {
                        let _ = keeping.pid();
                    }
                })
            })
            .collect();
        let mut most = 0;
        while apps.iter().any(|app| !app.is_finished()) {
            most = most.max(keeping.sessions_upstream());
        }
        most
    });
    // Each that an app has, those that are ready, and those that are just being closed by the server.
    assert!(most <= 16 + 3 * AT_A_TIME, "{most}");
    let hits = keeping.opened("ready");
    assert!(hits * 100 >= APPS * 95, "{hits} of {APPS}");
    let configured = configuration(&keeping.azure, "");
    keeping.proxy.reload_with(&configured);
    keeping.until_none_upstream();
}

fn apps_find_sessions_that_are_ready_or_were_left(server: &'static Server) {
    const APPS: usize = 400;
    let lines = "session_reuse = \"reset\"\nready_sessions = 2\nmax_connections = 20";
    let keeping = Keeping::with(server, lines);
    thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                for _ in 0..APPS / 4 {
                    let (mut app, _) = keeping.app();
                    app.send(&packets::query("select 1"));
                    app.until(b'Z');
                    app.leave();
                }
            });
        }
    });
    let found = keeping.opened("reused") + keeping.opened("ready");
    assert!(found * 100 >= APPS * 95, "{found} of {APPS}");
    assert_eq!(keeping.count("azdb_proxy_logins_refused_total", &[]), 0);
    assert_eq!(keeping.count("azdb_proxy_sessions_total", &[]), APPS);
}

fn a_crowd_that_connects_for_each_request_shares_few_sessions(server: &'static Server) {
    const APPS: usize = 1000;
    const AT_A_TIME: usize = 4;
    const MOST: usize = 24;
    let lines = format!("{REUSE}\nkept_sessions = 16\nmax_connections = {MOST}");
    let keeping = Keeping::with(server, &lines);
    let each = (APPS / AT_A_TIME).to_string();
    let crowd: Vec<_> = (0..AT_A_TIME)
        .map(|_| {
            let app = keeping.proxy.app().python("connects_often.py");
            app.args(["psycopg2", &each]).start()
        })
        .collect();
    for app in crowd {
        let ran = app.wait();
        assert_eq!(ran.succeeded(), r#"[["nothing", "0"]]"#);
    }
    keeping.until_ended(APPS);
    let hits = keeping.opened("reused");
    assert!(hits * 100 >= APPS * 95, "{hits} of {APPS}");
    let most = server.admin(&format!(
        "select count(distinct pid) <= {MOST} from pg_stat_activity where usename = '{}'",
        keeping.azure.role
    ));
    assert_eq!(most, "t");
}

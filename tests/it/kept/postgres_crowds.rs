//! Apps that connect for every request, many of them.

use std::thread;

use azdb_tests::{Process, Server, packets};

use super::postgres_ready::taught;
use super::{Keeping, configuration, on_real_servers};

const REUSE: &str = "session_reuse = \"reset\"";

on_real_servers!(
    apps_that_connect_for_each_request_find_sessions_ready,
    apps_find_sessions_that_are_ready_or_were_left,
    a_crowd_that_connects_for_each_request_shares_few_sessions,
    a_thousand_runs_of_psql_share_few_sessions,
);

/// The server's own count of a principal's sessions, over the time.
struct Watched(Process);

impl Watched {
    fn of(keeping: &Keeping) -> Self {
        let watched = keeping.azure.server.admin_watch(&format!(
            "select count(*) from pg_stat_activity where usename = '{}'",
            keeping.azure.role
        ));
        watched.stdout_until(|said| counts(said).next());
        Self(watched)
    }

    /// The most that it has had.
    fn most(&self) -> usize {
        counts(&self.0.stdout()).max().unwrap()
    }
}

fn counts(said: &str) -> impl Iterator<Item = usize> {
    said.lines().filter_map(|line| line.parse().ok())
}

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
    shared_by_a_crowd(server, |keeping, times| {
        let app = keeping.proxy.app().python("connects_often.py");
        let app = app.args(["psycopg2", &times.to_string()]).start();
        assert_eq!(app.wait().succeeded(), r#"[["nothing", "0"]]"#);
    });
}

fn a_thousand_runs_of_psql_share_few_sessions(server: &'static Server) {
    const RUNS: &str =
        "for run in $(seq $1); do psql -X -q -A -t -v ON_ERROR_STOP=1 -c \"$2\"; done";
    let sql = "create temp table mine (x int); \
               select current_setting('statement_timeout'); set statement_timeout = '7s'";
    shared_by_a_crowd(server, |keeping, times| {
        let shell = keeping.proxy.app().program("sh");
        let ran = shell
            .args(["-ec", RUNS, "sh", &times.to_string(), sql])
            .run();
        assert_eq!(ran.succeeded().replace("0\n", ""), "0");
        assert_eq!(ran.stdout.lines().count(), times);
    });
}

/// A thousand apps, some at a time, of which nearly all find a session that another has left.
fn shared_by_a_crowd(server: &'static Server, run: impl Fn(&Keeping, usize) + Sync) {
    const APPS: usize = 1000;
    const AT_A_TIME: usize = 4;
    const MOST: usize = 8;
    let lines = format!("{REUSE}\nkept_sessions = {MOST}\nmax_connections = {MOST}");
    let keeping = Keeping::with(server, &lines);
    let watched = Watched::of(&keeping);
    thread::scope(|threads| {
        for _ in 0..AT_A_TIME {
            threads.spawn(|| run(&keeping, APPS / AT_A_TIME));
        }
    });
    keeping.until_ended(APPS);
    let hits = keeping.opened("reused");
    assert!(hits * 100 >= APPS * 95, "{hits} of {APPS}");
    assert_eq!(keeping.count("azdb_proxy_logins_refused_total", &[]), 0);
    let most = watched.most();
    // An app may have had the place of a session that the server was still to end.
    assert!((2..=MOST + AT_A_TIME).contains(&most), "{most} sessions");
}

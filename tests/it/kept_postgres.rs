//! Sessions of PostgreSQL that wait for an app: with a real server and real clients.

use std::net::SocketAddr;
use std::time::Instant;

use azdb_tests::{Azure, Metrics, PATIENCE, Proxy, RawApp, packets};

const HEALTH: &str = "[health]\nlisten = \"127.0.0.1:0\"\n";
const REUSE: &str = "session_reuse = \"reset\"\n";
const GOODBYE: &[u8] = b"X\0\0\0\x04";

/// A proxy whose route keeps sessions, and its metrics.
struct Kept {
    azure: Azure,
    proxy: Proxy,
    health: SocketAddr,
}

impl Kept {
    fn with(lines: &str) -> Self {
        let azure = Azure::new();
        let proxy = azure.start(&format!("{HEALTH}{}{lines}", azure.route()));
        let proxy = proxy.start();
        let _ = proxy.log_until("endpoint=Health");
        let health = proxy.endpoint("Health");
        Self {
            azure,
            proxy,
            health,
        }
    }

    fn sum(&self, name: &str, labels: &[(&str, &str)]) -> u32 {
        let sum = Metrics::scrape(self.health).sum(&format!("azdb_proxy_{name}"), labels);
        sum as u32
    }

    /// How many sessions began like this.
    fn came(&self, way: &str) -> u32 {
        self.sum("sessions_opened_total", &[("way", way)])
    }

    /// Waits until so many of a kind wait.
    #[track_caller]
    fn until_waiting(&self, kind: &str, count: u32) {
        let until = Instant::now() + PATIENCE;
        while self.sum("sessions_kept", &[("kind", kind)]) != count {
            assert!(
                Instant::now() < until,
                "{}",
                Metrics::scrape(self.health).text()
            );
            std::thread::yield_now();
        }
    }

    /// What psql answers to this, as an app of its own.
    #[track_caller]
    fn query(&self, sql: &str) -> String {
        self.proxy.app().query(sql)
    }
}

/// Everything that a session can be left with that a reset removes.
const LEFTOVERS: &str = "set application_name = 'left'; set timezone = 'Asia/Tokyo'; set search_path = nowhere; \
     set session characteristics as transaction isolation level serializable; \
     create temp table leftover (i int); prepare leftover as select 1; listen leftover; \
     select pg_advisory_lock(4711); declare leftover cursor with hold for select generate_series(1, 9); fetch leftover; \
     set role pg_monitor; select pg_backend_pid()";

/// What a session shows that has nothing of them: in one row, with its process in front.
const LOOK: &str = "select pg_backend_pid(), current_setting('application_name'), current_setting('TimeZone') = 'Asia/Tokyo', \
     current_setting('search_path'), current_setting('default_transaction_isolation'), to_regclass('pg_temp.leftover') is null, \
     (select count(*) from pg_prepared_statements), (select count(*) from pg_listening_channels()), \
     (select count(*) from pg_cursors where is_holdable), (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()), \
     current_user = session_user";

/// What a row of psql has behind its first column.
fn behind_first(row: &str) -> (&str, &str) {
    row.trim().split_once('|').unwrap()
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn the_next_app_has_the_session_of_the_last_one_and_finds_nothing_of_it() {
    let kept = Kept::with(REUSE);
    let direct = kept.query(LOOK);
    let fresh = behind_first(&direct).1.to_owned();
    kept.until_waiting("reused", 1);
    kept.azure
        .server
        .admin(&format!("grant pg_monitor to {:?}", kept.azure.role));
    let said = kept.query(LEFTOVERS);
    kept.until_waiting("reused", 1);
    let process = said.lines().last().unwrap().trim();
    let seen = kept.query(LOOK);
    let (same, seen) = behind_first(&seen);
    assert_eq!(
        same,
        process,
        "it is the same session: {}",
        kept.proxy.log()
    );
    assert_eq!(seen, fresh);
    assert!(kept.proxy.log().contains("way=reused"));
    assert_eq!(kept.sum("session_resets_total", &[("outcome", "clean")]), 3);
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn what_an_app_leaves_half_done_ends_with_it() {
    let kept = Kept::with(REUSE);
    for (left, goodbye) in [
        (packets::query("begin; select 1"), GOODBYE),
        (packets::query("begin; select 1"), b""),
        // Half a message.
        (packets::query("select 1")[..9].to_vec(), b""),
        // An extended query without its Sync.
        (b"P\0\0\0\x10\0select 1\0\0\0".to_vec(), GOODBYE),
    ] {
        let mut app = RawApp::connect(kept.proxy.address());
        app.log_in("anyone");
        let before = kept.proxy.log().matches("session ended").count();
        let is_answered = left.starts_with(b"Q") && left.len() > 9;
        app.send(&left);
        if is_answered {
            app.until(b'Z');
        } else if left.starts_with(b"P") {
            app.send(b"H\0\0\0\x04");
            app.until(b'1');
        }
        app.send(goodbye);
        app.finish();
        let _ = app.rest();
        kept.proxy.log_until_times(before + 1, "session ended");
        assert_eq!(kept.sum("session_resets_total", &[]), 0, "{left:?}");
        assert_eq!(kept.came("reused"), 0);
    }
    kept.azure.server.admin_until(&format!(
        "not exists (select from pg_stat_activity where usename = '{}')",
        kept.azure.role
    ));
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn a_late_cancel_request_does_not_reach_the_next_app() {
    let kept = Kept::with(REUSE);
    let mut first = RawApp::connect(kept.proxy.address());
    let old = first.log_in("anyone");
    first.leave();
    kept.until_waiting("reused", 1);
    let mut next = RawApp::connect(kept.proxy.address());
    let new = next.log_in("anyone");
    assert_eq!(old[..4], new[..4], "the same process");
    assert_ne!(old, new);
    next.send(&packets::query("select pg_sleep(600)"));
    kept.azure.server.admin_until(&format!(
        "exists (select from pg_stat_activity where usename = '{}' and wait_event = 'PgSleep')",
        kept.azure.role
    ));
    let cancel = |key: &[u8]| {
        let mut canceller = RawApp::connect(kept.proxy.address());
        canceller.send(&packets::cancel(key));
        assert_eq!(canceller.rest(), b"");
    };
    cancel(&old);
    assert_eq!(
        kept.sum("cancel_requests_total", &[("outcome", "unknown_key")]),
        1
    );
    cancel(&new);
    assert_eq!(next.error().field('C').as_deref(), Some("57014"));
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn another_login_never_has_the_session() {
    let kept = Kept::with(REUSE);
    let first = kept.query("select pg_backend_pid()");
    kept.until_waiting("reused", 1);
    for (name, value) in [
        ("PGAPPNAME", "another"),
        ("PGOPTIONS", "-c work_mem=5MB"),
        ("PGDATABASE", "postgres"),
        ("PGCLIENTENCODING", "LATIN1"),
    ] {
        let app = kept.proxy.app().told(name, value);
        assert_ne!(app.query("select pg_backend_pid()"), first, "{name}");
    }
    assert_eq!(kept.query("select pg_backend_pid()"), first);
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn an_upstream_that_ends_a_waiting_session_disturbs_nobody() {
    let kept = Kept::with(REUSE);
    let _ = kept.query("select 1");
    kept.until_waiting("reused", 1);
    kept.azure.server.admin(&format!(
        "select pg_terminate_backend(pid) from pg_stat_activity where usename = '{}'",
        kept.azure.role
    ));
    kept.until_waiting("reused", 0);
    assert_eq!(kept.query("select 2").trim(), "2");
    assert_eq!(kept.came("reused"), 0);
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn the_third_app_finds_a_session_that_is_ready_and_a_database_can_be_dropped_afterwards() {
    let kept = Kept::with("ready_sessions = 2\nkept_for = \"8s\"\n");
    let _ = kept.query("select 1");
    let _ = kept.query("select 1");
    kept.until_waiting("ready", 2);
    let fresh =
        kept.query("select current_setting('application_name'), current_user = session_user");
    assert_eq!(fresh.trim(), "psql|t");
    assert_eq!(kept.came("ready"), 1, "{}", kept.proxy.log());
    assert!(kept.proxy.log().contains("way=ready"));
    kept.until_waiting("ready", 0);
    kept.azure
        .server
        .admin(&format!("drop database {:?}", kept.azure.database));
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn hundreds_of_apps_that_connect_for_each_request_find_sessions() {
    const APPS: u32 = 400;
    let kept = Kept::with("session_reuse = \"reset\"\nready_sessions = 2\nmax_connections = 20\n");
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                for _ in 0..APPS / 4 {
                    let mut app = RawApp::connect(kept.proxy.address());
                    app.log_in("anyone");
                    app.send(&packets::query("select 1"));
                    app.until(b'Z');
                    app.leave();
                }
            });
        }
    });
    let found = kept.came("reused") + kept.came("ready");
    assert!(
        found * 100 >= APPS * 95,
        "{found} of {APPS}: {}",
        Metrics::scrape(kept.health).text()
    );
    assert_eq!(kept.sum("logins_refused_total", &[]), 0);
    assert_eq!(kept.sum("sessions_total", &[]), APPS);
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn apps_that_come_soon_after_each_other_find_a_connection_that_has_said_nothing() {
    let kept = Kept::with("");
    let until = Instant::now() + PATIENCE;
    while kept.came("prepared") < 2 {
        assert!(Instant::now() < until, "{}", kept.proxy.log());
        assert_eq!(kept.query("select 1").trim(), "1");
    }
    assert!(kept.proxy.log().contains("way=prepared"));
    // The key is its server's own: nothing is kept here.
    let mut app = RawApp::connect(kept.proxy.address());
    app.log_in("anyone");
}

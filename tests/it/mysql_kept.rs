//! Sessions of MySQL that wait for apps: made ahead of them on a real MariaDB, and given on by the sample, whose server says that it is
//! MySQL.

use std::thread;
use std::time::Duration;

use azdb_emulator::{ChangesOfUser, EmulatorOptions};
use azdb_tests::{Emulated, MariaDb, Metrics, Proxy, Shop};

/// Where the metrics are.
pub(crate) const HEALTH: &str = "[health]\nlisten = \"127.0.0.1:0\"\n";

/// Sessions that began in this way.
pub(crate) fn opened(proxy: &Proxy, way: &str) -> f64 {
    let metrics = Metrics::scrape(proxy.endpoint("Health"));
    metrics.sum("azdb_proxy_sessions_opened_total", &[("way", way)])
}

/// Waits until a session that an app has left may be another's: a quarter of a second after its reset.
#[track_caller]
pub(crate) fn wait_for_reused(proxy: &Proxy) {
    wait_for(proxy, "reused", 1.0);
    thread::sleep(Duration::from_millis(300));
}

/// Waits until so many of this kind wait for apps.
#[track_caller]
pub(crate) fn wait_for(proxy: &Proxy, kind: &str, count: f64) {
    Metrics::until(proxy.endpoint("Health"), |metrics| {
        metrics.sum("azdb_proxy_sessions_kept", &[("kind", kind)]) >= count
    });
}

#[test]
#[cfg_attr(
    not(has_mariadb),
    ignore = "no MariaDB to write a PAM service for: see scripts/test"
)]
fn apps_that_connect_for_every_request_find_sessions_that_nobody_has_used() {
    const APPS: usize = 60;
    const AT_A_TIME: usize = 2;
    const MOST: usize = 12;
    let server = MariaDb::with(&[]);
    let shop = Shop::on(server);
    let route = shop.route() + &format!("ready_sessions = 4\nmax_connections = {MOST}\n");
    let proxy = shop.start(&(route + HEALTH)).start();
    let before = server.admin("show global status like 'Max_used_connections'");
    assert!(before.ends_with("\t1"), "{before}");
    let app = proxy.mysql_app();
    for _ in 0..2 {
        let _ = app.query("select 1");
    }
    wait_for(&proxy, "ready", 4.0);
    let mut seen: Vec<String> = thread::scope(|scope| {
        let apps = (0..AT_A_TIME).map(|number| {
            let app = &app;
            scope.spawn(move || {
                let request = format!(
                    "create temporary table mine (a int); \
                     select concat_ws(' ', connection_id(), ifnull(@mine, 'none'), get_lock('lock {number}', 0), @@autocommit); \
                     set @mine = 1, autocommit = 0"
                );
                (0..APPS).map(|_| app.query(&request)).collect::<Vec<_>>()
            })
        });
        let apps: Vec<_> = apps.collect();
        apps.into_iter()
            .flat_map(|app| app.join().unwrap())
            .collect()
    });
    for saw in &seen {
        assert!(saw.ends_with(" none 1 ON"), "{saw}");
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(
        seen.len(),
        APPS * AT_A_TIME,
        "a session was somebody's before"
    );
    let found = opened(&proxy, "ready");
    let all = found + opened(&proxy, "dialled");
    assert!(found / all >= 0.95, "{found} of {all}");
    let most = server.admin("show global status like 'Max_used_connections'");
    let most: usize = most.rsplit('\t').next().unwrap().parse().unwrap();
    // And the one that asks.
    assert!(most <= MOST + 1, "{most}");
}

#[test]
#[cfg_attr(
    not(has_mariadb),
    ignore = "no MariaDB to write a PAM service for: see scripts/test"
)]
fn a_late_kill_hits_nobody() {
    let shop = Shop::new();
    let route = shop.route() + "ready_sessions = 2\n";
    let proxy = shop.start(&(route + HEALTH)).start();
    let app = proxy.mysql_app();
    let [_, last] = [0; 2].map(|_| app.query("select connection_id()"));
    wait_for(&proxy, "ready", 2.0);
    // One that has waited, one that an app has read of which was another, and one that was an app's.
    let used = app.query("select connection_id()");
    for id in [last, used] {
        let gone = format!("select count(*) from information_schema.processlist where id = {id}");
        shop.server.admin_until(&gone, "0");
        let killed = app.sql(&format!("kill query {id}"));
        assert!(killed.failed().contains("1094"), "{id}");
    }
    assert!(opened(&proxy, "ready") >= 2.0);
}

/// A proxy before the sample, whose sessions are given on.
fn given_on(changes_of_user: ChangesOfUser) -> (Emulated, Proxy) {
    let mut options = EmulatorOptions::default();
    options.mysql.changes_of_user = changes_of_user;
    let emulated = Emulated::with(options);
    let route = emulated.mysql_route() + "default_database = \"shop\"\nsession_reuse = \"reset\"\n";
    let proxy = emulated.start(&(route + HEALTH)).start();
    (emulated, proxy)
}

#[test]
#[cfg_attr(not(has_mariadb), ignore = "no mariadb client: see scripts/test")]
fn a_session_that_was_left_is_anothers_and_like_new() {
    let (emulated, proxy) = given_on(ChangesOfUser::Accepted);
    let app = proxy.mysql_app();
    let first = app.query("set @mine = 7, autocommit = 0; select connection_id()");
    for turn in 1..=3 {
        wait_for_reused(&proxy);
        let saw = app.query("select connection_id(), @mine, @@autocommit; set @mine = 1");
        assert_eq!(saw, format!("{first}\tNULL\t1"), "{turn}");
    }
    assert_eq!(opened(&proxy, "reused"), 3.0);
    assert_eq!(opened(&proxy, "dialled"), 1.0);
    let logins = emulated.azure.mysql().logins();
    let anew = logins
        .iter()
        .filter(|login| login.is_change && login.token_bytes.is_some());
    assert_eq!(
        (logins.len(), anew.count()),
        (4, 3),
        "each has shown a token"
    );
}

#[test]
#[cfg_attr(not(has_mariadb), ignore = "no mariadb client: see scripts/test")]
fn an_upstream_that_takes_no_change_of_user_has_its_sessions_given_on_too() {
    let (emulated, proxy) = given_on(ChangesOfUser::Refused);
    let app = proxy.mysql_app();
    let ask = || app.query("select connection_id(), @mine; set @mine = 1");
    let first = ask();
    wait_for_reused(&proxy);
    let second = ask();
    assert_ne!(first, second, "it was refused, and dialled for");
    wait_for_reused(&proxy);
    assert_eq!(ask(), second);
    assert_eq!(opened(&proxy, "reused"), 1.0);
    assert_eq!(emulated.azure.mysql().logins().len(), 3);
}

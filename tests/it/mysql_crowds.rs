//! Apps of MySQL that connect for each request, a thousand times: a site on PHP, and the mariadb client.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use azdb_emulator::{ChangesOfUser, EmulatorOptions};
use azdb_tests::{Emulated, MariaDb, Metrics, Page, Process, Proxy, Shop, closed_port, tools};

const HEALTH: &str = "[health]\nlisten = \"127.0.0.1:0\"\n";
const REQUESTS: usize = 1000;
const AT_A_TIME: usize = 4;

/// PHP's own web server, with as many workers as there are requests at a time.
struct Site {
    at: SocketAddr,
    process: Process,
}

impl Site {
    fn of(proxy: &Proxy) -> Self {
        let at = SocketAddr::from(([127, 0, 0, 1], closed_port()));
        let app = proxy.mysql_app();
        // Its workers end with it, whatever ends it.
        let process = app
            .program("unshare")
            .args([
                "--pid",
                "--fork",
                "--kill-child",
                "php",
                "-S",
                &at.to_string(),
            ])
            .arg(tools::app("php/site.php"))
            .env("PHP_CLI_SERVER_WORKERS", AT_A_TIME.to_string())
            .start();
        process.stderr_until(|text| text.contains("started").then_some(()));
        Self { at, process }
    }

    #[track_caller]
    fn visit(&self, path: &str) -> Vec<String> {
        let page = Page::at(self.at, "GET", path, "");
        assert_eq!(page.code(), 200, "{page:?} {}", self.process.stderr());
        serde_json::from_str(&page.body).unwrap_or_else(|_| panic!("{page:?}"))
    }

    /// What all requests have seen, of which each waits for its turn.
    fn visits(&self, path: &str, turn: impl Fn() + Sync) -> Vec<Vec<String>> {
        let visit = |_| {
            turn();
            self.visit(path)
        };
        at_once(|| (0..REQUESTS / AT_A_TIME).map(visit).collect())
    }
}

/// What so many threads have made.
fn at_once<T: Send>(make: impl Fn() -> Vec<T> + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..AT_A_TIME).map(|_| scope.spawn(&make)).collect();
        let made = threads.into_iter().map(|thread| thread.join().unwrap());
        made.flatten().collect()
    })
}

/// That nearly all of these apps have found a session, and none was refused.
#[track_caller]
fn assert_nearly_all_found(proxy: &Proxy, way: &str, apps: usize) {
    let metrics = Metrics::until(proxy.endpoint("Health"), |metrics| {
        metrics.sum("azdb_proxy_sessions_ended_total", &[]) >= apps as f64
    });
    let found = metrics.sum("azdb_proxy_sessions_opened_total", &[("way", way)]);
    assert!(found / apps as f64 >= 0.95, "{found} of {apps}");
    assert_eq!(metrics.sum("azdb_proxy_logins_refused_total", &[]), 0.0);
}

/// That the server has not had more sessions at once than that, by its own count over the time.
#[track_caller]
fn assert_never_more(server: &MariaDb, most: usize) {
    let counted = server.admin("show global status like 'Max_used_connections'");
    let counted: usize = counted.rsplit('\t').next().unwrap().parse().unwrap();
    // It counts the one that asks, and one that an app has left until it has wound that up.
    let most = most + 1 + AT_A_TIME;
    assert!((AT_A_TIME..=most).contains(&counted), "{counted} sessions");
}

#[test]
#[cfg_attr(
    not(all(has_mariadb, has_php)),
    ignore = "no MariaDB to write a PAM service for, or no PHP: see scripts/test"
)]
fn a_thousand_requests_of_php_have_sessions_that_nobody_has_used() {
    const MOST: usize = 24;
    let shop = Shop::on(MariaDb::with(&[]));
    let route = shop.route() + &format!("ready_sessions = 8\nmax_connections = {MOST}\n");
    let proxy = shop.start(&(route + HEALTH)).start();
    let health = proxy.endpoint("Health");
    let site = Site::of(&proxy);
    for _ in 0..2 {
        site.visit("/mysqli");
    }
    // No faster than the server lets anybody in, who has a process started to compare a token.
    let seen = site.visits("/mysqli", || {
        Metrics::until(health, |metrics| {
            metrics.sum("azdb_proxy_sessions_kept", &[]) >= AT_A_TIME as f64
        });
    });
    assert_nearly_all_found(&proxy, "ready", REQUESTS);
    let ids: BTreeSet<_> = seen.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(ids.len(), REQUESTS, "a session was somebody's before");
    assert!(seen.iter().all(|row| row[1..] == ["", "1"]), "{seen:?}");
    assert_never_more(shop.server, MOST);
}

#[test]
#[cfg_attr(
    not(has_mariadb),
    ignore = "no MariaDB to write a PAM service for: see scripts/test"
)]
fn many_runs_of_mariadb_have_sessions_that_nobody_has_used() {
    // A thousand take a minute.
    const RUNS: usize = 200;
    const SHELL: &str = "for run in $(seq $1); do mariadb --no-defaults --host=\"$DB_HOST\" --port=\"$DB_PORT\" \
        --user=\"$DB_USER\" --password=\"$DB_PASSWORD\" -N -B -e \"$2\"; done";
    const SQL: &str = "select connection_id(), ifnull(@mine, 'none'), @@autocommit; set @mine = 1, autocommit = 0";
    const MOST: usize = 10;
    let shop = Shop::on(MariaDb::with(&[]));
    let route = shop.route() + &format!("ready_sessions = 8\nmax_connections = {MOST}\n");
    let proxy = shop.start(&(route + HEALTH)).start();
    let seen = at_once(|| {
        let shell = proxy.mysql_app().program("sh");
        let each = (RUNS / AT_A_TIME).to_string();
        let ran = shell.args(["-ec", SHELL, "sh", &each, SQL]).run();
        ran.succeeded().lines().map(str::to_owned).collect()
    });
    assert_nearly_all_found(&proxy, "ready", RUNS);
    let is_new = |line: &String| line.ends_with("\tnone\t1");
    assert!(seen.iter().all(is_new), "{seen:?}");
    let ids: BTreeSet<_> = seen.iter().collect();
    assert_eq!(ids.len(), RUNS, "a session was somebody's before");
    assert_never_more(shop.server, MOST);
}

#[test]
#[cfg_attr(
    not(all(has_php, has_namespaces)),
    ignore = "no PHP, or no namespaces for it: see scripts/test"
)]
fn a_thousand_requests_of_php_have_sessions_that_others_have_left() {
    // Each waits for a quarter of a second before it is another's.
    const MOST: usize = 100;
    let mut options = EmulatorOptions::default();
    options.mysql.changes_of_user = ChangesOfUser::Accepted;
    let emulated = Emulated::with(options);
    let lines = format!(
        "default_database = \"shop\"\nsession_reuse = \"reset\"\nkept_sessions = {MOST}\nmax_connections = {MOST}\n"
    );
    let route = emulated.mysql_route() + &lines;
    let proxy = emulated.start(&(route + HEALTH)).start();
    let site = Site::of(&proxy);
    let (seen, most) = thread::scope(|scope| {
        let visiting = scope.spawn(|| site.visits("/pdo", || ()));
        let mut most = 0;
        while !visiting.is_finished() {
            most = most.max(emulated.azure.mysql().sessions());
            thread::sleep(Duration::from_millis(1));
        }
        (visiting.join().unwrap(), most)
    });
    assert_nearly_all_found(&proxy, "reused", REQUESTS);
    assert!(seen.iter().all(|row| row[1..] == ["", "1"]), "{seen:?}");
    let ids: BTreeSet<_> = seen.iter().map(|row| row[0].as_str()).collect();
    assert!(ids.len() <= REQUESTS / 20, "{} sessions", ids.len());
    assert!((1..=MOST).contains(&most), "{most} sessions");
}

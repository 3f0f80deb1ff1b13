//! Several upstreams, and upstreams that are away for a moment, with real servers and real clients.

use std::net::SocketAddr;
use std::time::Instant;

use azdb_tests::{
    Azure, AzureSql, Emulated, Encrypt, Fake, MariaDb, MysqlPeer, PATIENCE, Program, Proxy, RawApp,
    Shop, SqlApp, Start, closed_port, tools,
};

/// A route with an upstream before its own.
fn behind(first: SocketAddr, route: &str) -> String {
    let lines = route
        .lines()
        .map(|line| match line.strip_prefix("upstream = ") {
            Some(upstream) => {
                format!("upstream = [\"{first}\", {upstream}]\nlogin_timeout = \"4s\"\n")
            }
            None if line.starts_with("connect_to") => String::new(),
            None => format!("{line}\n"),
        });
    lines.collect()
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn psql_gets_in_behind_an_upstream_that_says_nothing() {
    let (azure, silent) = (Azure::new(), Fake::silent());
    let proxy = azure
        .start(&behind(silent.address(), &azure.route()))
        .start();
    for _ in 0..3 {
        assert_eq!(proxy.app().query("select current_user"), azure.role);
    }
    assert_eq!(silent.heard().len(), 1, "the others begin with the second");
}

#[test]
#[cfg_attr(not(has_mariadb), ignore = "no MariaDB: see scripts/test")]
fn mariadb_gets_in_behind_an_upstream_that_says_nothing() {
    let (shop, silent) = (Shop::new(), Fake::silent());
    let proxy = shop.start(&behind(silent.address(), &shop.route())).start();
    for _ in 0..3 {
        assert_eq!(proxy.mysql_app().query("select 1"), "1");
    }
    assert_eq!(silent.heard().len(), 1, "the others begin with the second");
}

#[test]
#[cfg_attr(not(has_mariadb), ignore = "no MariaDB: see scripts/test")]
fn mariadb_gets_in_behind_an_upstream_that_greets_and_does_not_speak_tls() {
    let shop = Shop::new();
    let mute = Fake::start(|conversation| {
        conversation.say(&azdb_tests::mysql_greeting())?;
        conversation.listen_to_the_end()
    });
    let proxy = shop.start(&behind(mute.address(), &shop.route())).start();
    assert_eq!(proxy.mysql_app().query("select 1"), "1");
}

#[test]
#[cfg_attr(not(has_freetds), ignore = "no FreeTDS: see scripts/test")]
fn tsql_gets_in_behind_an_upstream_that_says_nothing() {
    let (azure, silent) = (AzureSql::new(), Fake::silent());
    let route = behind(silent.address(), &azure.route());
    let identity = azure.azure.identity();
    let proxy = Start::run_with(&route)
        .env("IDENTITY_ENDPOINT", &identity.url())
        .env("IDENTITY_HEADER", identity.secret())
        .start();
    for _ in 0..2 {
        let app = SqlApp::of(&proxy, Encrypt::Off);
        let ran = app.freetds("tsql").stdin("select 42 as x\ngo\n").run();
        assert!(ran.stdout.contains("42"), "{ran:?}");
    }
    assert_eq!(silent.heard().len(), 1, "the others begin with the second");
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn psql_waits_while_its_server_is_started_again() {
    let azure = Azure::alone();
    let route = azure.route() + "login_timeout = \"60s\"\n";
    let proxy = azure.start(&route).start();
    assert_eq!(proxy.app().query("select 1"), "1");
    let stopped = azure.server.stop();
    let waiting = proxy
        .app()
        .psql()
        .args(["-c", "select current_user"])
        .start();
    proxy.log_until("logins are held until it is back");
    let _again = stopped.start();
    let ran = waiting.wait();
    assert_eq!(ran.succeeded(), azure.role);
    proxy.log_until("the upstream is back");
}

#[test]
#[cfg_attr(not(has_mariadb), ignore = "no MariaDB: see scripts/test")]
fn mariadb_waits_for_a_place() {
    let shop = Shop::on(MariaDb::with(&[]));
    let route = shop.route() + "login_timeout = \"60s\"\n";
    let proxy = shop.start(&route).start();
    assert_eq!(proxy.mysql_app().query("select 1"), "1");
    // The proxy's own session has left its place.
    let there = format!(
        "select count(*) from information_schema.processlist where user in ('unauthenticated user', '{}')",
        shop.user
    );
    shop.server.admin_until(&there, "0");
    shop.server.admin("set global max_connections = 10");
    let address = SocketAddr::from(([127, 0, 0, 1], shop.server.port));
    // There is one place more, for administrators, and the last of them may not have left it yet.
    let (mut full, until) = (Vec::new(), Instant::now() + PATIENCE);
    while full.len() < 11 {
        assert!(Instant::now() < until, "{} have places", full.len());
        let mut peer = MysqlPeer::connect(address);
        if peer.hear().first() != Some(&0xff) {
            full.push(peer);
        }
    }
    let waiting = proxy
        .mysql_app()
        .mariadb("mariadb")
        .stdin("select 42")
        .start();
    let line = proxy.log_until("logins are held until it is back");
    assert!(line.contains("Too many connections"), "{line}");
    drop(full);
    let ran = waiting.wait();
    assert!(ran.succeeded().contains("42"), "{ran:?}");
}

/// A proxy whose database is where nobody listens.
fn away() -> (Emulated, Proxy) {
    let emulated = Emulated::new();
    let port = emulated.azure.postgres().address().port();
    let route = emulated
        .route()
        .replace(&port.to_string(), &closed_port().to_string());
    let proxy = emulated.start(&(route + "hold_logins = false\n")).start();
    (emulated, proxy)
}

fn pg_isready(proxy: &Proxy) -> Option<i32> {
    let port = proxy.address().port().to_string();
    Program::new(tools::postgres("pg_isready"))
        .args(["-h", "127.0.0.1", "-p", &port])
        .run()
        .code
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn pg_isready_knows_whether_the_database_is_there() {
    const ACCEPTING: Option<i32> = Some(0);
    const REJECTING: Option<i32> = Some(1);
    let azure = Azure::new();
    assert_eq!(pg_isready(&azure.proxy()), ACCEPTING);
    let (_emulated, away) = away();
    assert_eq!(pg_isready(&away), REJECTING, "refused");
    let nowhere = azure
        .route()
        .replace("localhost", "no-such-host.invalid")
        .replace("connect_to", "# connect_to");
    assert_eq!(
        pg_isready(&azure.start(&nowhere).start()),
        REJECTING,
        "unknown"
    );
    let full = azure
        .start(&(azure.route() + "max_connections = 1\n"))
        .start();
    let mut app = RawApp::connect(full.address());
    app.log_in("anyone");
    assert_eq!(pg_isready(&full), REJECTING, "full");
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn psql_goes_on_to_its_next_host() {
    let azure = Azure::new();
    let (good, (_emulated, away)) = (azure.proxy(), away());
    let full = azure
        .start(&(azure.route() + "max_connections = 1\n"))
        .start();
    let mut app = RawApp::connect(full.address());
    app.log_in("anyone");
    for first in [&away, &full] {
        let ports = format!("{},{}", first.address().port(), good.address().port());
        let app = good
            .app()
            .told("PGHOST", "127.0.0.1,127.0.0.1")
            .told("PGPORT", ports);
        assert_eq!(app.query("select current_user"), azure.role);
    }
}

#[test]
#[cfg_attr(
    not(has_namespaces),
    ignore = "no network namespaces: see scripts/test"
)]
fn a_silent_name_server_holds_back_nobody_who_wants_another_name() {
    const LOGINS: usize = 60;
    let directory = tempfile::TempDir::new().unwrap();
    let [silent, other] = ["silent", "other"].map(|name| directory.path().join(name));
    let route = |name: &str, door: &std::path::Path, upstream: &str| {
        format!(
            "[[route]]\nname = \"{name}\"\nprotocol = \"postgres\"\nupstream = \"{upstream}\"\n\
             upstream_user = \"x\"\nlisten = \"unix:{}/\"\nhold_logins = false\n\
             upstream_auth = \"password\"\nupstream_password_file = \"password\"\n",
            door.display()
        )
    };
    let configuration = route("silent", &silent, "db.example.org")
        + &route("other", &other, &format!("127.0.0.1:{}", closed_port()));
    // Packets to the name server leave by a device at whose far end nobody reads them, and are waited for as long as can be.
    let before = "umask 077; printf secret > password
        printf 'nameserver 192.0.2.53\\noptions timeout:30 attempts:5\\n' > resolv.conf
        mount --bind resolv.conf /etc/resolv.conf
        ip link set lo up
        ip link add near type veth peer name far
        ip addr add 192.0.2.1/24 dev near
        ip link set near up
        ip link set far up
        ip neigh add 192.0.2.53 lladdr 02:00:00:00:00:01 dev near";
    for door in [&silent, &other] {
        std::fs::create_dir(door).unwrap();
    }
    let proxy = Start::run_alone_after(before, &configuration).start();
    let waiting: Vec<_> = (0..LOGINS)
        .map(|_| {
            let app = azdb_tests::App::at(silent.to_str().unwrap(), 5432);
            app.psql().args(["-c", "select 1"]).start()
        })
        .collect();
    let threads = || {
        let tasks = format!("/proc/{}/task", proxy.pid());
        let tasks = std::fs::read_dir(tasks).unwrap();
        let names = tasks
            .flatten()
            .filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
        names.filter(|name| name.trim() == "look-up").count()
    };
    while threads() == 0 {
        std::thread::yield_now();
    }
    let app = azdb_tests::App::at(other.to_str().unwrap(), 5432);
    let ran = app.sql("select 1");
    assert!(ran.failed().contains("cannot connect to `"), "{ran:?}");
    assert_eq!(threads(), 1, "and that one still waits");
    for login in waiting {
        let ran = login.wait();
        let text = "azdb-proxy: cannot resolve `db.example.org`: no answer within 5s";
        assert!(ran.failed().contains(text), "{ran:?}");
    }
}

#[test]
#[cfg_attr(
    not(all(has_mariadb, has_java)),
    ignore = "no MariaDB or no Connector/J: see scripts/test"
)]
fn jdbc_drivers_of_mysql_go_on_to_their_next_host() {
    let shop = Shop::new();
    let good = shop.proxy();
    let port = shop.server.port.to_string();
    let away = shop
        .start(&(shop.route().replace(&port, &closed_port().to_string()) + "hold_logins = false\n"))
        .start();
    let full = shop
        .start(&(shop.route() + "max_connections = 1\n"))
        .start();
    let _only = MysqlPeer::log_in(full.address());
    for (scheme, driver) in [
        ("mysql", "mysql-connector-j"),
        ("mariadb", "mariadb-java-client"),
    ] {
        for first in [&away, &full] {
            let (first, second) = (first.address(), good.address());
            let url = format!("jdbc:{scheme}://{first},{second}/{}", shop.database);
            let ran = good
                .mysql_app()
                .java("NextHost.java", driver)
                .arg(url)
                .run();
            assert!(ran.succeeded().starts_with(&shop.user), "{scheme}: {ran:?}");
        }
    }
}

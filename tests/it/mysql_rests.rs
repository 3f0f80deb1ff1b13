//! Where answers of MySQL end, as it shows when the proxy ends: idle sessions end at once, whatever they have done before, and others
//! when they come to that.

use azdb_tests::{MysqlPeer, Process, Program, Proxy, Shop, closed_port};
use rustix::process::Signal;

/// A proxy that ends idle sessions when it is told to end, and waits for others longer than any test.
fn draining(shop: &Shop, route: &str) -> Proxy {
    let process = "[process]\ndrain_idle = \"now\"\nmax_sigterm_delay = \"10m\"\n";
    shop.start(&format!("{process}{route}")).start()
}

/// Tells the proxy to end, whose sessions are all idle.
#[track_caller]
fn assert_ends_at_once(proxy: Proxy) {
    proxy.signal(Signal::TERM);
    let ran = proxy.wait();
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

/// Waits until an app has left all its connections idle.
#[track_caller]
fn at_rest(app: &Process) {
    app.stdout_until(|text| text.contains(" at rest").then_some(()));
}

/// An app that leaves a connection idle behind each kind of statement.
#[track_caller]
fn assert_rests(program: impl Fn(&Proxy, &Shop) -> Program) {
    let shop = Shop::new();
    let proxy = draining(&shop, &shop.route());
    let app = program(&proxy, &shop).interactive().start();
    at_rest(&app);
    assert_ends_at_once(proxy);
    let _ = app.wait();
}

#[test]
#[cfg_attr(
    not(all(has_mariadb, has_python)),
    ignore = "no drivers for Python: see scripts/test"
)]
fn drivers_of_python_are_at_rest_behind_every_kind_of_statement() {
    for driver in ["pymysql", "mysqlclient", "pure", "c"] {
        assert_rests(|proxy, shop| {
            let app = proxy.mysql_app().told("DB_NAME", &shop.database);
            app.python("rests.py").arg(driver)
        });
    }
}

#[test]
#[cfg_attr(
    not(all(has_mariadb, has_java)),
    ignore = "no Connector/J: see scripts/test"
)]
fn both_connector_js_are_at_rest_behind_every_kind_of_statement() {
    for (scheme, driver, options) in [
        ("mysql", "mysql-connector-j", "sslMode=DISABLED"),
        ("mysql", "mysql-connector-j", "useCompression=true"),
        ("mariadb", "mariadb-java-client", ""),
        (
            "mariadb",
            "mariadb-java-client",
            "useBulkStmts=true&disablePipeline=true",
        ),
    ] {
        assert_rests(|proxy, shop| {
            let app = proxy.mysql_app().told("DB_NAME", &shop.database);
            let app = app.told("DB_OPTIONS", options);
            app.java("Rests.java", driver).arg(scheme)
        });
    }
}

#[test]
#[cfg_attr(
    not(all(has_mariadb, has_node)),
    ignore = "no drivers for Node: see scripts/test"
)]
fn drivers_of_node_are_at_rest_behind_every_kind_of_statement() {
    for driver in ["mysql", "mysql2", "mariadb"] {
        assert_rests(|proxy, shop| {
            let app = proxy.mysql_app().told("DB_NAME", &shop.database);
            app.node("rests.cjs").arg(driver)
        });
    }
}

#[test]
#[cfg_attr(
    not(all(has_mariadb, has_go)),
    ignore = "no go-sql-driver: see scripts/test"
)]
fn go_sql_driver_is_at_rest_behind_every_kind_of_statement() {
    assert_rests(|proxy, _| proxy.mysql_app().told("DB_TLS", "false").go().arg("rests"));
}

/// What none of these drivers sends, or not so: sent ahead, and the proxy told to end before anything has been read.
#[test]
#[cfg_attr(
    not(has_mariadb),
    ignore = "no MariaDB to write a PAM service for: see scripts/test"
)]
fn commands_that_few_send_are_answered_and_come_to_rest() {
    let prepare = &b"\x16select seq from seq_1_to_5 where seq > ?"[..];
    // The last statement, with a cursor, and a parameter of type 8 that is 2.
    let execute = [
        &b"\x17\xff\xff\xff\xff\x01\x01\0\0\0\0\x01\x08\0"[..],
        &[2, 0, 0, 0, 0, 0, 0, 0],
    ]
    .concat();
    let fetch = |rows: u8| [&b"\x1c\xff\xff\xff\xff"[..], &[rows, 0, 0, 0]].concat();
    let stories: [&[&[u8]]; 16] = [
        &[
            b"\x03create or replace table few (a int, b text)",
            b"\x04few\0",
        ],
        &[b"\x04nowhere\0"],
        &[b"\x05", b"\x06"],
        &[b"\x07\x01"],
        &[b"\x09"],
        &[b"\x0a"],
        &[b"\x0c\xff\xff\xff\x7f"],
        &[b"\x0d"],
        &[b"\x0e", b"\x0f", b"\x1d", b"\x63", b""],
        &[b"\x1b\x01\0", b"\x03select 1", b"\x1b\0\0"],
        &[b"\x1a\x09\0\0\0", b"\x1c\x09\0\0\0\x01\0\0\0"],
        &[prepare, &execute, &fetch(2), &fetch(2)],
        &[prepare, &execute, &fetch(2), b"\x1a\xff\xff\xff\xff"],
        &[prepare, b"\x18\x01\0\0\0\0\0data", b"\x19\x01\0\0\0"],
        &[b"\x16nonsense", b"\x17\xff\xff\xff\xff\0\x01\0\0\0"],
        &[b"\x1f", b"\x02mysql", b"\x02nowhere"],
    ];
    let shop = Shop::new();
    let proxy = draining(&shop, &shop.route());
    let mut apps: Vec<_> = stories
        .iter()
        .map(|commands| {
            let mut app = MysqlPeer::log_in(proxy.address());
            commands.iter().for_each(|command| app.command(command));
            app
        })
        .collect();
    proxy.signal(Signal::TERM);
    for (app, commands) in apps.iter_mut().zip(stories) {
        let rest = app.rest();
        assert!(!rest.is_empty(), "{commands:?}");
    }
    let ran = proxy.wait();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let idle = "closed_by=proxy why=shutting_down at_rest=true";
    assert_eq!(ran.stderr.matches(idle).count(), stories.len(), "{ran:?}");
}

#[test]
#[cfg_attr(
    not(has_mariadb),
    ignore = "no MariaDB to write a PAM service for: see scripts/test"
)]
fn an_app_in_a_transaction_or_a_query_is_waited_for() {
    let query = |sql: &str| [b"\x03", sql.as_bytes()].concat();
    let shop = Shop::new();
    let proxy = draining(&shop, &shop.route());
    let mut idle = MysqlPeer::log_in(proxy.address());
    let mut busy = MysqlPeer::log_in(proxy.address());
    busy.command(&query("start transaction"));
    assert_eq!(busy.hear()[..2], [0, 0]);
    let mut waiting = MysqlPeer::log_in(proxy.address());
    waiting.command(&query("do get_lock('until the end', 0)"));
    assert_eq!(waiting.hear()[0], 0);
    let sleeping = format!("do sleep(2) /* {} */", shop.database);
    waiting.command(&query(&sleeping));
    let runs = "select count(*) from information_schema.processlist where info = ";
    let runs = format!("{runs}'{sleeping}'");
    shop.server.admin_until(&runs, "1");

    proxy.signal(Signal::TERM);
    assert_eq!(idle.rest(), b"");
    // What it asks for in its transaction it gets, and with the end of that comes its own.
    busy.command(&query("do 1"));
    assert_eq!(busy.hear()[0], 0);
    busy.command(&query("commit"));
    assert_eq!(busy.hear()[0], 0);
    assert_eq!(busy.rest(), b"");
    assert_eq!(waiting.hear()[0], 0);
    assert_eq!(waiting.rest(), b"");
    let ran = proxy.wait();
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

/// An app with a pool, at a proxy that ends and comes again.
#[track_caller]
fn assert_pool_comes_again(program: impl Fn(&Proxy, &Shop) -> Program) {
    let shop = Shop::new();
    let route = shop.route();
    let port = closed_port();
    let route = route.replace("127.0.0.1:0", &format!("127.0.0.1:{port}"));
    let mut proxy = draining(&shop, &route);
    let mut app = program(&proxy, &shop).interactive().start();
    for time in 1..=3 {
        app.type_line("ask");
        app.stdout_until(|text| text.contains(&format!("asked {time}")).then_some(()));
        assert_ends_at_once(proxy);
        proxy = draining(&shop, &route);
    }
    let ran = app.wait();
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

#[test]
#[cfg_attr(
    not(all(has_mariadb, has_java, has_hikari)),
    ignore = "no HikariCP: see scripts/test"
)]
fn a_pool_of_hikari_comes_again_without_an_error() {
    for (scheme, driver) in [
        ("mysql", "mysql-connector-j"),
        ("mariadb", "mariadb-java-client"),
    ] {
        assert_pool_comes_again(|proxy, shop| {
            let app = proxy.mysql_app().told("DB_NAME", &shop.database);
            app.java_with_pool("UsesPool.java", driver).arg(scheme)
        });
    }
}

#[test]
#[cfg_attr(
    not(all(has_mariadb, has_node)),
    ignore = "no drivers for Node: see scripts/test"
)]
fn pools_of_node_come_again_without_an_error() {
    for driver in ["mysql", "mysql2", "mariadb"] {
        assert_pool_comes_again(|proxy, _| proxy.mysql_app().node("uses_pool.cjs").arg(driver));
    }
}

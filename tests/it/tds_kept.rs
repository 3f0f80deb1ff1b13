//! Sessions of SQL Server that wait for apps: apps that connect for each request, and what they find of those before them.

use azdb_tests::{AzureSql, Encrypt, LoginBy, Metrics, Proxy, SqlApp, Start, seen_lines};
use serde_json::{Value, json};

const REUSE: &str = "session_reuse = \"reset\"\n";
const LEVEL: &str =
    "select transaction_isolation_level from sys.dm_exec_sessions where session_id = @@spid";

/// A proxy with these lines in its route, and its metrics.
fn watched(azure: &AzureSql, lines: &str) -> Proxy {
    let health = "[health]\nlisten = \"127.0.0.1:0\"\n";
    Start::run_with(&format!("{health}{}{lines}", azure.route()))
        .envs(azure.environment())
        .start()
}

fn count(proxy: &Proxy, name: &str, labels: &[(&str, &str)]) -> f64 {
    let metrics = Metrics::scrape(proxy.endpoint("Health"));
    metrics.sum(&format!("azdb_proxy_{name}"), labels)
}

/// Sessions that began in this way.
fn opened(proxy: &Proxy, way: &str) -> f64 {
    count(proxy, "sessions_opened_total", &[("way", way)])
}

/// Waits until so many sessions wait for an app.
#[track_caller]
fn until_kept(proxy: &Proxy, sessions: f64) {
    Metrics::until(proxy.endpoint("Health"), |metrics| {
        metrics.sum("azdb_proxy_sessions_kept", &[]) == sessions
    });
}

/// What an app on pymssql sees in these visits.
#[track_caller]
fn visits(app: &SqlApp, visits: &[&str]) -> Vec<Value> {
    seen_lines(app.python("visits_tds.py").args(visits))
}

/// What an app sees of this that comes when the one before has left, and its session waits.
#[track_caller]
fn then(proxy: &Proxy, app: &SqlApp, visit: &str) -> Value {
    until_kept(proxy, 1.0);
    visits(app, &[visit]).remove(0)
}

#[test]
#[cfg_attr(not(has_python), ignore = "no pymssql: see scripts/test")]
fn a_thousand_connects_of_pymssql_find_sessions_that_were_reset() {
    let azure = AzureSql::new();
    let proxy = watched(
        &azure,
        "session_reuse = \"reset\"\nmax_connections = 6\nkept_sessions = 6\n",
    );
    let app = SqlApp::of(&proxy, Encrypt::Off);
    let program = || app.python("visits_tds.py").arg("500 x select db_name()");
    let running = [program().start(), program().start()];
    for process in running {
        let ran = process.wait();
        assert_eq!(ran.succeeded().trim(), r#"[[["shop"]]]"#);
    }
    let (reused, dialled) = (opened(&proxy, "reused"), opened(&proxy, "dialled"));
    assert_eq!(reused + dialled, 1000.0);
    assert!(reused >= 950.0, "{reused}");
    let logins = azure.azure.tds().logins().len();
    assert!(logins as f64 == dialled, "{logins} {dialled}");
    assert!(azure.azure.tds().asked().resets as f64 >= reused);
    azure.assert_content();
}

#[test]
#[cfg_attr(not(has_python), ignore = "no pymssql: see scripts/test")]
fn connects_of_pymssql_find_sessions_that_nobody_has_used() {
    let azure = AzureSql::new();
    let proxy = watched(&azure, "ready_sessions = 5\nmax_connections = 9\n");
    let app = SqlApp::of(&proxy, Encrypt::On);
    visits(&app, &["2 x select 1"]);
    until_kept(&proxy, 5.0);
    let seen = visits(&app, &["200 x select db_name(), @@trancount"]);
    assert_eq!(seen, [json!([[["shop", 0]]])]);
    let ready = opened(&proxy, "ready");
    assert!(ready >= 190.0, "{ready}");
    // Nobody has used one before.
    assert_eq!(azure.azure.tds().asked().resets, 0);
    azure.assert_content();
}

#[test]
#[cfg_attr(not(has_python), ignore = "no pymssql: see scripts/test")]
fn nothing_of_the_app_before_is_there() {
    // A developer's server, because its reset leaves the isolation level as it is.
    let azure = AzureSql::logged_in_by(LoginBy::Password);
    let proxy = watched(&azure, REUSE);
    let app = SqlApp::of(&proxy, Encrypt::Off);
    let spid = visits(&app, &["select @@spid"]).remove(0);
    for (before, asked, expected) in [
        (
            "set transaction isolation level serializable",
            LEVEL,
            json!([[2]]),
        ),
        (
            "begin tran\ndelete from orders",
            "select @@trancount",
            json!([[0]]),
        ),
        (
            "create table #t (id int)",
            "create table #t (id int)",
            json!([]),
        ),
        (
            "set textsize 4",
            "select cast(N'abcdef' as nvarchar(max))",
            json!([["abcdef"]]),
        ),
        (
            "set implicit_transactions on",
            "delete from orders where id = 0\nselect @@trancount",
            json!([[0]]),
        ),
        (
            "select * from nowhere",
            "select count(*) from customers where id = 1",
            json!([[1]]),
        ),
    ] {
        then(&proxy, &app, before);
        assert_eq!(then(&proxy, &app, asked), json!([expected]), "{before}");
        assert_eq!(then(&proxy, &app, "select @@spid"), spid, "{before}");
    }
    let orders = then(&proxy, &app, "select count(*) from orders");
    assert_ne!(orders, json!([[[0]]]), "they were not deleted");
    assert_eq!(opened(&proxy, "dialled"), 1.0);
}

#[test]
#[cfg_attr(not(has_python), ignore = "no pymssql: see scripts/test")]
fn a_session_that_is_not_whole_or_of_another_login_is_nobodys() {
    let azure = AzureSql::new();
    let proxy = watched(&azure, REUSE);
    let app = SqlApp::of(&proxy, Encrypt::Off);
    let spid = visits(&app, &["select @@spid"]).remove(0);
    // An answer that nobody has read to its end: it is longer than what lies in sockets.
    let half = "half: select N'some words of it', @@version from generate_series(1, 300000)";
    assert_eq!(then(&proxy, &app, half), json!([[true]]));
    until_kept(&proxy, 0.0);
    let other = visits(&app, &["select @@spid"]).remove(0);
    assert_ne!(other, spid);
    let others = [("TDS_APP", "another"), ("TDS_DATABASE", "master")];
    for ((name, value), waiting) in others.into_iter().zip([1.0, 2.0]) {
        until_kept(&proxy, waiting);
        let stranger = SqlApp::of(&proxy, Encrypt::Off).told(name, value);
        let seen = visits(&stranger, &["select @@spid"]).remove(0);
        assert_ne!(seen, other, "{name}");
        until_kept(&proxy, waiting + 1.0);
        let seen = visits(&app, &["select @@spid"]).remove(0);
        assert_eq!(seen, other, "{name}");
    }
}

#[test]
#[cfg_attr(not(has_jtds), ignore = "no jTDS: see scripts/test")]
fn jtds_of_7_1_finds_its_session() {
    let azure = AzureSql::new();
    let proxy = watched(&azure, REUSE);
    let app = SqlApp::of(&proxy, Encrypt::Off);
    let port = proxy.address().port();
    let url = format!("jdbc:jtds:sqlserver://localhost:{port}/shop\nanyone\nany password");
    let program = || {
        app.java_program("Connects", "../jtds/jtds.jar", "")
            .arg(&url)
    };
    for _ in 0..3 {
        assert_eq!(program().run().succeeded().trim(), "8");
        until_kept(&proxy, 1.0);
    }
    assert_eq!(
        (opened(&proxy, "dialled"), opened(&proxy, "reused")),
        (1.0, 2.0)
    );
    azure.assert_content();
}

#[test]
#[cfg_attr(not(has_node), ignore = "no tedious: see scripts/test")]
fn tedious_finds_its_session_and_not_one_in_which_it_had_transactions() {
    let azure = AzureSql::new();
    let proxy = watched(&azure, REUSE);
    let app = SqlApp::of(&proxy, Encrypt::On);
    // Transactions by request, bulk loads, requests that it cancels.
    assert!(
        app.node("with_tedious.cjs")
            .run()
            .succeeded()
            .contains("rows")
    );
    proxy.log_until("session ended");
    assert_eq!(count(&proxy, "session_resets_total", &[]), 0.0);
    let port = proxy.address().port();
    let settings = format!(
        "{{ server: 'localhost', port: {port}, database: 'shop', user: 'anyone', password: 'any', \
          options: {{ encrypt: true, trustServerCertificate: true }} }}"
    );
    for _ in 0..2 {
        let ran = app.node("connects.cjs").args(["tedious", &settings]).run();
        assert_eq!(ran.succeeded().trim(), "8");
        until_kept(&proxy, 1.0);
    }
    assert_eq!(opened(&proxy, "reused"), 1.0);
    azure.assert_content();
}

#[test]
#[cfg_attr(not(has_freetds), ignore = "no FreeTDS: see scripts/test")]
fn tsql_finds_its_session_in_each_version() {
    let azure = AzureSql::new();
    let proxy = watched(&azure, REUSE);
    for (at, version) in ["7.1", "7.2", "7.3", "7.4"].iter().enumerate() {
        let app = SqlApp::of(&proxy, Encrypt::Off).version(version);
        for _ in 0..2 {
            let script = "select name from products where id = 3\ngo\n";
            let ran = app.freetds("tsql").stdin(script).run();
            assert!(ran.stdout.contains("Aged pecorino"), "{version}: {ran:?}");
            until_kept(&proxy, at as f64 + 1.0);
        }
        assert_eq!(opened(&proxy, "reused"), at as f64 + 1.0, "{version}");
    }
    azure.assert_content();
}

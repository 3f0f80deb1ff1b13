//! Drivers of MySQL and MariaDB, each in a small program that uses it as its documentation says and knows nothing of the
//! proxy.

use azdb_tests::{MariaDb, Program, Shop};
use serde_json::{Value, json};

/// Runs a program and reads what it saw.
#[track_caller]
fn seen(program: Program) -> Value {
    let ran = program.run();
    serde_json::from_str(ran.succeeded()).unwrap()
}

/// Whether the app became the user, in the database of the route although it named none, and what else it saw.
#[track_caller]
fn assert_seen(seen: &Value, shop: &Shop, expected: &Value) {
    assert_eq!(seen["user"], json!(format!("{}@%", shop.user)), "{seen}");
    assert_eq!(seen["database"], json!(shop.database), "{seen}");
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&seen[name], value, "{name} of {seen}");
    }
}

#[test]
#[cfg_attr(
    not(has_mariadb),
    ignore = "no MariaDB to write a PAM service for: see scripts/test"
)]
fn the_mariadb_client_becomes_the_user() {
    let shop = Shop::new();
    let proxy = shop.proxy();
    let answer = proxy
        .mysql_app()
        .query("select current_user(), database(), 'naïve'");
    assert_eq!(answer, format!("{}@%\t{}\tnaïve", shop.user, shop.database));
    let refused = proxy.mysql_app().sql("select * from nowhere");
    assert!(
        refused
            .failed()
            .contains("ERROR 1146 (42S02) at line 1: Table "),
        "{refused:?}"
    );
}

#[test]
#[cfg_attr(
    not(all(has_mariadb, has_python)),
    ignore = "no PyMySQL: see scripts/test"
)]
fn pymysql_sends_long_packets_and_files_and_kills_its_own_query() {
    let shop = Shop::new();
    let proxy = shop.proxy();
    let seen = seen(proxy.mysql_app().python("with_pymysql.py"));
    let expected = json!({
        "parameters": [3, "naïve"],
        "own_thread": true,
        "long_query": 40 << 20,
        "long_row": 20 << 20,
        "loaded": [12 << 20, 1],
        "killed": 1317,
        "error": 1146,
    });
    assert_seen(&seen, &shop, &expected);
}

#[test]
#[cfg_attr(
    not(all(has_mariadb, has_python)),
    ignore = "no MySQL Connector/Python: see scripts/test"
)]
fn mysql_connector_python_changes_users_and_resets_in_both_flavours() {
    let shop = Shop::new();
    let proxy = shop.proxy();
    for arguments in [
        &["pure"][..],
        &["c"],
        &["pure", "caching_sha2_password"],
        &["c", "caching_sha2_password"],
        &["c", "sha256_password"],
        &["c", "mysql_native_password"],
    ] {
        let seen = seen(
            proxy
                .mysql_app()
                .python("with_mysql_connector.py")
                .args(arguments),
        );
        let expected = json!({
            "prepared": ["3", "naïve"],
            "changed": true,
            "reset": true,
            "database_again": shop.database,
        });
        assert_seen(&seen, &shop, &expected);
    }
}

#[test]
#[cfg_attr(
    not(all(has_mariadb, has_python)),
    ignore = "no mysqlclient: see scripts/test"
)]
fn mysqlclient_changes_users() {
    let shop = Shop::new();
    let proxy = shop.proxy();
    let seen = seen(proxy.mysql_app().python("with_mysqlclient.py"));
    let expected = json!({
        "parameters": [3, "naïve"],
        "changed": true,
        "database_again": shop.database,
    });
    assert_seen(&seen, &shop, &expected);
}

#[test]
#[cfg_attr(
    not(all(has_mariadb, has_node)),
    ignore = "no mysql, mysql2: see scripts/test"
)]
fn node_mysql_and_mysql2_change_users_and_queue_queries() {
    for driver in ["mysql", "mysql2"] {
        let shop = Shop::new();
        let proxy = shop.proxy();
        let seen = seen(proxy.mysql_app().node("with_mysql.cjs").arg(driver));
        let expected = json!({
            "parameters": [3, "naïve"],
            "changed": true,
            "queued": [1, 2, 3, 4, 5],
            "error": 1146,
        });
        assert_seen(&seen, &shop, &expected);
    }
}

#[test]
#[cfg_attr(
    not(all(has_mariadb, has_node)),
    ignore = "no mariadb: see scripts/test"
)]
fn node_mariadb_pipelines_and_batches() {
    let shop = Shop::new();
    let proxy = shop.proxy();
    let app = proxy.mysql_app().told("DB_NAME", &shop.database);
    let seen = seen(app.node("with_mariadb.cjs"));
    let expected = json!({
        "prepared": [3, "naïve"],
        "changed": true,
        "pipelined": [1, 2, 3, 4, 5],
        "batch": 1000,
    });
    assert_seen(&seen, &shop, &expected);
}

#[test]
#[cfg_attr(not(all(has_mariadb, has_php)), ignore = "no PHP: see scripts/test")]
fn phps_persistent_connections_come_back_like_new() {
    let shop = Shop::new();
    let proxy = shop.proxy();
    let mysqli = seen(proxy.mysql_app().php("with_mysqli.php"));
    let expected = json!({
        "prepared": ["3", "naïve"],
        "reused": true,
        "changed": true,
        "changed_again": true,
        "error": 1146,
    });
    assert_seen(&mysqli, &shop, &expected);
    let pdo = seen(proxy.mysql_app().php("with_pdo_mysql.php"));
    let expected = json!({"prepared": ["3", "naïve"], "reused": true, "error": 1146});
    assert_seen(&pdo, &shop, &expected);
}

#[test]
#[cfg_attr(
    not(all(has_mariadb, has_perl)),
    ignore = "no DBD::MariaDB, DBD::mysql: see scripts/test"
)]
fn perls_two_drivers_prepare_statements() {
    for driver in ["MariaDB", "mysql"] {
        let shop = Shop::new();
        let proxy = shop.proxy();
        let seen = seen(proxy.mysql_app().perl("with_dbi.pl").arg(driver));
        let expected = json!({"prepared": ["3", "naïve"], "own_thread": true, "error": 1146});
        assert_seen(&seen, &shop, &expected);
    }
}

#[test]
#[cfg_attr(
    not(all(has_mariadb, has_java)),
    ignore = "no Connector/J: see scripts/test"
)]
fn both_connector_js_batch_and_time_out() {
    for (scheme, driver, options) in [
        ("mariadb", "mariadb-java-client", ""),
        ("mariadb", "mariadb-java-client", "?sslMode=trust"),
        ("mysql", "mysql-connector-j", ""),
        ("mysql", "mysql-connector-j", "?sslMode=REQUIRED"),
        ("mysql", "mysql-connector-j", "?sslMode=DISABLED"),
    ] {
        let shop = Shop::new();
        let proxy = shop.proxy();
        let app = proxy.mysql_app().told("DB_OPTIONS", options);
        let seen = seen(app.java("WithMysql.java", driver).arg(scheme));
        // The server always sees TLS; the app's own ends at the proxy.
        let expected = json!({
            "prepared": 3,
            "batch": 1000,
            "timed_out": true,
            "error": 1146,
            "tls": true,
        });
        assert_seen(&seen, &shop, &expected);
    }
}

#[test]
#[cfg_attr(
    not(all(has_mariadb, has_connector_j_old)),
    ignore = "no old Connector/J: see scripts/test --all"
)]
fn old_connector_js_log_in_where_they_would_insist_on_an_old_tls() {
    // From 5.7.20 on they read a variable that MariaDB does not have.
    let shop = Shop::on(MariaDb::with(&["--version=5.7.19-log"]));
    let proxy = shop.proxy();
    for version in ["5.1.47", "5.1.49", "8.0.18"] {
        let driver = format!("../connector_j_old/mysql-connector-java-{version}");
        let app = proxy.mysql_app().java("ReadsRow.java", &driver);
        assert_eq!(app.run().succeeded(), "5.7.19-log 1", "{version}");
    }

    let route = shop.route() + "local_tls = \"always\"\n";
    let proxy = shop.start(&route).start();
    let driver = "../connector_j_old/mysql-connector-java-8.0.18";
    let ran = proxy.mysql_app().java("ReadsRow.java", driver).run();
    assert!(ran.failed().contains("SSLHandshakeException"), "{ran:?}");
    let tls = proxy.mysql_app().mariadb("mariadb").arg("--ssl");
    let seen = tls.args(["-N", "-B", "-e", "select 1"]).run();
    assert_eq!(seen.succeeded(), "1");
}

#[test]
#[cfg_attr(
    not(all(has_mariadb, has_go)),
    ignore = "no go-sql-driver: see scripts/test"
)]
fn go_sql_driver_works_with_tls_and_without() {
    for tls in ["false", "skip-verify", "preferred"] {
        let shop = Shop::new();
        let proxy = shop.proxy();
        let seen = seen(proxy.mysql_app().told("DB_TLS", tls).go());
        let expected = json!({"prepared": "3 naïve", "timed_out": true, "error": 1146});
        assert_seen(&seen, &shop, &expected);
    }
}

//! Apps of MySQL that compress: the programs of `mysql_drivers`, told to, with more in their hands than an envelope can hold.

use azdb_tests::{MysqlApp, Program, Shop, Tap};
use serde_json::{Value, json};

/// What one of the programs receives in one row, and a little less than what it sends in one value.
const LONG: u64 = 20 << 20;

/// Runs a program that compresses, and holds what it saw against what it must have seen.
#[track_caller]
fn assert_seen(program: impl FnOnce(MysqlApp, &Shop) -> Program, expected: &Value) {
    let shop = Shop::new();
    let proxy = shop.proxy();
    let tap = Tap::before(proxy.address());
    let app = MysqlApp::at(tap.address()).told("DB_COMPRESSION", "yes");
    let ran = program(app, &shop).run();
    let seen: Value = serde_json::from_str(ran.succeeded()).unwrap();
    assert_eq!(seen["user"], json!(format!("{}@%", shop.user)), "{seen}");
    assert_eq!(seen["database"], json!(shop.database), "{seen}");
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&seen[name], value, "{name} of {seen}");
    }
    // One letter many times is a small part of itself, and so is the value that was sent.
    let (from_app, to_app) = tap.counted();
    assert!(to_app > 0 && to_app < LONG / 8, "{to_app} bytes to the app");
    assert!(from_app < LONG / 4, "{from_app} bytes from the app");
}

/// What all programs see.
fn with(mut own: Value) -> Value {
    own["sent"] = json!(LONG);
    own["received"] = json!(LONG);
    own["error"] = json!(1146);
    own
}

/// The same, with a file.
fn with_file(own: Value) -> Value {
    let mut all = with(own);
    all["loaded"] = json!(12 << 20);
    all
}

#[test]
#[cfg_attr(not(all(has_mariadb, has_php)), ignore = "no PHP: see scripts/test")]
fn phps_mysqli_and_pdo_compress() {
    let own =
        json!({"prepared": ["3", "naïve"], "reused": true, "changed": true, "changed_again": true});
    assert_seen(|app, _| app.php("with_mysqli.php"), &with_file(own));
    let own = json!({"prepared": ["3", "naïve"], "reused": true});
    assert_seen(|app, _| app.php("with_pdo_mysql.php"), &with(own));
}

#[test]
#[cfg_attr(
    not(all(has_mariadb, has_python)),
    ignore = "no MySQL Connector/Python: see scripts/test"
)]
fn mysql_connector_python_compresses_in_both_flavours() {
    let own = json!({"prepared": ["3", "naïve"], "reset": true});
    let changed = json!({"prepared": ["3", "naïve"], "reset": true, "changed": true});
    for (flavour, own) in [("pure", own), ("c", changed)] {
        let program = |app: MysqlApp, _: &Shop| app.python("with_mysql_connector.py").arg(flavour);
        assert_seen(program, &with_file(own));
    }
}

/// It insists: where none of the algorithms is spoken there is no connection.
#[test]
#[cfg_attr(
    not(all(has_mariadb, has_python)),
    ignore = "no MySQL Connector/Python: see scripts/test"
)]
fn libmysqlclient_compresses_with_either_algorithm() {
    for options in [
        ["zlib", "3"],
        ["zstd", "3"],
        ["zstd", "22"],
        ["zstd,zlib", "1"],
    ] {
        let own = json!({"changed": true});
        let program = |app: MysqlApp, _: &Shop| app.python("with_libmysqlclient.py").args(options);
        assert_seen(program, &with_file(own));
    }
}

#[test]
#[cfg_attr(
    not(all(has_mariadb, has_python)),
    ignore = "no mysqlclient: see scripts/test"
)]
fn mysqlclient_compresses() {
    let own = json!({"parameters": [3, "naïve"], "changed": true});
    assert_seen(|app, _| app.python("with_mysqlclient.py"), &with_file(own));
}

#[test]
#[cfg_attr(
    not(all(has_mariadb, has_node)),
    ignore = "no mysql2: see scripts/test"
)]
fn node_mysql2_compresses() {
    let own = json!({"prepared": 3, "changed": true, "queued": [1, 2, 3, 4, 5]});
    assert_seen(
        |app, _| app.node("with_mysql.cjs").arg("mysql2"),
        &with_file(own),
    );
}

#[test]
#[cfg_attr(
    not(all(has_mariadb, has_node)),
    ignore = "no mariadb: see scripts/test"
)]
fn node_mariadb_compresses_and_pipelines() {
    let own = json!({"prepared": [3, "naïve"], "changed": true, "pipelined": [1, 2, 3, 4, 5], "batch": 1000});
    let program =
        |app: MysqlApp, shop: &Shop| app.told("DB_NAME", &shop.database).node("with_mariadb.cjs");
    assert_seen(program, &with_file(own));
}

#[test]
#[cfg_attr(
    not(all(has_mariadb, has_perl)),
    ignore = "no DBD::MariaDB, DBD::mysql: see scripts/test"
)]
fn perls_two_drivers_compress() {
    for driver in ["MariaDB", "mysql"] {
        let own = json!({"prepared": ["3", "naïve"], "own_thread": true});
        assert_seen(
            |app, _| app.perl("with_dbi.pl").arg(driver),
            &with_file(own),
        );
    }
}

#[test]
#[cfg_attr(
    not(all(has_mariadb, has_java)),
    ignore = "no Connector/J: see scripts/test"
)]
fn both_connector_js_compress() {
    for (scheme, driver, more) in [
        ("mariadb", "mariadb-java-client", "&allowLocalInfile=true"),
        (
            "mysql",
            "mysql-connector-j",
            "&allowLoadLocalInfile=true&sslMode=DISABLED",
        ),
        (
            "mysql",
            "mysql-connector-j",
            "&allowLoadLocalInfile=true&sslMode=REQUIRED&useServerPrepStmts=true",
        ),
    ] {
        let own = json!({"prepared": 3, "batch": 1000, "timed_out": true});
        let program = |app: MysqlApp, _: &Shop| {
            let app = app.told("DB_OPTIONS", format!("?useCompression=true{more}"));
            app.java("WithMysql.java", driver).arg(scheme)
        };
        assert_seen(program, &with_file(own));
    }
}

#[test]
#[cfg_attr(
    not(all(has_mariadb, has_go)),
    ignore = "no go-sql-driver: see scripts/test"
)]
fn go_sql_driver_compresses_with_tls_and_without() {
    for tls in ["false", "skip-verify"] {
        let own = json!({"prepared": "3 naïve", "timed_out": true});
        assert_seen(|app, _| app.told("DB_TLS", tls).go(), &with_file(own));
    }
}

/// libmariadb counts packets as it counts envelopes, of which this answer has another number. The server behind counts packets
/// alone.
#[test]
#[cfg_attr(
    not(has_mariadb),
    ignore = "no MariaDB to write a PAM service for: see scripts/test"
)]
fn the_mariadb_client_sends_a_file_behind_a_long_answer() {
    let shop = Shop::new();
    let proxy = shop.proxy();
    let tap = Tap::before(proxy.address());
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "one\ntwo\n".repeat(1 << 20)).unwrap();
    let ran = MysqlApp::at(tap.address())
        .mariadb("mariadb")
        .args(["--compress", "--local-infile=1", "-N", "-B", "--delimiter=//", "-e"])
        .arg(format!(
            "create table file (line varchar(9)); select seq from seq_1_to_30000; select repeat('y', 10 << 20); \
             load data local infile '{}' into table file; select count(*), database() from file //",
            file.path().display()
        ))
        .run();
    let answers = ran.succeeded();
    assert!(answers.starts_with("1\n2\n3\n"), "rows");
    let last = format!("{}\t{}", 2 << 20, shop.database);
    assert!(
        answers.trim_end().ends_with(&last),
        "the end of the answers"
    );
    let (from_app, to_app) = tap.counted();
    assert!(
        from_app < 1 << 20 && to_app < 2 << 20,
        "{from_app}, {to_app}"
    );
}

#[test]
#[cfg_attr(
    not(has_mariadb),
    ignore = "no MariaDB to write a PAM service for: see scripts/test"
)]
fn the_mariadb_client_compresses_over_a_socket_file() {
    let shop = Shop::new();
    let directory = tempfile::TempDir::new().unwrap();
    let socket = directory.path().join("socket");
    let listen = format!("listen = \"unix:{}\"", socket.display());
    let route = shop.route().replace("listen = \"127.0.0.1:0\"", &listen);
    let proxy = shop.start(&route).arg("--log-level=debug").start();
    let ran = Program::new("mariadb")
        .args(["--no-defaults", "--compress", "-N", "-B"])
        .arg(format!("--socket={}", socket.display()))
        .args(["-e", "select current_user(), length(repeat('y', 3000000))"])
        .run();
    assert_eq!(ran.succeeded(), format!("{}@%\t3000000", shop.user));
    proxy.log_until("the app compresses method=Zlib");
}

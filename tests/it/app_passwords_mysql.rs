//! Apps of MySQL and MariaDB that come in with a password.

use azdb_tests::{ANYONE, MariaDb, MysqlApp, Passwords, Program, Proxy, Ran, Shop, Start};

/// What drivers change to, besides what they begin with.
const OTHERS: &str = "somebody else:another password\na third:a third password\n";

/// A proxy of `shop` whose apps have these passwords.
fn proxy(shop: &Shop, text: &str) -> Proxy {
    let passwords = Passwords::of(text);
    shop.start(&(shop.route() + &passwords.line())).start()
}

#[track_caller]
fn assert_refused(ran: &Ran) {
    assert_ne!(ran.code, Some(0), "{ran:?}");
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(said.contains("no app comes in as user"), "{ran:?}");
}

/// Runs a driver's whole program with the right password, and sees it refused with a wrong one and as another user.
#[track_caller]
fn driver(shop: &Shop, proxy: &Proxy, program: impl Fn(MysqlApp) -> Program) {
    let app = || {
        proxy
            .mysql_app()
            .told("DB_THIRD_PASSWORD", "a third password")
    };
    let ran = program(app()).run();
    assert!(ran.succeeded().contains(&shop.user), "{ran:?}");
    assert_refused(&program(app().told("DB_PASSWORD", "wrong")).run());
    assert_refused(&program(app().told("DB_USER", "nobody")).run());
}

#[test]
#[cfg_attr(
    not(has_mariadb),
    ignore = "no MariaDB to write a PAM service for: see scripts/test"
)]
fn the_mariadb_client_comes_in_by_every_plugin_with_tls_and_without() {
    let shop = Shop::new();
    let hash = shop.server.admin("select password('any password')");
    for text in [ANYONE.to_owned(), format!("anyone:{hash}\n")] {
        let proxy = proxy(&shop, &text);
        for tls in ["--ssl", "--skip-ssl"] {
            for plugin in [
                "",
                "mysql_native_password",
                "caching_sha2_password",
                "mysql_clear_password",
            ] {
                let run = |app: MysqlApp| {
                    let mut client = app.mariadb("mariadb").arg(tls);
                    if !plugin.is_empty() {
                        client = client.arg(format!("--default-auth={plugin}"));
                    }
                    client.args(["-N", "-B", "-e", "select 1"]).run()
                };
                let ran = run(proxy.mysql_app());
                assert_eq!(ran.succeeded(), "1", "{text} {tls} {plugin}");
                let ran = run(proxy.mysql_app().told("DB_PASSWORD", "wrong"));
                assert_refused(&ran);
                assert!(ran.stderr.contains("ERROR 1045 (28000)"), "{ran:?}");
            }
        }
    }
    let log = proxy(&shop, ANYONE).log();
    assert!(!log.contains("any password"), "{log}");
}

#[test]
#[cfg_attr(
    not(all(has_mariadb, has_python)),
    ignore = "no PyMySQL: see scripts/test"
)]
fn pythons_drivers_come_in_and_change_users() {
    let shop = Shop::new();
    let proxy = proxy(&shop, &format!("{ANYONE}{OTHERS}"));
    driver(&shop, &proxy, |app| app.python("with_pymysql.py"));
    driver(&shop, &proxy, |app| app.python("with_mysqlclient.py"));
    for arguments in [&["pure"][..], &["c", "caching_sha2_password"]] {
        driver(&shop, &proxy, |app| {
            app.python("with_mysql_connector.py").args(arguments)
        });
    }
}

#[test]
#[cfg_attr(
    not(all(has_mariadb, has_node)),
    ignore = "no mysql, mysql2: see scripts/test"
)]
fn nodes_drivers_come_in_and_change_users() {
    let shop = Shop::new();
    let proxy = proxy(&shop, &format!("{ANYONE}{OTHERS}"));
    for name in ["mysql", "mysql2"] {
        driver(&shop, &proxy, |app| app.node("with_mysql.cjs").arg(name));
    }
    driver(&shop, &proxy, |app| {
        app.told("DB_NAME", &shop.database).node("with_mariadb.cjs")
    });
}

#[test]
#[cfg_attr(
    not(all(has_mariadb, has_java)),
    ignore = "no Connector/J: see scripts/test"
)]
fn both_connector_js_come_in() {
    for (scheme, name, options) in [
        ("mariadb", "mariadb-java-client", ""),
        ("mysql", "mysql-connector-j", "?sslMode=REQUIRED"),
        ("mysql", "mysql-connector-j", "?sslMode=DISABLED"),
    ] {
        let shop = Shop::new();
        let proxy = proxy(&shop, ANYONE);
        let app = |app: MysqlApp| app.told("DB_OPTIONS", options).java("WithMysql.java", name);
        driver(&shop, &proxy, |it| app(it).arg(scheme));
    }
}

#[test]
#[cfg_attr(
    not(all(has_mariadb, has_php, has_go)),
    ignore = "no PHP, no go-sql-driver: see scripts/test"
)]
fn php_and_go_come_in() {
    let shop = Shop::new();
    let proxy = proxy(&shop, &format!("{ANYONE}{OTHERS}"));
    driver(&shop, &proxy, |app| app.php("with_mysqli.php"));
    driver(&shop, &proxy, |app| app.php("with_pdo_mysql.php"));
    for tls in ["false", "skip-verify"] {
        driver(&shop, &proxy, |app| app.told("DB_TLS", tls).go());
    }
}

#[test]
#[cfg_attr(
    not(has_mariadb),
    ignore = "no MariaDB to write a PAM service for: see scripts/test"
)]
fn the_mariadb_client_verifies_the_proxy_at_localhost_by_the_printed_authority() {
    let shop = Shop::new();
    let proxy = proxy(&shop, ANYONE);
    let state = proxy.directory().join("state");
    let printed = Start::new(&["ca"])
        .env("XDG_STATE_HOME", state.to_str().unwrap())
        .run();
    let file = proxy.directory().join("ca.pem");
    std::fs::write(&file, printed.succeeded()).unwrap();
    let sql = |host: &str, ca: &str| {
        let app = proxy.mysql_app().told("DB_HOST", host);
        let client = app.mariadb("mariadb").arg("--protocol=tcp");
        let verify = ["--ssl-verify-server-cert", "-N", "-B", "-e", "select 1"];
        client.arg(format!("--ssl-ca={ca}")).args(verify).run()
    };
    for host in ["localhost", "127.0.0.1"] {
        assert_eq!(sql(host, file.to_str().unwrap()).succeeded(), "1", "{host}");
    }
    let stranger = sql("localhost", shop.server.ca_file.to_str().unwrap());
    assert!(stranger.failed().contains("SSL"), "{stranger:?}");
}

#[test]
#[cfg_attr(
    not(has_mariadb),
    ignore = "no MariaDB to write a PAM service for: see scripts/test"
)]
fn wrong_passwords_cost_the_server_nothing() {
    // A server of its own, which counts for nobody else.
    let shop = Shop::on(MariaDb::with(&["--max-connect-errors=7"]));
    let proxy = proxy(&shop, ANYONE);
    let aborted = || {
        shop.server
            .admin("show global status like 'aborted_connects'")
    };
    let before = aborted();
    for _ in 0..20 {
        let _ = proxy
            .mysql_app()
            .told("DB_PASSWORD", "wrong")
            .sql("select 1");
    }
    assert_eq!(proxy.mysql_app().query("select 1"), "1");
    assert_eq!(aborted(), before);
}

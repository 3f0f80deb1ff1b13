//! Apps of SQL Server that come in with a password.

use azdb_tests::{ANYONE, AzureSql, Encrypt, Passwords, Program, Proxy, SqlApp};

/// A proxy whose apps have these passwords.
fn proxy(azure: &AzureSql, text: &str) -> Proxy {
    azure.proxy_with(&Passwords::of(text).line())
}

/// Runs a driver's whole program in each of these ways with the right password, and sees it refused with a wrong one.
#[track_caller]
fn driver(ways: &[Encrypt], program: impl Fn(&SqlApp) -> Program) {
    let azure = AzureSql::new();
    let right = proxy(&azure, ANYONE);
    let wrong = proxy(&azure, "anyone:another one\n");
    for way in ways {
        let ran = program(&SqlApp::of(&right, *way)).run();
        assert!(
            ran.succeeded().contains("Sourdough loaf"),
            "{way:?} {ran:?}"
        );
    }
    let logins = || azure.azure.tds().logins().len();
    let before = logins();
    // The last one has TLS.
    if let Some(way) = ways.last() {
        let ran = program(&SqlApp::of(&wrong, *way)).run();
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(said.contains("no app comes in as user"), "{way:?} {ran:?}");
    }
    assert_eq!(logins(), before, "no login upstream");
    azure.assert_content();
    for log in [right.log(), wrong.log()] {
        assert!(
            !log.contains("any password") && !log.contains("another one"),
            "{log}"
        );
    }
}

const SEVEN: [Encrypt; 2] = [Encrypt::Off, Encrypt::On];
const ALL: [Encrypt; 3] = [Encrypt::Off, Encrypt::On, Encrypt::Strict];

#[test]
#[cfg_attr(
    not(has_python),
    ignore = "no pymssql, python-tds, odbc: see scripts/test"
)]
fn pythons_drivers_come_in() {
    driver(&SEVEN, |app| app.python("with_pymssql.py"));
    driver(&SEVEN, |app| app.python("with_pytds.py"));
    driver(&ALL, |app| app.python("with_odbc.py").arg("microsoft"));
}

#[test]
#[cfg_attr(not(has_node), ignore = "no tedious: see scripts/test")]
fn tedious_comes_in() {
    driver(&ALL, |app| app.node("with_tedious.cjs"));
}

#[test]
#[cfg_attr(not(has_java), ignore = "no mssql-jdbc: see scripts/test")]
fn mssql_jdbc_comes_in() {
    for (way, settings) in [
        (Encrypt::Off, "encrypt=false"),
        (Encrypt::On, "encrypt=true"),
        (Encrypt::Strict, "encrypt=strict"),
    ] {
        let url = format!("jdbc:sqlserver://localhost:PORT;databaseName=shop;{settings}");
        driver(&[way], |app| app.java("mssql-jdbc.jar", &url));
    }
}

#[test]
#[cfg_attr(not(has_freetds), ignore = "no FreeTDS: see scripts/test")]
fn tsql_comes_in_in_every_version() {
    let azure = AzureSql::new();
    let right = proxy(&azure, ANYONE);
    let wrong = proxy(&azure, "anyone:another one\n");
    for version in ["7.0", "7.1", "7.2", "7.3", "7.4"] {
        let script = "select name from products where id = 3\ngo\n";
        let app = SqlApp::of(&right, Encrypt::Off).version(version);
        let ran = app.freetds("tsql").stdin(script).run();
        assert!(ran.stdout.contains("Aged pecorino"), "{version}: {ran:?}");
        let app = SqlApp::of(&wrong, Encrypt::Off).version(version);
        let ran = app.freetds("tsql").stdin(script).run();
        assert!(ran.stderr.contains("Msg 18456"), "{version}: {ran:?}");
        assert!(
            ran.stderr.contains("app_password_file"),
            "{version}: {ran:?}"
        );
    }
}

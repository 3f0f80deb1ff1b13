//! FreeTDS's own programs, in every version that they can be told to speak.

use std::path::Path;

use azdb_emulator::{Behaviour, Flaw};
use azdb_tests::{AzureSql, Encrypt, Ran, SqlApp, seen};

const VERSIONS: [&str; 5] = ["7.0", "7.1", "7.2", "7.3", "7.4"];

#[test]
#[cfg_attr(not(has_freetds), ignore = "no FreeTDS: see scripts/test")]
fn tsql_reads_rows_and_errors_in_every_version() {
    let azure = AzureSql::new();
    let proxy = azure.proxy();
    for version in VERSIONS {
        let app = SqlApp::of(&proxy, Encrypt::Off).version(version);
        let script = "select name, price from products where id = 3\ngo\n\
                      select * from nowhere\ngo\nselect 1\nselect 2\ngo\n";
        let ran = app.freetds("tsql").stdin(script).run();
        assert!(
            ran.stdout.contains("Aged pecorino\t22.00"),
            "{version}: {ran:?}"
        );
        assert!(
            ran.stdout.matches("(1 row affected)").count() == 3,
            "{version}: {ran:?}"
        );
        assert!(
            ran.stderr.contains("Invalid object name 'nowhere'."),
            "{version}: {ran:?}"
        );
    }
    azure.assert_content();
    let logins = azure.azure.tds().logins();
    assert!(
        logins.iter().all(|login| login.tds_version == 0x7400_0004),
        "{logins:?}"
    );
}

#[test]
#[cfg_attr(not(has_freetds), ignore = "no FreeTDS: see scripts/test")]
fn tsql_works_over_tls() {
    let azure = AzureSql::new();
    let proxy = azure.proxy();
    let app = SqlApp::of(&proxy, Encrypt::On);
    let ran = app
        .freetds("tsql")
        .stdin("select name from products where id = 3\ngo\n")
        .run();
    assert!(ran.stdout.contains("Aged pecorino"), "{ran:?}");
    azure.assert_content();
}

#[test]
#[cfg_attr(not(has_freetds), ignore = "no FreeTDS: see scripts/test")]
fn tsql_shows_why_it_may_not_come_in() {
    let azure = AzureSql::new();
    azure.azure.identity().set_default(Behaviour::status(
        400,
        r#"{"error":"invalid_request","error_description":"Identity not found"}"#,
    ));
    let proxy = azure.proxy();
    for version in VERSIONS {
        let app = SqlApp::of(&proxy, Encrypt::Off).version(version);
        let ran = app.freetds("tsql").stdin("select 1\ngo\n").run();
        assert!(
            ran.stderr.contains("Msg 18456 (severity 14, state 1)"),
            "{version}: {ran:?}"
        );
        assert!(ran.stderr.contains("azdb-proxy:"), "{version}: {ran:?}");
        assert!(
            ran.stderr.contains("assign a managed identity"),
            "{version}: {ran:?}"
        );
    }
}

#[test]
#[cfg_attr(not(has_freetds), ignore = "no FreeTDS: see scripts/test")]
fn tsql_of_before_tds_7_shows_what_to_change() {
    let azure = AzureSql::new();
    let proxy = azure.proxy();
    for version in ["4.2", "5.0"] {
        let app = SqlApp::of(&proxy, Encrypt::Off).version(version);
        let ran = app.freetds("tsql").stdin("select 1\ngo\n").run();
        let shown = format!("{}{}", ran.stdout, ran.stderr);
        for part in [
            "Msg 18456 (severity 14, state 1) from shop",
            &format!("azdb-proxy: the app's driver speaks TDS {version}, "),
            "What to do: set its TDS version to 7.4 (FreeTDS: tds version, TDSVER",
            "has to use ODBC or OLE DB instead",
        ] {
            assert!(shown.contains(part), "{version}: {shown}");
        }
    }
    assert!(azure.azure.tds().logins().is_empty());
    proxy.log_until_times(2, "cause=app_version");
}

#[test]
#[cfg_attr(
    not(all(has_freetds, has_python)),
    ignore = "no FreeTDS or no pymssql: see scripts/test"
)]
fn azures_own_refusal_is_shown_with_what_to_do() {
    let azure = AzureSql::new();
    azure.azure.issuer().set_default(Flaw::ForeignSignature);
    let proxy = azure.proxy();
    let app = SqlApp::of(&proxy, Encrypt::Off);
    let theirs = "Login failed for user '<token-identified principal>'.";
    let ours = "azdb-proxy: in the database that the app names, or default_database: CREATE USER";
    for version in VERSIONS {
        let app = SqlApp::of(&proxy, Encrypt::Off).version(version);
        let ran = app.freetds("tsql").stdin("select 1\ngo\n").run();
        let shown = format!("{}{}", ran.stdout, ran.stderr);
        assert!(shown.contains(theirs), "{version}: {shown}");
        assert!(shown.contains(ours), "{version}: {shown}");
    }
    let refused = seen(app.python("with_pymssql.py")).to_string();
    assert!(refused.contains(theirs), "{refused}");
}

/// freebcp wants table, direction and file before its options.
fn bcp(app: &SqlApp, table: &str, direction: &str, file: &Path) -> Ran {
    app.program("freebcp")
        .args([table, direction])
        .arg(file)
        .args(["-c", "-S", "proxy", "-U", "anyone", "-P", "any password"])
        .run()
}

#[test]
#[cfg_attr(not(has_freetds), ignore = "no FreeTDS: see scripts/test")]
fn freebcp_loads_and_bsqldb_reads_back() {
    let azure = AzureSql::new();
    let proxy = azure.proxy();
    for way in [Encrypt::Off, Encrypt::On] {
        let app = SqlApp::of(&proxy, way);
        let table = format!("loaded_{way:?}");
        let create = format!("create table {table} (id int not null, name nvarchar(40))\ngo\n");
        let _ = app.freetds("bsqldb").stdin(create).run().succeeded();

        let rows: String = (0..5000)
            .map(|row| format!("{row}\tname {row}\n"))
            .collect();
        let file = app.directory().join("rows.txt");
        std::fs::write(&file, rows).unwrap();
        let load = bcp(&app, &table, "in", &file);
        assert!(load.succeeded().contains("5000 rows copied."), "{load:?}");

        let count = format!("select count(*), max(name) from {table}\ngo\n");
        let ran = app.freetds("bsqldb").arg("-q").stdin(count).run();
        let printed = ran.succeeded();
        assert!(
            printed.contains("5000") && printed.contains("name 999"),
            "{ran:?}"
        );

        let copied = app.directory().join("copied.txt");
        let copy = bcp(&app, &table, "out", &copied);
        assert!(copy.succeeded().contains("5000 rows copied."), "{copy:?}");
        assert_eq!(
            std::fs::read(&copied).unwrap(),
            std::fs::read(&file).unwrap()
        );
    }
    azure.assert_content();
    let loads = azure.azure.tds().asked().bulk_loads;
    assert!(loads >= 2, "batches of 1000 rows: {loads}");
}

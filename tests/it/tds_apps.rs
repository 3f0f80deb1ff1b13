//! Drivers for SQL Server, each in a small program that knows nothing of the proxy, before an Azure SQL that takes tokens only.

use azdb_emulator::{Behaviour, TdsOptions};
use azdb_tests::{AzureSql, Encrypt, Program, Proxy, SqlApp, seen};
use serde_json::{Value, json};

/// Whether the app read the rows, wrote its own and read the database's error.
#[track_caller]
fn assert_worked(seen: &Value) {
    let rows = seen["rows"].to_string();
    assert!(
        rows.contains("Sourdough loaf") && rows.contains("6.2"),
        "{seen}"
    );
    assert!(
        rows.contains("Aged pecorino") && rows.contains("22"),
        "{seen}"
    );
    let error = seen["error"].to_string();
    assert!(error.contains("Invalid object name 'nowhere'."), "{seen}");
}

#[track_caller]
fn assert_parameters(seen: &Value) {
    assert!(seen["parameters"].to_string().contains("naïveé"), "{seen}");
}

/// A proxy whose identity endpoint refuses, before a server that therefore never sees a login.
fn without_identity(azure: &AzureSql) -> Proxy {
    azure.azure.identity().set_default(Behaviour::status(
        400,
        r#"{"error":"invalid_request","error_description":"Identity not found"}"#,
    ));
    azure.proxy()
}

/// Runs a program in each of these ways, and once more where it must read why it may not come in.
#[track_caller]
fn each(
    ways: &[Encrypt],
    program: impl Fn(&SqlApp) -> Program,
    check: impl Fn(&Value),
    reads_refusal: bool,
) {
    let azure = AzureSql::new();
    let proxy = azure.proxy();
    let refusing = AzureSql::new();
    let closed = without_identity(&refusing);
    for way in ways {
        let seen_here = seen(program(&SqlApp::of(&proxy, *way)));
        assert_worked(&seen_here);
        check(&seen_here);
        azure.assert_content();

        let refused = seen(program(&SqlApp::of(&closed, *way)))["refused"].to_string();
        if reads_refusal {
            assert!(refused.contains("azdb-proxy:"), "{way:?}: {refused}");
            assert!(
                refused.contains("assign a managed identity"),
                "{way:?}: {refused}"
            );
        } else {
            assert!(refused.contains("connection failed"), "{way:?}: {refused}");
        }
    }
    assert!(refusing.azure.tds().logins().is_empty());
    let logins = azure.azure.tds().logins();
    assert!(
        logins
            .iter()
            .all(|login| login.user.is_empty() && login.token_chars.is_some())
    );
}

const SEVEN: [Encrypt; 2] = [Encrypt::Off, Encrypt::On];
const ALL: [Encrypt; 3] = [Encrypt::Off, Encrypt::On, Encrypt::Strict];

#[test]
#[cfg_attr(not(has_python), ignore = "no pymssql: see scripts/test")]
fn pymssql_queries_and_rolls_back() {
    let check = |seen: &Value| {
        assert_parameters(seen);
        assert_eq!(seen["kept"], json!([20, 20]));
        assert_eq!(seen["sets"], json!([1, 2]));
    };
    each(&SEVEN, |app| app.python("with_pymssql.py"), check, true);
}

#[test]
#[cfg_attr(not(has_python), ignore = "no python-tds: see scripts/test")]
fn python_tds_queries_loads_and_uses_two_cursors_at_once() {
    for mars in ["off", "on"] {
        let check = |seen: &Value| {
            assert_parameters(seen);
            assert_eq!(seen["kept"], json!([1000, "name 999"]));
            assert_eq!(seen["mars"].is_array(), mars == "on");
            assert_eq!(seen["after_half"], json!("Aged pecorino"));
        };
        let azure = AzureSql::new();
        let proxy = azure.proxy();
        for way in SEVEN {
            let app = SqlApp::of(&proxy, way).told("TDS_MARS", mars);
            let seen = seen(app.python("with_pytds.py"));
            assert_worked(&seen);
            check(&seen);
        }
        azure.assert_content();
        assert_eq!(azure.azure.tds().asked().smp_sessions > 0, mars == "on");
    }
}

#[test]
#[cfg_attr(not(has_python), ignore = "no python-tds: see scripts/test")]
fn python_tds_reads_why_it_may_not_come_in() {
    let azure = AzureSql::new();
    let proxy = without_identity(&azure);
    let refused = seen(SqlApp::of(&proxy, Encrypt::Off).python("with_pytds.py"));
    let refused = refused["refused"].to_string();
    assert!(refused.contains("azdb-proxy:"), "{refused}");
}

#[test]
#[cfg_attr(not(has_python), ignore = "no mssql-python: see scripts/test")]
fn odbc_driver_of_microsoft_queries_and_rolls_back() {
    let check = |seen: &Value| {
        assert_parameters(seen);
        assert_eq!(seen["kept"], json!([20, 20]));
        assert_eq!(seen["sets"], json!([1, 2]));
    };
    let program = |app: &SqlApp| app.python("with_odbc.py").arg("microsoft");
    each(&ALL, program, check, true);
}

#[test]
#[cfg_attr(
    not(all(has_python, has_odbc)),
    ignore = "no FreeTDS ODBC driver: see scripts/test --all"
)]
fn odbc_driver_of_freetds_queries_and_rolls_back() {
    let check = |seen: &Value| {
        assert_parameters(seen);
        assert_eq!(seen["kept"], json!([20, 20]));
        assert_eq!(seen["sets"], json!([1, 2]));
    };
    let driver = azdb_tests::tools::installed("odbc/libtdsodbc.so");
    let program = |app: &SqlApp| {
        let python = app.python("with_odbc.py").arg("freetds");
        python.env("TDS_DRIVER", &driver)
    };
    each(&SEVEN, program, check, true);
}

#[test]
#[cfg_attr(not(has_node), ignore = "no tedious: see scripts/test")]
fn tedious_queries_loads_cancels_and_resets() {
    let check = |seen: &Value| {
        assert_parameters(seen);
        assert_eq!(seen["kept"], json!([1000, 500, "name 999"]));
        assert_eq!(seen["cancelled"], json!("ECANCEL"));
        assert_eq!(seen["afterReset"], json!([0]));
    };
    // With TDS 8.0 it puts several packets into a TLS record, which Azure would reset.
    each(&ALL, |app| app.node("with_tedious.cjs"), check, true);
}

#[test]
#[cfg_attr(not(has_java), ignore = "no mssql-jdbc: see scripts/test")]
fn jdbc_driver_of_microsoft_queries_cancels_and_rolls_back() {
    for (way, settings) in [
        (Encrypt::Off, "encrypt=false"),
        (Encrypt::On, "encrypt=true"),
        (Encrypt::Strict, "encrypt=strict"),
    ] {
        let url = format!("jdbc:sqlserver://localhost:PORT;databaseName=shop;{settings}");
        let check = |seen: &Value| {
            assert_parameters(seen);
            assert_eq!(seen["kept"], json!("50|49"));
            assert_eq!(seen["sets"], json!("true"));
            assert_eq!(seen["cancelled"], json!("The query has timed out."));
        };
        each(&[way], |app| app.java("mssql-jdbc.jar", &url), check, true);
    }
}

/// Without `ssl`, its default, it wants TLS for its login alone, and breaks off where there is none.
#[test]
#[cfg_attr(not(has_r2dbc), ignore = "no r2dbc-mssql: see scripts/test --all")]
fn r2dbc_mssql_queries_and_rolls_back() {
    let check = |seen: &Value| {
        assert_parameters(seen);
        assert_eq!(seen["kept"], json!("[2|kept]"));
    };
    each(&SEVEN, SqlApp::r2dbc, check, true);
}

#[test]
#[cfg_attr(
    not(has_mono),
    ignore = "no SqlClient under mono: see scripts/test --all"
)]
fn sqlclient_pools_loads_and_reads_two_results_at_once() {
    let azure = AzureSql::new();
    let proxy = azure.proxy();
    for way in SEVEN {
        for mars in ["off", "on"] {
            let app = SqlApp::of(&proxy, way).told("TDS_MARS", mars);
            let program = app.program("mono");
            let seen = seen(program.arg(azdb_tests::tools::installed("dotnet/dotnet.exe")));
            assert_worked(&seen);
            assert_eq!(seen["pooled"], json!("1"), "five uses of one connection");
            assert_eq!(seen["bulk"], json!("done"));
            assert_eq!(seen["kept"], json!("500"));
            if mars == "on" {
                assert_eq!(seen["mars"], json!("8"));
                assert_eq!(seen["cancelled"], json!("-2"), "its timeout");
            }
        }
    }
    azure.assert_content();
    let asked = azure.azure.tds().asked();
    assert!(asked.resets > 0 && asked.smp_sessions > 0, "{asked:?}");

    let azure = AzureSql::new();
    let proxy = without_identity(&azure);
    let app = SqlApp::of(&proxy, Encrypt::Off);
    let program = app.program("mono");
    let seen = seen(program.arg(azdb_tests::tools::installed("dotnet/dotnet.exe")));
    let refused = seen["refused"].to_string();
    assert!(
        refused.contains("18456 ") && refused.contains("azdb-proxy:"),
        "{refused}"
    );
}

/// No TLS record takes packets of that size: the upstream is asked for smaller ones, and the app is told what it got.
#[track_caller]
fn assert_large_packets(mars: &[&str], program: impl Fn(&SqlApp) -> Program) {
    let azure = AzureSql::new();
    let proxy = azure.proxy();
    for way in SEVEN {
        for mars in mars {
            let app = SqlApp::of(&proxy, way).told("TDS_MARS", mars);
            let seen = seen(program(&app.told("TDS_PACKET_SIZE", "32767")));
            assert_worked(&seen);
        }
    }
    azure.assert_content();
}

/// With MARS it goes on in the size that it has asked for, whatever any server grants.
#[test]
#[cfg_attr(not(has_python), ignore = "no python-tds: see scripts/test")]
fn python_tds_that_wishes_for_large_packets_gets_what_fits() {
    assert_large_packets(&["off"], |app| app.python("with_pytds.py"));
}

#[test]
#[cfg_attr(not(has_node), ignore = "no tedious: see scripts/test")]
fn tedious_that_wishes_for_large_packets_gets_what_fits() {
    assert_large_packets(&["off"], |app| app.node("with_tedious.cjs"));
}

#[test]
#[cfg_attr(
    not(has_mono),
    ignore = "no SqlClient under mono: see scripts/test --all"
)]
fn sqlclient_that_wishes_for_large_packets_gets_what_fits() {
    assert_large_packets(&["off", "on"], |app| {
        let program = app.program("mono");
        program.arg(azdb_tests::tools::installed("dotnet/dotnet.exe"))
    });
}

/// The login that finds it out is refused in passing, and the driver tries again by itself.
#[track_caller]
fn assert_falls_back(program: impl FnOnce(&SqlApp) -> Program) {
    let azure = AzureSql::with(TdsOptions {
        mars: false,
        ..TdsOptions::default()
    });
    let proxy = azure.proxy();
    let app = SqlApp::of(&proxy, Encrypt::Off).told("TDS_MARS", "on");
    let app = app.told("TDS_MARS_USED", "no");
    assert_worked(&seen(program(&app)));
    let line = proxy.log_until("cause=no_mars");
    assert!(line.contains("upstream does not do MARS"), "{line}");
    azure.assert_content();
    assert_eq!(azure.azure.tds().asked().smp_sessions, 0);
}

#[test]
#[cfg_attr(not(has_python), ignore = "no python-tds: see scripts/test")]
fn python_tds_goes_on_without_mars_where_the_database_has_none() {
    assert_falls_back(|app| app.python("with_pytds.py"));
}

#[test]
#[cfg_attr(
    not(has_mono),
    ignore = "no SqlClient under mono: see scripts/test --all"
)]
fn sqlclient_goes_on_without_mars_where_the_database_has_none() {
    assert_falls_back(|app| {
        let program = app.program("mono");
        program.arg(azdb_tests::tools::installed("dotnet/dotnet.exe"))
    });
}

/// It asks for MARS before it says that it speaks a version of before.
#[test]
#[cfg_attr(not(has_python), ignore = "no python-tds: see scripts/test")]
fn python_tds_reads_that_an_old_version_has_no_mars() {
    let azure = AzureSql::new();
    let proxy = azure.proxy();
    for (version, mars, works) in [
        ("72090002", "on", false),
        ("72090002", "off", true),
        ("730b0003", "on", true),
    ] {
        let app = SqlApp::of(&proxy, Encrypt::Off).told("TDS_MARS", mars);
        let seen = seen(app.told("TDS_VERSION", version).python("with_pytds.py"));
        if works {
            assert_worked(&seen);
            continue;
        }
        let refused = seen["refused"].to_string();
        assert!(
            refused.contains("the app asks for TDS 7.2 with MARS"),
            "{refused}"
        );
        assert!(refused.contains("use_mars=False"), "{refused}");
    }
    azure.assert_content();
}

#[test]
#[cfg_attr(not(has_go_mssql), ignore = "no go-mssqldb: see scripts/test --all")]
fn go_mssqldb_queries_loads_and_cancels() {
    let check = |seen: &Value| {
        assert_parameters(seen);
        assert_eq!(seen["kept"], json!([1000, 999]));
        assert_eq!(seen["cancelled"], json!("context canceled"));
    };
    each(&ALL, |app| app.built("go_mssql"), check, true);
}

#[test]
#[cfg_attr(not(has_php_dblib), ignore = "no PDO dblib: see scripts/test --all")]
fn pdo_dblib_queries_and_rolls_back() {
    let check = |seen: &Value| assert_eq!(seen["kept"], json!([1, "kept"]));
    // PDO shows its own text for whatever the server said at login.
    each(
        &SEVEN,
        |app| app.script("php", "php/with_pdo_dblib.php"),
        check,
        false,
    );
}

#[test]
#[cfg_attr(
    not(has_perl_sybase),
    ignore = "no DBD::Sybase: see scripts/test --all"
)]
fn dbd_sybase_queries_and_rolls_back() {
    let check = |seen: &Value| assert_eq!(seen["kept"], json!([1, "kept"]));
    each(
        &SEVEN,
        |app| app.script("perl", "perl/with_dbd_sybase.pl"),
        check,
        true,
    );
}

//! Drivers that read several versions of TDS, and stay with the one that they are told to ask for.

use azdb_tests::{
    AzureSql, Encrypt, LoginBy, Program, SqlApp, assert_every_value, every_column, is_new_date,
    seen, tools,
};
use serde_json::{Value, json};

/// Runs the app at each of these versions, in both ways to log in.
#[track_caller]
fn each(versions: &[&str], program: impl Fn(&SqlApp) -> Program, check: impl Fn(&str, &Value)) {
    for way in [LoginBy::Token, LoginBy::Password] {
        let azure = AzureSql::logged_in_by(way);
        let proxy = azure.proxy();
        for version in versions {
            let app = SqlApp::of(&proxy, Encrypt::Off)
                .told("TDS_VERSION", version)
                .told("TDS_COLUMNS", &every_column());
            let seen = seen(program(&app));
            assert_worked(version, &seen);
            check(version, &seen);
        }
        azure.assert_content();
    }
}

/// Whether the app read the rows, and the database's error.
#[track_caller]
fn assert_worked(version: &str, seen: &Value) {
    for expected in [
        "Sourdough loaf",
        "Aged pecorino",
        "naïveé",
        "Invalid object name 'nowhere'.",
    ] {
        assert!(seen.to_string().contains(expected), "{version}: {seen}");
    }
}

#[test]
#[cfg_attr(not(has_python), ignore = "no python-tds: see scripts/test")]
fn python_tds_works_in_every_version() {
    let versions = [
        "70000000", "71000000", "71000001", "72090002", "730a0003", "730b0003",
    ];
    let program = |app: &SqlApp| app.python("with_pytds.py");
    each(&versions, program, |version, seen| {
        assert_eq!(seen["version"], json!(version));
        let has_dates = version >= "73";
        assert_every_value(&seen["every"], |column| !has_dates || !is_new_date(column));
        assert_eq!(seen["together"], json!(true), "{version}: {seen}");
        assert_eq!(seen["kept"], json!([1000, "name 999"]), "{version}");
        let large = json!([100_000, true, 300_000, true, [["", ""], [null, null]]]);
        assert_eq!(seen["large"], large, "{version}");
        let sets = json!([[[1]], [["two", null]], []]);
        assert_eq!(seen["sets"], sets, "{version}");
        assert_eq!(seen["after_half"], json!("Aged pecorino"), "{version}");
    });
}

#[test]
#[cfg_attr(not(has_node), ignore = "no tedious: see scripts/test")]
fn tedious_works_in_every_version() {
    let versions = ["7_1", "7_2", "7_3_A", "7_3_B"];
    let program = |app: &SqlApp| app.node("with_tedious.cjs");
    each(&versions, program, |version, seen| {
        let has_dates = version >= "7_3";
        assert_every_value(&seen["every"], |column| !has_dates || !is_new_date(column));
        assert_eq!(seen["together"], json!(true), "{version}: {seen}");
        assert_eq!(seen["kept"], json!([1000, 500, "name 999"]), "{version}");
        assert_eq!(
            seen["large"],
            json!([100_000, true, 300_000, true]),
            "{version}"
        );
        assert_eq!(seen["cancelled"], json!("ECANCEL"), "{version}");
        assert_eq!(seen["afterReset"], json!([0]), "{version}");
    });
}

#[test]
#[cfg_attr(
    not(has_tedious_old),
    ignore = "no tedious of 2013: see scripts/test --all"
)]
fn tedious_of_2013_and_2014_works_in_every_version() {
    for release in ["0.1.5", "0.2.4"] {
        let modules = tools::installed(&format!("tedious_old/{release}/node_modules"));
        let program = |app: &SqlApp| {
            let program = app.node("with_old_tedious.cjs");
            program.env("NODE_PATH", &modules)
        };
        each(
            &["7_1", "7_2", "7_3_A", "7_3_B"],
            program,
            |version, seen| {
                assert_eq!(
                    seen["kept"],
                    json!([1, 100_000, true]),
                    "{release} {version}: {seen}"
                );
            },
        );
    }
}

//! Drivers that read several versions of TDS, and stay with the one that they are told to ask for.

use azdb_tests::{
    AzureSql, Encrypt, LoginBy, Program, SqlApp, assert_every_value, assert_same_values,
    every_column, is_new_date, seen, tools,
};
use serde_json::{Value, json};

/// Runs the app at each of these versions, in both ways to log in. What it sees of values at the last one, which has all types and
/// is not translated, is what it sees at all.
#[track_caller]
fn each(versions: &[&str], program: impl Fn(&SqlApp) -> Program, check: impl Fn(&str, &Value)) {
    for way in [LoginBy::Token, LoginBy::Password] {
        let azure = AzureSql::logged_in_by(way);
        let proxy = azure.proxy();
        let see = |version: &str| {
            let app = SqlApp::of(&proxy, Encrypt::Off)
                .told("TDS_VERSION", version)
                .told("TDS_COLUMNS", &every_column());
            let mut seen = seen(program(&app));
            seen["run"] = json!(format!("{way:?} {version}"));
            seen["every"]["run"] = seen["run"].clone();
            seen
        };
        // A server of one's own speaks all of them by itself.
        let tried = match (way, versions) {
            (LoginBy::Password, [oldest, .., newest]) => vec![*oldest, *newest],
            (_, versions) => versions.to_vec(),
        };
        let sights: Vec<Value> = tried.iter().map(|version| see(version)).collect();
        for (version, seen) in tried.iter().zip(&sights) {
            assert_worked(seen);
            check(version, seen);
            let newest = sights.last().unwrap();
            let has_dates = version.replace("_", "").as_str() >= "73";
            assert_same_values(&seen["every"], &newest["every"], has_dates);
        }
        azure.assert_content();
    }
}

/// Whether the app read the rows, and the database's error.
#[track_caller]
fn assert_worked(seen: &Value) {
    let text = seen.to_string();
    for expected in [
        "Sourdough loaf",
        "Aged pecorino",
        "naïveé",
        "Invalid object name 'nowhere'.",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
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
        assert_every_value(&seen["every"], |column| {
            !(is_new_date(column) || has_dates && column.contains("variant"))
        });
        for (what, expected) in [
            ("together", json!(true)),
            ("kept", json!([1000, "name 999"])),
            (
                "large",
                json!([100_000, true, 300_000, true, [["", ""], [null, null]]]),
            ),
            ("sets", json!([[[1]], [], [["two", null]], []])),
            ("after_half", json!("Aged pecorino")),
        ] {
            assert_eq!(seen[what], expected, "{what}: {seen}");
        }
    });
}

#[test]
#[cfg_attr(not(has_node), ignore = "no tedious: see scripts/test")]
fn tedious_works_in_every_version() {
    let versions = ["7_1", "7_2", "7_3_A", "7_3_B"];
    let program = |app: &SqlApp| app.node("with_tedious.cjs");
    each(&versions, program, |_, seen| {
        assert_every_value(&seen["every"], |column| !is_javascripts_own(column));
        for (what, expected) in [
            ("together", json!(true)),
            ("kept", json!([1000, 500, "name 999"])),
            ("large", json!([100_000, true, 300_000, true])),
            ("cancelled", json!("ECANCEL")),
            ("afterReset", json!([0])),
        ] {
            assert_eq!(seen[what], expected, "{what}: {seen}");
        }
    });
}

#[test]
#[cfg_attr(
    not(has_tedious_old),
    ignore = "no tedious of 2013: see scripts/test --all"
)]
fn tedious_of_2013_and_2014_works_in_the_versions_that_it_can_read() {
    // At 7.1 that of 2013 writes headers that are of 7.2, and it does not know what came with 7.3.
    for (release, versions) in [
        ("0.1.5", &["7_2"][..]),
        ("0.2.4", &["7_1", "7_2", "7_3_A", "7_3_B"]),
    ] {
        let modules = tools::installed(&format!("tedious_old/{release}/node_modules"));
        let columns = every_column();
        let known = columns.split(',').filter(|column| {
            let is_unknown = ["variant", "hierarchyid", "geometry"];
            !is_unknown.iter().any(|word| column.contains(word))
        });
        let known = known.collect::<Vec<_>>().join(",");
        let program = |app: &SqlApp| {
            let program = app.node("with_old_tedious.cjs");
            program
                .env("NODE_PATH", &modules)
                .env("TDS_COLUMNS", &known)
        };
        each(versions, program, |_, seen| {
            assert_every_value(&seen["every"], |column| {
                !is_javascripts_own(column) && known.contains(column)
            });
            assert_eq!(seen["kept"], json!([1, 100_000, true]), "{seen}");
        });
    }
}

/// Whether a column has values that are other ones in JavaScript, whose numbers and dates are its own.
fn is_javascripts_own(column: &str) -> bool {
    let is_own = ["decimal_38", "money", "date", "time", "variant", "tinyint"];
    is_own.iter().any(|word| column.contains(word))
}

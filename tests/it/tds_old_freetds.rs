//! FreeTDS, of today and of years ago, with all that it is built into, in its versions before 7.4.

use std::path::Path;

use azdb_tests::{
    AzureSql, Encrypt, LoginBy, Program, Ran, SqlApp, assert_every_value, assert_same_values,
    every_column, is_new_date, seen, tools,
};
use serde_json::{Value, json};

/// The last is 7.3B, which is not translated.
const VERSIONS: [&str; 4] = ["7.0", "7.1", "7.2", "7.3"];

/// The versions that are worth a try: where the server itself speaks all of them, the oldest and the newest.
fn tried<'a>(versions: &[&'a str], way: LoginBy) -> Vec<&'a str> {
    match (way, versions) {
        (LoginBy::Password, [oldest, .., newest]) => vec![oldest, newest],
        (_, versions) => versions.to_vec(),
    }
}

/// Runs an app in each version, in both ways to log in.
#[track_caller]
fn each(versions: &[&str], run: impl Fn(&SqlApp, &str)) {
    for way in [LoginBy::Token, LoginBy::Password] {
        let azure = AzureSql::logged_in_by(way);
        let proxy = azure.proxy();
        for version in tried(versions, way) {
            run(&SqlApp::of(&proxy, Encrypt::Off).version(version), version);
        }
        azure.assert_content();
    }
}

/// Has an app see what it sees in each version; in the last one it sees what it sees at all. It sees the view's own values but in
/// columns that its driver has in a way of its own.
#[track_caller]
fn each_sees(
    versions: &[&str],
    program: impl Fn(&SqlApp) -> Program,
    own_ways: &[&str],
    check: impl Fn(&str, &Value),
) {
    for way in [LoginBy::Token, LoginBy::Password] {
        let azure = AzureSql::logged_in_by(way);
        let proxy = azure.proxy();
        let see = |version: &str| {
            let app = SqlApp::of(&proxy, Encrypt::Off)
                .version(version)
                .told("TDS_COLUMNS", &every_column());
            let mut seen = seen(program(&app));
            seen["run"] = json!(format!("{way:?} {version}"));
            seen["every"]["run"] = seen["run"].clone();
            seen
        };
        let versions = tried(versions, way);
        let sights: Vec<Value> = versions.iter().map(|version| see(version)).collect();
        let newest = sights.last().unwrap();
        for (version, seen) in versions.iter().zip(&sights) {
            check(version, seen);
            let is_own = |column: &str| own_ways.iter().any(|word| column.contains(word));
            assert_every_value(&seen["every"], |column| {
                !is_new_date(column) && !is_own(column)
            });
            assert_same_values(&seen["every"], &newest["every"], *version == "7.3");
        }
        azure.assert_content();
    }
}

#[test]
#[cfg_attr(not(has_freetds), ignore = "no FreeTDS: see scripts/test")]
fn tsql_stays_with_the_version_that_it_asked_for() {
    each(&VERSIONS, |app, version| {
        let script = "select c_datetime2_3, c_nvarchar_max, c_decimal_10_2 from dbo.every_type where id = 1\ngo\n\
                      select * from nowhere\ngo\nselect 1 select 2\ngo\n";
        let ran = app.freetds("tsql").stdin(script).run();
        let row = match version {
            "7.3" => "Mar  2 2026 08:15AM\tŁódź 😀\t-1.25",
            _ => "2026-03-02 08:15:07.123\tŁódź 😀\t-1.25",
        };
        for expected in [row, "\n1\n", "\n2\n"] {
            assert!(ran.stdout.contains(expected), "{version}: {ran:?}");
        }
        let error = "Msg 208 (severity 16, state 1) from azdb-emulator Line 1:";
        assert!(ran.stderr.contains(error), "{version}: {ran:?}");
        assert!(
            ran.stderr.contains("Invalid object name 'nowhere'."),
            "{version}: {ran:?}"
        );
    });
}

/// freebcp wants table, direction and file before its options.
fn bcp(app: &SqlApp, table: &str, direction: &str, file: &Path) -> Ran {
    app.program("freebcp")
        .args([table, direction])
        .arg(file)
        .args(["-c", "-S", "proxy", "-U", "anyone", "-P", "any password"])
        // It wants no more than 4096 bytes of a text unless it is told.
        .args(["-T", "1000000"])
        .run()
}

#[test]
#[cfg_attr(not(has_freetds), ignore = "no FreeTDS: see scripts/test")]
fn freebcp_loads_large_texts_and_reads_them_back() {
    each(&VERSIONS, |app, version| {
        let table = format!("loaded_{}", version.replace('.', "_"));
        let create = format!(
            "create table {table} (id int not null, name nvarchar(40), words nvarchar(max), price decimal(10, 2))\ngo\n"
        );
        let _ = app.freetds("bsqldb").stdin(create).run().succeeded();
        let row = |row: usize| {
            let words = "naïve 漢字.".repeat(row % 7 * 500);
            format!("{row}\tname {row}\tx{words}\t{row}.50\n")
        };
        let rows: String = (1..=300).map(row).collect();
        let (file, copied) = (
            app.directory().join("rows.txt"),
            app.directory().join("copied.txt"),
        );
        std::fs::write(&file, &rows).unwrap();
        let load = bcp(app, &table, "in", &file);
        assert!(
            load.succeeded().contains("300 rows copied."),
            "{version}: {load:?}"
        );
        let copy = bcp(app, &table, "out", &copied);
        assert!(
            copy.succeeded().contains("300 rows copied."),
            "{version}: {copy:?}"
        );
        assert!(
            std::fs::read_to_string(&copied).unwrap() == rows,
            "{version}"
        );
    });
}

/// What an app on DB-Library saw.
#[track_caller]
fn assert_db_library(seen: &Value) {
    for (what, expected) in [
        ("together", json!(true)),
        (
            "rows",
            json!([
                ["Sourdough loaf", "6.20", true],
                ["Aged pecorino", "22.00", false]
            ]),
        ),
        ("parameters", json!(["naïve 漢字é", null])),
        ("kept", json!(["20", "20", "name 9"])),
        ("large", json!([100_000, true, 300_000, true, "", null])),
        ("sets", json!([[[1]], [["two", null]], [], [[3]]])),
        ("after error", json!(["Aged pecorino"])),
        ("after half", json!(["Aged pecorino"])),
    ] {
        assert_eq!(seen[what], expected, "{what}: {seen}");
    }
    let error = seen["error"].to_string();
    assert!(
        error.contains("208") && error.contains("Invalid object name 'nowhere'."),
        "{seen}"
    );
    assert!(seen["timed out"].to_string().contains("20003"), "{seen}");
}

#[test]
#[cfg_attr(not(has_python), ignore = "no pymssql: see scripts/test")]
fn db_library_reads_every_value() {
    let program = |app: &SqlApp| app.python("with_old_pymssql.py");
    each_sees(&VERSIONS, program, &["variant"], |version, seen| {
        assert_eq!(seen["version"].to_string(), version);
        assert_db_library(seen);
    });
}

/// The app on a pymssql of years ago.
fn old_pymssql(app: &SqlApp, release: &str) -> Program {
    let packages = tools::installed(&format!("pymssql_old/{release}"));
    let python = packages.join("python");
    app.script(python.to_str().unwrap(), "python/with_old_pymssql.py")
        .env("PYTHONPATH", &packages)
}

#[test]
#[cfg_attr(
    not(has_pymssql_2_1_3),
    ignore = "no Python 2.7, which pymssql 2.1.3 needs: see scripts/test --all"
)]
fn pymssql_2_1_3_with_freetds_0_95_reads_every_value() {
    let program = |app: &SqlApp| old_pymssql(app, "2.1.3");
    // It knows no letters of two UTF-16 units, and Python 2 shows twelve digits.
    let own_ways = ["variant", "money", "float", "c_n", "c_xml"];
    each_sees(&["7.0", "7.1", "7.2"], program, &own_ways, |_, seen| {
        assert_eq!(seen["driver"], json!("2.1.3"));
        assert_db_library(seen);
    });
}

#[test]
#[cfg_attr(
    not(has_pymssql_2_1_4),
    ignore = "no Python 3.6, which pymssql 2.1.4 needs: see scripts/test --all"
)]
fn pymssql_2_1_4_with_freetds_1_00_reads_every_value() {
    let program = |app: &SqlApp| old_pymssql(app, "2.1.4");
    each_sees(&VERSIONS, program, &["variant", "money"], |_, seen| {
        assert_eq!(seen["driver"], json!("2.1.4"));
        assert_db_library(seen);
    });
}

#[test]
#[cfg_attr(
    not(all(has_python, has_odbc)),
    ignore = "no FreeTDS ODBC driver: see scripts/test --all"
)]
fn odbc_driver_of_freetds_reads_every_value() {
    let driver = tools::installed("odbc/libtdsodbc.so");
    let program = |app: &SqlApp| {
        let python = app.python("with_odbc.py").arg("freetds");
        python.env("TDS_DRIVER", &driver)
    };
    each_sees(&VERSIONS, program, &["variant"], |_, seen| {
        for (what, expected) in [
            ("together", json!(true)),
            ("parameters", json!(["naïveé", null])),
            ("kept", json!([20, 20])),
            (
                "large",
                json!([100_000, true, 300_000, true, [["", ""], [null, null]]]),
            ),
            ("sets", json!([1, 2])),
        ] {
            assert_eq!(seen[what], expected, "{what}: {seen}");
        }
    });
}

#[test]
#[cfg_attr(not(has_php_dblib), ignore = "no PDO dblib: see scripts/test --all")]
fn pdo_dblib_reads_every_value() {
    let program = |app: &SqlApp| app.script("php", "php/with_pdo_dblib.php");
    let own_ways = [
        "variant",
        "bigint",
        "float",
        "real",
        "money",
        "decimal",
        "datetime",
        "unique",
        "hierarchyid",
        "geometry",
    ];
    each_sees(&VERSIONS, program, &own_ways, |_, seen| {
        assert_eq!(seen["kept"], json!([1, "kept"]), "{seen}");
        assert_eq!(seen["sets"], json!([[1], ["two"], [3]]), "{seen}");
    });
}

#[test]
#[cfg_attr(
    not(has_perl_sybase),
    ignore = "no DBD::Sybase: see scripts/test --all"
)]
fn dbd_sybase_reads_every_value() {
    // For each column of text without an end it fills two gigabytes of memory with zeros, whoever the server is: one must do.
    let is_endless = ["_max", "text", "image", "xml", "hierarchyid", "geometry"];
    let columns = every_column();
    let columns = columns.split(',').filter(|column| {
        *column == "c_nvarchar_max" || !is_endless.iter().any(|word| column.contains(word))
    });
    let columns = columns.collect::<Vec<_>>().join(",");
    let program = |app: &SqlApp| {
        let program = app.script("perl", "perl/with_dbd_sybase.pl");
        program.env("TDS_COLUMNS", &columns)
    };
    let own_ways = [
        "variant",
        "float",
        "decimal_38",
        "datetime",
        "varchar_max",
        "varbinary_max",
        "text",
        "image",
        "xml",
        "hierarchyid",
        "geometry",
    ];
    // From 7.2 on it runs out of memory with the first max type, as it does without a proxy.
    each_sees(&["7.0", "7.1"], program, &own_ways, |_, seen| {
        assert_eq!(seen["kept"], json!([1, "kept"]), "{seen}");
    });
}

//! The emulated server by itself, before drivers of many versions: what it says is what they read.

use azdb_emulator::TdsOptions;
use azdb_tests::{AzureSql, Encrypt, Proxy, SqlApp, seen};
use serde_json::{Value, json};

const USER: &str = "sa";
const PASSWORD: &str = "The real 1 password";

fn server() -> AzureSql {
    AzureSql::with(TdsOptions::development(USER, PASSWORD))
}

fn app(azure: &AzureSql, version: &str) -> SqlApp {
    SqlApp::direct(azure, USER, PASSWORD).version(version)
}

/// What every type looks like that is the same in each version, or as the literal that an old client gets.
#[track_caller]
fn assert_types(seen: &Value, version: &str) {
    let rows = seen["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 5, "{version}: {seen}");
    for (row, column, value) in [
        (
            0,
            "c_decimal_38_0",
            "12345678901234567890123456789012345678",
        ),
        (1, "c_bigint", "-9223372036854775808"),
        (2, "c_money", "922337203685477.5807"),
        (1, "c_datetime", "1753-01-01 00:00:00"),
        (2, "c_smalldatetime", "2079-06-06 23:59:00"),
        (1, "c_date", "0001-01-01"),
        (0, "c_time_0", "08:15:07"),
        (0, "c_datetime2_0", "2026-03-02 08:15:07"),
        (0, "c_varchar_max", "naïve €"),
        (0, "c_nvarchar_max", "Łódź 😀"),
        (0, "c_text", "naïve €"),
        (0, "c_ntext", "Łódź 😀"),
        (0, "c_image", "010200"),
        (0, "c_xml", "<a b=\"Łódź\">😀</a>"),
        (0, "c_hierarchyid", "58"),
        (3, "c_xml", "None"),
        (3, "c_geometry", "None"),
        (3, "c_variant", "None"),
        (3, "r_int", "-7"),
        (4, "c_nvarchar_max", ""),
        (4, "c_image", ""),
    ] {
        assert_eq!(rows[row][column], json!(value), "{version}: {column}");
    }
    let is_old = ["7.0", "7.1", "7.2"].contains(&version);
    let literal = |old: &str, new: &str| json!(if is_old { old } else { new });
    for (column, expected) in [
        ("c_time_7", literal("08:15:07.1234567", "08:15:07.123456")),
        (
            "c_datetime2_3",
            literal("2026-03-02 08:15:07.123", "2026-03-02 08:15:07.123000"),
        ),
        (
            "c_datetimeoffset_0",
            literal("2026-03-02 08:15:07 -03:30", "2026-03-02 08:15:07-03:30"),
        ),
    ] {
        assert_eq!(rows[0][column], expected, "{version}: {column}");
    }
    for (column, length) in [
        ("c_varchar_max", 20_000),
        ("c_ntext", 20_000),
        ("c_varbinary_max", 40_000),
        ("c_xml", 16_000),
    ] {
        let text = rows[2][column].as_str().unwrap();
        assert!(
            text.ends_with(&format!("... {length}")),
            "{version}: {text}"
        );
    }
    let computed = &seen["computed"][0];
    assert_eq!(computed["0"], json!("<a>é</a>"), "{version}");
    assert!(computed["2"].as_str().unwrap().ends_with("... 100000"));
    assert_eq!(seen["series"], json!(2000), "{version}");
}

#[test]
#[cfg_attr(not(has_python), ignore = "no python-tds: see scripts/test")]
fn python_tds_reads_every_type_in_every_version() {
    let azure = server();
    for version in ["7.0", "7.1", "7.2", "7.3A", "7.3B", "7.4"] {
        let program = app(&azure, version).python("reads_types.py").arg("pytds");
        let seen = seen(program);
        assert_types(&seen, version);
        let back = seen["given back"].as_array().unwrap();
        assert_eq!(
            back[..2],
            [json!("<a>é</a>"), json!("2026-03-02")],
            "{version}"
        );
        assert!(
            back[2].as_str().unwrap().ends_with("... 20000"),
            "{version}"
        );
    }
    azure.assert_content();
    let logins = azure.azure.tds().logins();
    let asked: Vec<u32> = logins.iter().map(|login| login.tds_version).collect();
    let all = [
        0x7000_0000,
        0x7100_0001,
        0x7209_0002,
        0x730a_0003,
        0x730b_0003,
        0x7400_0004,
    ];
    assert_eq!(asked, all);
}

#[test]
#[cfg_attr(not(has_python), ignore = "no pymssql: see scripts/test")]
fn pymssql_reads_every_type_in_every_version() {
    let azure = server();
    for version in ["7.0", "7.1", "7.2", "7.3", "7.4"] {
        let program = app(&azure, version).python("reads_types.py").arg("pymssql");
        let seen = seen(program);
        assert_types(&seen, version);
    }
    azure.assert_content();
}

/// What a driver of a version reads: without a proxy, through one whose upstream speaks its version, and through
/// one that translates.
#[track_caller]
fn assert_same(version: &str, driver: &str, azure: &AzureSql, password: &Proxy, token: &Proxy) {
    let read = |app: SqlApp| seen(app.version(version).python("reads_types.py").arg(driver));
    let direct = read(SqlApp::direct(azure, USER, PASSWORD));
    for (name, proxy) in [("password", password), ("token", token)] {
        let through = read(SqlApp::of(proxy, Encrypt::Off));
        for (key, expected) in direct.as_object().unwrap() {
            let (Some(expected), Some(found)) = (expected.as_array(), through[key].as_array())
            else {
                assert_eq!(through[key], *expected, "{driver} {version} {name}: {key}");
                continue;
            };
            assert_eq!(
                found.len(),
                expected.len(),
                "{driver} {version} {name}: {key}"
            );
            for (found, expected) in found.iter().zip(expected) {
                match expected.as_object() {
                    Some(row) => row
                        .iter()
                        // The translator leaves variants to clients of 7.0, which read them.
                        .filter(|(column, _)| version != "7.0" || !column.contains("variant"))
                        .for_each(|(column, value)| {
                            let what = format!("{driver} {version} {name}: {column}");
                            assert_eq!(found[column], *value, "{what}");
                        }),
                    None => assert_eq!(found, expected, "{driver} {version} {name}: {key}"),
                }
            }
        }
    }
}

#[test]
#[cfg_attr(not(has_python), ignore = "no python-tds: see scripts/test")]
fn client_that_is_translated_reads_what_a_server_of_its_version_says() {
    let developers = server();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("password");
    std::fs::write(&file, PASSWORD).unwrap();
    let password = developers.proxy_with(&format!(
        "upstream_auth = \"password\"\nupstream_user = \"{USER}\"\nupstream_password_file = {file:?}\n"
    ));
    let strict = AzureSql::new();
    let token = strict.proxy();
    for version in ["7.0", "7.1", "7.2", "7.3A"] {
        assert_same(version, "pytds", &developers, &password, &token);
    }
    for version in ["7.0", "7.1", "7.2"] {
        assert_same(version, "pymssql", &developers, &password, &token);
    }
    developers.assert_content();
    strict.assert_content();
}

#[test]
#[cfg_attr(not(has_node), ignore = "no tedious: see scripts/test")]
fn tedious_reads_every_type_in_its_five_versions() {
    let azure = server();
    for version in ["7_1", "7_2", "7_3_A", "7_3_B", "7_4"] {
        let app = SqlApp::direct(&azure, USER, PASSWORD).told("TDS_VERSION", version);
        let seen = seen(app.node("reads_types.cjs"));
        let rows = seen["rows"].as_array().unwrap();
        for (row, column, value) in [
            (0, "c_nvarchar_max", "Łódź 😀"),
            (0, "c_text", "naïve €"),
            (0, "c_xml", "<a b=\"Łódź\">😀</a>"),
            (0, "c_datetime", "2026-03-02T08:15:00.123Z"),
            (2, "c_tinyint", "255"),
            (3, "c_varbinary_max", "null"),
        ] {
            assert_eq!(rows[row][column], json!(value), "{version}: {column}");
        }
        let is_old = ["7_1", "7_2"].contains(&version);
        let date = if is_old {
            "2026-03-02"
        } else {
            "2026-03-02T00:00:00.000Z"
        };
        assert_eq!(rows[0]["c_date"], json!(date), "{version}");
        assert_eq!(seen["series"], json!(2000), "{version}");
        let table = seen["table"].as_str().unwrap();
        assert!(
            table.contains("a table-valued parameter"),
            "{version}: {table}"
        );
        assert_eq!(seen["cancelled"], json!("ECANCEL"), "{version}");
        assert_eq!(seen["given"], json!(["x", "<a>é</a>"]), "{version}");
        assert_eq!(seen["after"], json!([{"n": "0"}]), "{version}");
    }
    azure.assert_content();
}

#[test]
#[cfg_attr(not(has_freetds), ignore = "no FreeTDS: see scripts/test")]
fn freebcp_loads_long_values_in_every_version() {
    let azure = server();
    let rows = format!(
        "1\tŁódź\t0102\tx\n2\t\t\té\n3\t{}\tff00\t\n",
        "é".repeat(9000)
    );
    for version in ["7.0", "7.1", "7.2", "7.3", "7.4"] {
        let app = app(&azure, version);
        let table = format!("loaded_{}", version.replace('.', "_"));
        let create = format!(
            "create table {table} (id int not null, name nvarchar(max), data varbinary(max), n nvarchar(20))\ngo\n"
        );
        let _ = app.freetds("tsql").stdin(create).run().succeeded();
        let (loaded, copied) = (
            app.directory().join("in.txt"),
            app.directory().join("out.txt"),
        );
        std::fs::write(&loaded, &rows).unwrap();
        for (direction, file) in [("in", &loaded), ("out", &copied)] {
            let copy = app.program("freebcp").args([&table, direction]).arg(file);
            let copy = copy
                .args([
                    "-c", "-S", "proxy", "-U", USER, "-P", PASSWORD, "-T", "100000",
                ])
                .run();
            assert!(
                copy.succeeded().contains("3 rows copied."),
                "{version}: {copy:?}"
            );
        }
        assert_eq!(std::fs::read_to_string(&copied).unwrap(), rows, "{version}");
    }
    azure.assert_content();
}

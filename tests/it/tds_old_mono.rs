//! `Mono.Data.Tds`, of which mono's own SqlClient was made: TDS 7.0, and 7.1 (which it calls 8.0).

use azdb_tests::{
    AzureSql, Encrypt, LoginBy, SqlApp, assert_every_value, every_column, seen, tools,
};
use serde_json::{Map, Value, json};

/// What it cannot read, whoever the server is, or rounds.
fn is_own(column: &str) -> bool {
    let own = ["variant", "decimal_38", "money", "float", "c_real"];
    own.iter().any(|word| column.contains(word))
}

/// The values of a column of a result.
fn values(result: &Value, column: &str) -> Value {
    let rows = result.as_array().into_iter().flatten();
    rows.map(|row| row[column].clone()).collect()
}

/// By column, what results of one column each have.
fn by_column(every: &Value) -> Value {
    let columns = every.as_object().into_iter().flatten();
    let columns = columns.map(|(name, results)| (name.clone(), values(&results[0], name)));
    Value::Object(columns.collect::<Map<_, _>>())
}

#[test]
#[cfg_attr(not(has_mono_tds), ignore = "no Mono.Data.Tds: see scripts/test --all")]
fn mono_data_tds_works_with_azure_and_with_a_server_that_takes_passwords() {
    let columns = every_column();
    let columns: Vec<&str> = columns.split(',').filter(|name| !is_own(name)).collect();
    for way in [LoginBy::Token, LoginBy::Password] {
        let azure = AzureSql::logged_in_by(way);
        let proxy = azure.proxy();
        for version in ["7.0", "8.0"] {
            let app = SqlApp::of(&proxy, Encrypt::Off)
                .told("TDS_VERSION", version)
                .told("TDS_COLUMNS", &columns.join(","));
            let program = app.program("mono");
            let seen = seen(program.arg(tools::installed("mono_tds/mono_tds.exe")));
            assert_talked(version, &seen);
            assert_every_value(&by_column(&seen["every"]), |column| {
                // Text of one byte is Latin 1 for it in 7.0, which has no euro.
                !is_own(column) && (version == "8.0" || !is_narrow(column))
            });
        }
        azure.assert_content();
    }
}

fn is_narrow(column: &str) -> bool {
    ["c_varchar", "c_text", "c_varchar_max"].contains(&column)
}

#[track_caller]
fn assert_talked(version: &str, seen: &Value) {
    let names = json!(["Sourdough loaf", "Aged pecorino"]);
    assert_eq!(values(&seen["rows"][0], "name"), names, "{seen}");
    let kept = values(&seen["kept"][0], "name");
    assert_eq!(kept, json!(["naïve 漢字, ".repeat(10_000)]));
    let sets = json!([[{"0": "1"}], [{"0": "two", "1": null}], [], [{"0": "3"}]]);
    assert_eq!(seen["sets"], sets, "{seen}");
    let error = "208 Invalid object name 'nowhere'.";
    assert_eq!(seen["error"], json!(error), "{seen}");
    let timed_out = seen["cancelled"].to_string();
    assert!(timed_out.contains("Timeout expired."), "{seen}");
    if version == "8.0" {
        let parameters = json!([[{"0": "naïve 漢字é", "1": null}]]);
        assert_eq!(seen["parameters"], parameters, "{seen}");
        let prepared = json!([[{"name": "Aged pecorino"}]]);
        assert_eq!(seen["prepared"], prepared, "{seen}");
    }
}

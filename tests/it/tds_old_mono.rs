//! `Mono.Data.Tds`, of which mono's own SqlClient was made: TDS 7.0, and 7.1 (which it calls 8.0).

use azdb_tests::{AzureSql, Encrypt, LoginBy, SqlApp, every_column, seen, tools};
use serde_json::{Value, json};

/// The values of a column, which stand in a result of one column.
fn values(results: &Value, column: &str) -> Vec<Value> {
    let rows = results[0].as_array().into_iter().flatten();
    rows.map(|row| row[column].clone()).collect()
}

#[test]
#[cfg_attr(not(has_mono_tds), ignore = "no Mono.Data.Tds: see scripts/test --all")]
fn mono_data_tds_works_with_both() {
    for way in [LoginBy::Token, LoginBy::Password] {
        let azure = AzureSql::logged_in_by(way);
        let proxy = azure.proxy();
        for version in ["7.0", "8.0"] {
            let app = SqlApp::of(&proxy, Encrypt::Off)
                .told("TDS_VERSION", version)
                .told("TDS_COLUMNS", &every_column());
            let program = app.program("mono");
            let seen = seen(program.arg(tools::installed("mono_tds/mono_tds.exe")));
            println!("{seen}");
            assert_eq!(
                values(&seen["rows"], "name"),
                [json!("Sourdough loaf"), json!("Aged pecorino")]
            );
        }
        azure.assert_content();
    }
}

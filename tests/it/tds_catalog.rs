//! What drivers' own calls for the catalog get from the emulated server, without a proxy; and every type by JDBC.

use azdb_emulator::TdsOptions;
use azdb_tests::{AzureSql, SqlApp, seen};
use serde_json::{Value, json};

const USER: &str = "sa";
const PASSWORD: &str = "The real 1 password";

fn server() -> AzureSql {
    AzureSql::with(TdsOptions::development(USER, PASSWORD))
}

/// The tables, a table's columns and its keys, as far as names go.
#[track_caller]
fn assert_catalog(seen: &Value) {
    let tables = json!([
        ["customers", "TABLE"],
        ["orders", "TABLE"],
        ["products", "TABLE"],
        ["every_type", "VIEW"]
    ]);
    assert_eq!(seen["tables"], tables, "{seen}");
    assert_eq!(seen["keys"][0][0], json!("id"), "{seen}");
    assert_eq!(seen["procedures"], json!([]), "{seen}");
    let types = seen["types"].to_string();
    for name in ["nvarchar", "datetime2", "xml"] {
        assert!(types.contains(name), "{name}: {types}");
    }
}

#[test]
#[cfg_attr(
    not(all(has_python, has_odbc)),
    ignore = "no FreeTDS ODBC driver: see scripts/test --all"
)]
fn odbc_driver_of_freetds_reads_the_catalog_in_old_versions_too() {
    let azure = server();
    for version in ["7.1", "7.4"] {
        let app = SqlApp::direct(&azure, USER, PASSWORD).version(version);
        let program = app.python("reads_catalog.py").arg("freetds");
        let driver = azdb_tests::tools::installed("odbc/libtdsodbc.so");
        let seen = seen(program.env("TDS_DRIVER", &driver));
        assert_catalog(&seen);
        let foreign = json!([["customer_id", "customers"], ["product_id", "products"]]);
        assert_eq!(seen["foreign"], foreign, "{version}");
        assert_eq!(seen["columns"][3], json!(["price", "decimal", "10"]));
    }
    azure.assert_content();
}

#[test]
#[cfg_attr(not(has_python), ignore = "no mssql-python: see scripts/test")]
fn odbc_driver_of_microsoft_reads_the_catalog() {
    let azure = server();
    let app = SqlApp::direct(&azure, USER, PASSWORD);
    let seen = seen(app.python("reads_catalog.py").arg("microsoft"));
    assert_catalog(&seen);
    assert_eq!(seen["columns"][0], json!(["id", "int identity", "10"]));
    let statistics = json!([["None", "None"], ["id", "0"], ["email", "0"]]);
    assert_eq!(seen["statistics"], statistics);
    azure.assert_content();
}

/// What the Java program sees by a driver.
fn by_jdbc(azure: &AzureSql, archive: &str, url: &str) -> Value {
    let app = SqlApp::direct(azure, USER, PASSWORD);
    let seen = seen(app.java_program("ReadsMetadata", archive, url));
    assert_catalog(&seen);
    let rows = seen["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 5, "{url}");
    for (row, column, value) in [
        (0, "c_xml", "<a b=\"Łódź\">😀</a>"),
        (0, "c_datetime2_7", "2026-03-02 08:15:07.1234567"),
        (0, "c_datetimeoffset_0", "2026-03-02 08:15:07 -03:30"),
        (0, "c_nvarchar_max", "Łódź 😀"),
        (0, "c_ntext", "Łódź 😀"),
        (1, "c_bigint", "-9223372036854775808"),
        (2, "c_date", "9999-12-31"),
        (3, "c_image", "null"),
        (3, "c_variant", "null"),
        (3, "r_float", "-1.5"),
    ] {
        assert_eq!(rows[row][column], json!(value), "{url}: {column}");
    }
    let cursor = seen["cursor"].as_str().unwrap();
    assert!(
        cursor.starts_with("40510 azdb-emulator:"),
        "{url}: {cursor}"
    );
    assert_eq!(seen["after"], json!([["8"]]), "{url}");
    seen
}

#[test]
#[cfg_attr(not(has_jtds), ignore = "no jTDS: see scripts/test --all")]
fn jtds_reads_every_type_and_the_catalog() {
    let azure = server();
    for version in ["7.0", "8.0"] {
        let url = format!("jdbc:jtds:sqlserver://localhost:PORT/shop;TDS={version}");
        let seen = by_jdbc(&azure, "../jtds/jtds.jar", &url);
        let imported = json!([
            ["customers", "id", "customer_id"],
            ["products", "id", "product_id"]
        ]);
        assert_eq!(seen["imported"], imported, "{version}");
        assert_eq!(seen["exported"], json!([["orders", "product_id"]]));
        assert_eq!(seen["given back"], json!("2026-03-02"), "{version}");
    }
    azure.assert_content();
    let logins = azure.azure.tds().logins();
    let versions: Vec<u32> = logins.iter().map(|login| login.tds_version).collect();
    assert_eq!(versions, [0x7000_0000, 0x7100_0001]);
}

#[test]
#[cfg_attr(not(has_java), ignore = "no mssql-jdbc: see scripts/test")]
fn jdbc_driver_of_microsoft_reads_every_type_and_the_catalog() {
    let azure = server();
    let url = "jdbc:sqlserver://localhost:PORT;databaseName=shop;encrypt=false";
    let seen = by_jdbc(&azure, "mssql-jdbc.jar", url);
    assert_eq!(seen["best row"], json!([["id"]]));
    let price = json!(["price", "3", "decimal", "10", "2", "NO"]);
    assert_eq!(seen["columns"][3], price);
    // These are written in a T-SQL that the sample has not.
    for name in ["imported", "privileges"] {
        let told = seen[name].as_str().unwrap();
        assert!(told.starts_with("40510 azdb-emulator:"), "{name}: {told}");
    }
    azure.assert_content();
}

#[test]
#[cfg_attr(not(has_freetds), ignore = "no FreeTDS: see scripts/test")]
fn views_of_the_catalog_are_read_as_tables_are() {
    let azure = server();
    let app = SqlApp::direct(&azure, USER, PASSWORD);
    let asked = |select: &str| {
        let ran = app.freetds("tsql").stdin(format!("{select}\ngo\n")).run();
        format!("{}{}", ran.stdout, ran.stderr)
    };
    for (select, lines) in [
        (
            "select table_name, table_type as Kind from information_schema.tables where table_name like '%s' order by table_name",
            "TABLE_NAME\tKind\ncustomers\tBASE TABLE\norders\tBASE TABLE\nproducts\tBASE TABLE\n",
        ),
        (
            "select [COLUMNS].[column_name], is_nullable, numeric_scale from [INFORMATION_SCHEMA].[COLUMNS] \
             where table_name = 'PRODUCTS' and (data_type = 'decimal' or column_name is null)",
            "COLUMN_NAME\tIS_NULLABLE\tNUMERIC_SCALE\nprice\tNO\t2\n",
        ),
        (
            "select count(*) as n from information_schema.tables where table_type <> 'VIEW'",
            "n\n3\n",
        ),
        (
            "select table_name from information_schema.tables where table_name = 'nothing'",
            "TABLE_NAME\n1> ",
        ),
    ] {
        let told = asked(select);
        assert!(told.contains(lines), "{select}: {told}");
    }
    for refused in [
        "select distinct table_name from information_schema.tables",
        "select count(*), 1 from information_schema.tables",
        "select table_name from information_schema.tables where table_name > 'a'",
        "declare @t table (a int) insert into @t exec sp_tables select a from @t",
    ] {
        let told = asked(refused);
        assert!(
            told.contains("this sample does not know"),
            "{refused}: {told}"
        );
    }
    azure.assert_content();
}

//! jTDS, which reads TDS 7.0 and 7.1 (which it calls 8.0) and nothing newer.

use azdb_tests::{
    AzureSql, Encrypt, LoginBy, SqlApp, assert_every_value, every_column, seen_lines,
};
use serde_json::{Value, json};

const BOTH: [&str; 2] = [";TDS=8.0", ";TDS=7.0"];

/// Has the app do all that it does in both dialects, and looks at what it saw.
#[track_caller]
fn works(archive: &str, driver: &str, way: LoginBy) {
    // TDS 7.0 has no variants: where it gets one nevertheless, jTDS dies of text in it.
    let other = "c_variant_of_other";
    let columns = every_column();
    let but_other = columns.replace(&format!("{other},"), "");
    let runs = match way {
        LoginBy::Token => vec![(&BOTH[..1], &columns), (&BOTH[1..], &but_other)],
        LoginBy::Password => vec![(&BOTH[..], &columns)],
    };
    let azure = AzureSql::logged_in_by(way);
    let proxy = azure.proxy();
    for (settings, columns) in runs {
        let app = SqlApp::of(&proxy, Encrypt::Off).told("TDS_COLUMNS", columns);
        let sights = seen_lines(app.jtds(archive, settings));
        assert_eq!(sights.len(), settings.len());
        for (mut seen, setting) in sights.into_iter().zip(settings) {
            seen["run"] = json!(format!("{way:?} {setting}"));
            seen["every"]["run"] = seen["run"].clone();
            let seen = &seen;
            assert_eq!(seen["driver"], json!(driver), "{seen}");
            assert_queries(seen);
            assert_every_value(&seen["every"], |column| columns.contains(column));
            assert_classes(seen, setting);
            assert_changes(seen);
            assert_interruptions(seen);
        }
    }
    azure.assert_content();
}

fn assert_queries(seen: &Value) {
    for (what, expected) in [
        ("server", "Microsoft SQL Server 12"),
        (
            "rows",
            "Sourdough loaf|6.20|true;Aged pecorino|22.00|false;",
        ),
        ("parameters", "naïve 漢字 😀 é|null"),
        ("results", "rows 1;count 1;rows two;count 1;rows;"),
        ("output", "true"),
        ("tables", "products;"),
        (
            "columns",
            "id int identity;name nvarchar;category nvarchar;price decimal;stock int;organic bit;",
        ),
        ("keys", "id;"),
        ("error", "208 S0002 Invalid object name 'nowhere'."),
    ] {
        assert_eq!(seen[what], json!(expected), "{what}: {seen}");
    }
}

/// Max types are the large objects of before, dates are texts, from which the driver makes moments.
fn assert_classes(seen: &Value, setting: &str) {
    let objects = &seen["objects"];
    // TDS 7.0 has no integers of eight bytes.
    let bigint = if setting == ";TDS=7.0" {
        "BigDecimal"
    } else {
        "Long"
    };
    assert_eq!(objects["c_bigint"], json!(bigint), "{objects}");
    for (column, class) in [
        ("c_nvarchar_max", "ClobImpl"),
        ("c_varbinary_max", "BlobImpl"),
        ("c_xml", "ClobImpl"),
        ("c_date", "String"),
        ("c_datetimeoffset_7", "String"),
        ("c_datetime", "Timestamp"),
        ("c_decimal_38_0", "BigDecimal"),
    ] {
        assert_eq!(objects[column], json!(class), "{column}: {objects}");
    }
    assert_eq!(
        seen["moments"],
        json!({
            "c_datetime2_0": "2026-03-02 08:15:07.0",
            "c_datetime2_3": "2026-03-02 08:15:07.123",
            "c_datetime2_7": "2026-03-02 08:15:07.1234567",
        })
    );
}

/// Transactions end as the app says, and large values are whole.
fn assert_changes(seen: &Value) {
    for (what, expected) in [
        ("inserted", "1"),
        ("counts", "50 of 1"),
        ("kept", "50|49|1234567.89"),
        ("batch", "[1, 1]"),
        ("savepoint", "2|2002"),
        (
            "large",
            "100000|300000|true;100000|300000|true;0|0|false;null|null;",
        ),
        ("pooled", "8 8 8 8 8 8 8 8, 0"),
        ("closed", "true"),
    ] {
        assert_eq!(seen[what], json!(expected), "{what}: {seen}");
    }
}

/// What was cancelled ends, and the connection works on.
fn assert_interruptions(seen: &Value) {
    for what in ["after cancel", "after half", "after timeout"] {
        assert_eq!(seen[what], json!("Aged pecorino"), "{what}: {seen}");
    }
    // Which of its texts it shows depends on which of its threads is first.
    let cancelled = seen["cancelled"].to_string();
    let texts = ["Cancel has been invoked", "unspecified error"];
    assert!(
        texts.iter().any(|text| cancelled.contains(text)),
        "{cancelled}"
    );
    assert_eq!(seen["timed out"], json!("The query has timed out."));
}

#[test]
#[cfg_attr(not(has_jtds), ignore = "no jTDS: see scripts/test")]
fn jtds_works_with_azure() {
    works("jtds/jtds.jar", "1.3.1", LoginBy::Token);
}

#[test]
#[cfg_attr(not(has_jtds), ignore = "no jTDS: see scripts/test")]
fn jtds_works_with_a_server_that_takes_passwords() {
    works("jtds/jtds.jar", "1.3.1", LoginBy::Password);
}

#[test]
#[cfg_attr(not(has_jtds_old), ignore = "no jTDS 1.2: see scripts/test --all")]
fn jtds_1_2_works_with_both() {
    for way in [LoginBy::Token, LoginBy::Password] {
        works("jtds_old/jtds.jar", "1.2.8", way);
    }
}

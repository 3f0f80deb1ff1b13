//! Drivers, each in a small program that uses it as its documentation says and knows nothing of the proxy.

use azdb_tests::{Azure, Program};
use serde_json::{Value, json};

/// Runs a program and reads what it saw.
#[track_caller]
fn seen(program: Program) -> Value {
    let ran = program.run();
    serde_json::from_str(ran.succeeded()).unwrap()
}

/// Whether the app became the role, in the database of the route although it named none.
#[track_caller]
fn assert_is_role(seen: &Value, azure: &Azure) {
    assert_eq!(seen["role"], json!(azure.role));
    assert_eq!(seen["database"], json!(azure.database));
}

#[test]
#[cfg_attr(
    not(all(has_postgres, has_python)),
    ignore = "no psycopg: see scripts/test"
)]
fn psycopg2_queries_copies_listens_and_cancels() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    let seen = seen(proxy.app().python("with_psycopg2.py"));
    assert_is_role(&seen, &azure);
    assert_eq!(seen["parameters"], json!([3, "naïve"]));
    assert_eq!(seen["copied"], json!(true));
    assert_eq!(seen["large_object"], json!(true));
    assert_eq!(seen["notified"], json!("hello"));
    assert_eq!(seen["cancelled"], json!("57014"));
    assert_eq!(seen["error"], json!(["22012", "division by zero"]));
}

#[test]
#[cfg_attr(
    not(all(has_postgres, has_python)),
    ignore = "no psycopg: see scripts/test"
)]
fn psycopg3_pipelines_copies_listens_and_cancels() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    let seen = seen(proxy.app().python("with_psycopg3.py"));
    assert_is_role(&seen, &azure);
    assert_eq!(seen["parameters"], json!(3));
    assert_eq!(seen["binary"], json!(1u64 << 40));
    assert_eq!(seen["pipeline"], json!(499 * 500 / 2));
    assert_eq!(seen["copied"], json!(true));
    assert_eq!(seen["server_side_cursor"], json!(10_000));
    assert_eq!(seen["notified"], json!("hello"));
    assert_eq!(seen["cancelled"], json!("57014"));
    assert_eq!(seen["error"], json!(["22012", "division by zero"]));
}

#[test]
#[cfg_attr(
    not(all(has_postgres, has_python)),
    ignore = "no psycopg: see scripts/test"
)]
fn newest_protocol_and_direct_tls_of_libpq_18_work() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    for settings in [
        "max_protocol_version=latest",
        "sslmode=require",
        "sslmode=require sslnegotiation=direct",
        "sslmode=require sslnegotiation=direct max_protocol_version=latest",
    ] {
        let seen = seen(proxy.app().python("with_psycopg3.py").arg(settings));
        assert!(seen["libpq"].as_u64() >= Some(180_000), "{seen}");
        assert_is_role(&seen, &azure);
        assert_eq!(seen["tls"], json!(true), "{settings}");
        // libpq 17 and later send the cancel request over TLS, too.
        assert_eq!(seen["cancelled"], json!("57014"), "{settings}");
        assert_eq!(seen["cancel"], json!("sent"), "{settings}");
    }
}

#[test]
#[cfg_attr(
    not(all(has_postgres, has_python)),
    ignore = "no asyncpg: see scripts/test"
)]
fn asyncpg_queries_copies_listens_and_cancels() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    let seen = seen(proxy.app().python("with_asyncpg.py"));
    assert_is_role(&seen, &azure);
    assert_eq!(seen["parameters"], json!(3));
    assert_eq!(seen["prepared"], json!([0, 2, 4, 6, 8]));
    assert_eq!(seen["copied"], json!(true));
    assert_eq!(seen["server_side_cursor"], json!(10_000));
    assert_eq!(seen["notified"], json!("hello"));
    assert_eq!(seen["after_cancel"], json!(1));
    assert_eq!(seen["error"], json!(["22012", "division by zero"]));
}

#[test]
#[cfg_attr(
    not(all(has_postgres, has_node)),
    ignore = "no node-postgres: see scripts/test"
)]
fn node_postgres_queries_copies_and_listens_with_and_without_tls() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    for mode in ["plain", "tls"] {
        let seen = seen(proxy.app().node("with_pg.cjs").arg(mode));
        assert_is_role(&seen, &azure);
        assert_eq!(seen["parameters"], json!(3));
        assert_eq!(seen["prepared"], json!([0, 2, 4, 6, 8]));
        assert_eq!(seen["copied"], json!(true));
        assert_eq!(seen["notified"], json!("hello"));
        assert_eq!(seen["pool"], json!(39 * 40 / 2));
        assert_eq!(seen["error"], json!(["22012", "division by zero"]));
    }
}

#[test]
#[cfg_attr(
    not(all(has_postgres, has_java)),
    ignore = "no pgjdbc: see scripts/test"
)]
fn pgjdbc_queries_copies_listens_and_times_out() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    let seen = seen(proxy.app().java("WithPgjdbc.java"));
    assert_is_role(&seen, &azure);
    assert_eq!(seen["prepared"], json!("55"));
    assert_eq!(seen["error"], json!("22012"));
    assert_eq!(seen["copied"], json!("true"));
    assert_eq!(seen["large_object"], json!("true"));
    assert_eq!(seen["notified"], json!("hello"));
    assert_eq!(seen["cancelled"], json!("57014"));
    assert_eq!(seen["role_with_tls"], json!(azure.role));
}

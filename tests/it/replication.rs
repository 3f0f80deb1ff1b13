//! Replication connections: the proxy changes nothing in them.

use azdb_tests::{Azure, tools};

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn replication_commands_are_answered() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    let system = azure
        .server
        .admin("select system_identifier from pg_control_system()");
    for kind in ["true", "database"] {
        let ran = proxy
            .app()
            .psql()
            .args([
                "-d",
                &format!("replication={kind}"),
                "-c",
                "IDENTIFY_SYSTEM",
            ])
            .run();
        let answer = ran.succeeded();
        assert!(answer.starts_with(&system), "{answer}");
        let named = if kind == "true" { "" } else { &azure.database };
        assert!(answer.ends_with(&format!("|{named}")), "{answer}");
    }
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn base_backup_streams_through() {
    let azure = Azure::alone();
    let proxy = azure.proxy();
    let target = proxy.directory().join("backup");
    let ran = proxy
        .app()
        .program(tools::postgres("pg_basebackup"))
        .args(["--wal-method=stream", "--checkpoint=fast", "-D"])
        .arg(&target)
        .run();
    let _ = ran.succeeded();
    let verified = proxy
        .app()
        .program(tools::postgres("pg_verifybackup"))
        .arg(&target)
        .run();
    assert!(verified.succeeded().contains("successfully verified"));
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn write_ahead_log_streams_both_ways() {
    // A slot is made when every transaction of the server that is open has ended.
    let azure = Azure::alone();
    let proxy = azure.proxy();
    let _ = proxy.app().query("create table items (id int)");
    let slot = "create_replication_slot";
    let receive = |args: &[&str]| {
        proxy
            .app()
            .program(tools::postgres("pg_recvlogical"))
            .args(["-d", &azure.database, "-S", "orders_slot"])
            .args(args)
    };
    let made = receive(&["--create-slot", "-P", "test_decoding"]).run();
    assert_eq!(made.code, Some(0), "{slot}: {made:?}");
    // The server sends, pg_recvlogical answers how far it has read: CopyBoth.
    let receiver = receive(&["--start", "-f", "-", "--no-loop"]).start();
    let _ = proxy.app().query("insert into items values (42)");
    receiver.stdout_until(|text| text.contains("INSERT: id[integer]:42").then_some(()));
    receiver.signal(rustix::process::Signal::INT);
    assert_eq!(receiver.wait().code, Some(0));
    let dropped = receive(&["--drop-slot"]).run();
    let _ = dropped.succeeded();
}

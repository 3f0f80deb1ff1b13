//! Sessions in which nothing is said for longer than the route allows (`idle_timeout`).

use azdb_tests::{Azure, MysqlPeer, Shop};

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn psql_that_sleeps_over_a_transaction_reads_why_it_ended_and_holds_no_lock() {
    let azure = Azure::new();
    let route = azure.route() + "idle_timeout = \"1s\"\n";
    let proxy = azure.start(&route).start();
    let app = proxy.app();
    let mut asleep = app.psql().arg("-n").interactive().start();
    asleep.type_line("begin; select pg_advisory_xact_lock(42), 'locked';");
    asleep.stdout_until(|said| said.contains("locked").then_some(()));
    let line = proxy.log_until("why=idle_timeout");
    assert!(line.contains("closed_by=proxy"), "{line}");
    // Whoever waits for the lock waits for an answer, and is not idle.
    let _ = app.query("select pg_advisory_xact_lock(42), pg_sleep(2.5)");
    asleep.type_line("select 1;");
    let ran = asleep.wait();
    let _ = ran.failed();
    let text = "azdb-proxy: terminating connection, nothing has been said for 1s";
    assert!(ran.stderr.contains(text), "{}", ran.stderr);
}

#[test]
#[cfg_attr(not(has_mariadb), ignore = "no MariaDB: see scripts/test")]
fn mysql_that_waits_for_an_answer_is_not_idle() {
    let shop = Shop::new();
    let route = shop.route() + "idle_timeout = \"1s\"\n";
    let proxy = shop.start(&route).start();
    let mut app = MysqlPeer::log_in(proxy.address());
    app.command(b"\x03select sleep(2.5)");
    assert_eq!(app.hear(), [1], "an answer of one column");
    let rest = app.rest();
    assert!(
        rest.ends_with(&[254, 0, 0, 2, 0]),
        "the end of the answer, and no word behind it: {rest:?}"
    );
    proxy.log_until("why=idle_timeout");
}

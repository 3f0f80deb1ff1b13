//! Much, big, slow, half: what must not break a session or the proxy.

use std::thread;

use azdb_tests::{Azure, Emulated, RawApp, Start, packets};

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn running_out_of_files_passes() {
    let emulated = Emulated::new();
    let start = Start::run_after("ulimit -n 64", &emulated.route());
    let identity = emulated.azure.identity();
    let proxy = start
        .env("IDENTITY_ENDPOINT", &identity.url())
        .env("IDENTITY_HEADER", identity.secret())
        .start();
    proxy.log_until("token ready");
    let come = |_| {
        let mut app = RawApp::connect(proxy.address());
        app.send(&packets::startup(0, &[("user", "anyone")]));
        app
    };
    let crowd: Vec<RawApp> = (0..150).map(come).collect();
    proxy.log_until("cannot accept");
    drop(crowd);
    assert_eq!(proxy.app().query("select 1"), "1");
}

#[test]
fn limit_on_open_files_is_raised_as_far_as_it_goes() {
    let emulated = Emulated::new();
    let few = Start::run_after("ulimit -S -n 50", &emulated.route());
    let proxy = few.start();
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", proxy.pid())).unwrap();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let numbers: Vec<&str> = line.unwrap().split_whitespace().skip(3).collect();
    assert_eq!(numbers.first(), numbers.get(1), "{numbers:?}");
    assert_ne!(numbers.first(), Some(&"50"));
}

/// Whether the kernel runs a keepalive clock for the connection from port `local` to port `remote`, both of 127.0.0.1.
fn has_keepalive(local: u16, remote: u16) -> bool {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let row = table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .find(|row| {
            row[1].ends_with(&format!(":{local:04X}"))
                && row[2].ends_with(&format!(":{remote:04X}"))
        });
    // Column `tr`: 2 is the keepalive timer.
    row.is_some_and(|row| row[5].starts_with("02:"))
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn both_legs_of_an_idle_session_have_keepalive() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    let mut app = RawApp::connect(proxy.address());
    app.log_in("anyone");
    assert!(has_keepalive(proxy.address().port(), app.port()));
    let port = azure.server.admin(&format!(
        "select client_port from pg_stat_activity where usename = '{}'",
        azure.role
    ));
    assert!(has_keepalive(port.parse().unwrap(), azure.server.port));
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn reply_after_half_close_still_arrives() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    let mut app = RawApp::connect(proxy.address());
    app.log_in("anyone");
    app.send(&packets::query("select repeat('x', 3000000)"));
    app.finish();
    let row = app.until(b'D');
    assert!(row.body.len() > 3_000_000);
    app.until(b'Z');
    assert_eq!(app.rest(), b"");
    proxy.log_until("closed_by=app");
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn rows_of_a_hundred_megabytes_go_both_ways() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    let mut app = RawApp::connect(proxy.address());
    app.log_in("anyone");

    app.send(&packets::query("select repeat('row ', 25000000)"));
    let row = app.until(b'D');
    // Two bytes of column count, four of length.
    assert_eq!(row.body.len(), 100_000_006);
    assert!(row.body.ends_with(b"row row "));
    app.until(b'Z');

    let text = "y".repeat(100_000_000);
    app.send(&packets::query(&format!("select length('{text}')")));
    let row = app.until(b'D');
    assert!(row.body.ends_with(b"100000000"), "{:?}", row.body);
    app.until(b'Z');
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn app_that_reads_late_gets_everything() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    let mut app = RawApp::connect(proxy.address());
    app.log_in("anyone");
    let rows = "select n, repeat('z', 1000) from generate_series(1, 50000) as n";
    app.send(&packets::query(rows));
    // The server's socket is full before the app reads a byte.
    azure.server.admin_until(&format!(
        "exists (select from pg_stat_activity where usename = '{}' and wait_event = 'ClientWrite')",
        azure.role
    ));
    let mut count = 0;
    loop {
        let message = app.message();
        match message.tag {
            b'D' => count += 1,
            b'Z' => break,
            _ => {}
        }
    }
    assert_eq!(count, 50_000);
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn hundred_sessions_live_side_by_side() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    let address = proxy.address();
    let threads: Vec<_> = (0..100)
        .map(|_| {
            thread::spawn(move || {
                let mut app = RawApp::connect(address);
                app.log_in("anyone");
                app
            })
        })
        .collect();
    let mut apps: Vec<RawApp> = threads
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .collect();
    for (number, app) in apps.iter_mut().enumerate() {
        app.send(&packets::query(&format!("select {number}")));
    }
    for (number, app) in apps.iter_mut().enumerate() {
        let row = app.until(b'D');
        assert!(row.body.ends_with(number.to_string().as_bytes()));
    }
    assert_eq!(azure.identity.endpoint().requests().len(), 1);
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn pipelined_queries_are_answered_in_order() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    let mut app = RawApp::connect(proxy.address());
    // The first query comes with the startup message: bytes read too far are not lost.
    let mut bytes = packets::startup(0, &[("user", "anyone")]);
    for number in 0..200 {
        bytes.extend(packets::query(&format!("select {number}")));
    }
    app.send(&bytes);
    app.until(b'Z');
    for number in 0..200 {
        let row = app.until(b'D');
        assert!(
            row.body.ends_with(number.to_string().as_bytes()),
            "{number}"
        );
        app.until(b'Z');
    }
}

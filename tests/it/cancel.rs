//! Cancel requests: on connections of their own, they find the session's server. Drivers' own ways are in `drivers`.

use azdb_emulator::EmulatorOptions;
use azdb_tests::{Azure, Emulated, Process, RawApp, packets};
use rustix::process::Signal;

/// psql in a query without end, that runs.
fn sleeping(azure: &Azure, psql: azdb_tests::Program) -> Process {
    let name = format!("sleeper of {}", azure.database);
    let psql = psql
        .env("PGAPPNAME", &name)
        .args(["-c", "select pg_sleep(600)"])
        .start();
    azure.server.admin_until(&format!(
        "exists (select from pg_stat_activity where application_name = '{name}' and wait_event = 'PgSleep')"
    ));
    psql
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn ctrl_c_in_psql_cancels_the_query() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    for mode in ["disable", "require"] {
        let psql = sleeping(&azure, proxy.app().told("PGSSLMODE", mode).psql());
        psql.signal(Signal::INT);
        let ran = psql.wait();
        let text = "ERROR:  canceling statement due to user request";
        assert!(ran.failed().contains(text), "{ran:?}");
    }
    // A cancel request is no login: it costs neither a token nor a line about a session.
    assert_eq!(azure.identity.endpoint().requests().len(), 1);
    proxy.log_until_times(2, "session ended");
    assert!(!proxy.log().contains("login refused"), "{}", proxy.log());
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn cancel_request_needs_the_very_key() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    let mut app = RawApp::connect(proxy.address());
    let key = app.log_in("anyone");
    app.send(&packets::query("select pg_sleep(600)"));
    azure.server.admin_until(&format!(
        "exists (select from pg_stat_activity where usename = '{}' and wait_event = 'PgSleep')",
        azure.role
    ));

    let mut wrong = key.clone();
    *wrong.last_mut().unwrap() ^= 1;
    let mut stranger = RawApp::connect(proxy.address());
    stranger.send(&packets::cancel(&wrong));
    assert_eq!(
        stranger.rest(),
        b"",
        "an unknown key is answered with silence"
    );

    let mut canceller = RawApp::connect(proxy.address());
    canceller.send_slowly(&packets::cancel(&key));
    // The end of this connection means that the server has got the request.
    assert_eq!(canceller.rest(), b"");
    let error = app.error();
    assert_eq!(error.field('C').as_deref(), Some("57014"));
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn key_is_forgotten_with_its_session() {
    let azure = Azure::new();
    let proxy = azure
        .start(&azure.route())
        .env("AZDB_PROXY_LOG_LEVEL", "debug");
    let proxy = proxy.start();
    let mut app = RawApp::connect(proxy.address());
    let key = app.log_in("anyone");
    app.leave();
    proxy.log_until("session ended");
    let mut late = RawApp::connect(proxy.address());
    late.send(&packets::cancel(&key));
    assert_eq!(late.rest(), b"");
    proxy.log_until("a cancel request with an unknown key");
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn cancel_works_when_every_session_is_taken() {
    let azure = Azure::new();
    let proxy = azure
        .start(&format!("{}max_connections = 1\n", azure.route()))
        .start();
    let psql = sleeping(&azure, proxy.app().psql());
    psql.signal(Signal::INT);
    let ran = psql.wait();
    assert!(ran.failed().contains("canceling statement"), "{ran:?}");
}

#[test]
fn long_key_of_protocol_3_2_works_as_it_is() {
    let mut options = EmulatorOptions::default();
    options.postgres.newest_minor = 2;
    let emulated = Emulated::with(options);
    let proxy = emulated.proxy();
    let mut app = RawApp::connect(proxy.address());
    app.send(&packets::startup(2, &[("user", "anyone")]));
    let key = app.until(b'K').body;
    assert_eq!(key.len(), 4 + 32);
    app.until(b'Z');
    app.send(&packets::query("select pg_sleep(600)"));
    let error = loop {
        // The query may not have begun when the first request comes.
        let mut canceller = RawApp::connect(proxy.address());
        canceller.send(&packets::cancel(&key));
        assert_eq!(canceller.rest(), b"");
        if let Some(message) = app.waiting() {
            break message;
        }
    };
    assert_eq!(error.field('C').as_deref(), Some("57014"), "{error:?}");
}

//! `session_reuse = "reset"`: an app's session goes to the next app with the same login, when nothing of the app is left in it.

use azdb_tests::{Method, RawApp, Server, packets};

use super::{Keeping, ask_pid, configuration, on_real_servers, process};

const REUSE: &str = "session_reuse = \"reset\"";

on_real_servers!(
    a_session_goes_to_the_next_app,
    an_app_that_just_ends_leaves_its_session_too,
    nothing_of_an_app_is_left_to_the_next,
    a_session_in_the_middle_of_something_goes_to_nobody,
    another_login_gets_another_session,
    what_the_upstream_ends_goes_to_nobody,
    a_late_cancel_request_reaches_nobody,
    a_cancelled_app_leaves_its_session_to_nobody,
    no_more_sessions_wait_than_may,
    a_session_waits_for_so_long,
    a_reload_without_reuse_lets_sessions_go,
    a_stop_lets_sessions_go,
    without_reuse_each_app_has_its_own_session,
    a_database_can_be_dropped_when_its_session_has_waited_enough,
    a_dropped_principals_session_is_not_kept_for_ever,
);

fn a_session_goes_to_the_next_app(server: &'static Server) {
    let keeping = Keeping::with(server, REUSE);
    let first = keeping.pid();
    for times in 1..=3 {
        keeping.until_reset(times, "clean");
        assert_eq!(keeping.pid(), first);
        assert_eq!(keeping.opened("reused"), times);
    }
    assert_eq!(keeping.opened("dialled") + keeping.opened("prepared"), 1);
    keeping.proxy.log_until("way=reused");
}

fn an_app_that_just_ends_leaves_its_session_too(server: &'static Server) {
    let keeping = Keeping::with(server, REUSE);
    let (mut app, key) = keeping.app();
    let first = ask_pid(&mut app);
    assert_eq!(process(&key).to_string(), first);
    drop(app);
    keeping.until_reset(1, "clean");
    let (mut app, key) = keeping.app();
    assert_eq!(ask_pid(&mut app), first);
    assert_eq!(process(&key).to_string(), first);
}

/// What an app does, what the next one asks, and the answer of a new session.
const TRACES: [(&str, &str, &str); 11] = [
    (
        "set statement_timeout = '7s'",
        "show statement_timeout",
        "0",
    ),
    (
        "set application_name = 'other'",
        "select current_setting('application_name') = 'other'",
        "f",
    ),
    (
        "create temp table scratch (x int)",
        "select to_regclass('pg_temp.scratch') is null",
        "t",
    ),
    (
        "select pg_advisory_lock(7)",
        "select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()",
        "0",
    ),
    (
        "listen news",
        "select count(*) from pg_listening_channels()",
        "0",
    ),
    (
        "prepare once as select 1",
        "select count(*) from pg_prepared_statements",
        "0",
    ),
    (
        "begin; declare kept cursor with hold for select 1; commit",
        "select count(*) from pg_cursors",
        "0",
    ),
    (
        "set role identities",
        "select current_user = session_user",
        "t",
    ),
    (
        "set session characteristics as transaction isolation level serializable",
        "show default_transaction_isolation",
        "read committed",
    ),
    (
        "set search_path = nowhere; set timezone = 'Asia/Tokyo'; set client_encoding = 'LATIN1'",
        "select current_setting('search_path') || ' ' || current_setting('client_encoding')",
        "\"$user\", public UTF8",
    ),
    (
        "create temp sequence numbers; select nextval('numbers')",
        "select to_regclass('pg_temp.numbers') is null",
        "t",
    ),
];

fn nothing_of_an_app_is_left_to_the_next(server: &'static Server) {
    let keeping = Keeping::with(server, REUSE);
    let first = keeping.pid();
    let app = keeping.proxy.app();
    let mut left = 1;
    keeping.until_reset(left, "clean");
    for (done, asked, answer) in TRACES {
        let did = format!("{done}; select pg_backend_pid()");
        let answered = app.query(&did);
        assert_eq!(answered.lines().last(), Some(&*first), "{done}");
        left += 1;
        keeping.until_reset(left, "clean");
        let answered = app.query(&format!("select pg_backend_pid(); {asked}"));
        assert_eq!(answered, format!("{first}\n{answer}"), "{done}");
        left += 1;
        keeping.until_reset(left, "clean");
    }
}

/// What an app says last, before it ends.
fn last_words() -> [(&'static str, Vec<u8>); 10] {
    let message = |tag: u8, body: &[u8]| {
        let length = u32::try_from(body.len() + 4).unwrap();
        [&[tag], &length.to_be_bytes()[..], body].concat()
    };
    let terminate = packets::TERMINATE.to_vec();
    let query = packets::query;
    let parse = message(b'P', b"\0select 1\0\0\0");
    [
        (
            "in a transaction",
            [query("begin"), terminate.clone()].concat(),
        ),
        (
            "in a failed transaction",
            [query("begin; select 1/0"), terminate.clone()].concat(),
        ),
        ("in a query", query("select pg_sleep(600)")),
        (
            "with an answer unread",
            [
                query("select repeat('x', 1000) from generate_series(1, 100000)"),
                terminate.clone(),
            ]
            .concat(),
        ),
        ("in a message", query("select 1")[..9].to_vec()),
        ("in a message's length", b"Q\0".to_vec()),
        (
            "in COPY",
            query("create temp table t (x int); copy t from stdin"),
        ),
        (
            "with a Parse and no Sync",
            [parse, terminate.clone()].concat(),
        ),
        (
            "with something behind its goodbye",
            [terminate.clone(), query("select 1")].concat(),
        ),
        (
            "with a message that nobody knows",
            [message(b'y', b""), terminate].concat(),
        ),
    ]
}

fn a_session_in_the_middle_of_something_goes_to_nobody(server: &'static Server) {
    let keeping = Keeping::with(server, REUSE);
    for (ended, (what, words)) in last_words().into_iter().enumerate() {
        let (mut app, key) = keeping.app();
        app.send(&words);
        drop(app);
        keeping.until_ended(2 * ended + 1);
        let (mut app, next) = keeping.app();
        assert_ne!(process(&next), process(&key), "{what}");
        assert_eq!(ask_pid(&mut app), process(&next).to_string(), "{what}");
        // It goes as no app should, so that the next round begins with none kept.
        app.send(&packets::query("begin"));
        app.until(b'Z');
        drop(app);
        keeping.until_ended(2 * ended + 2);
        keeping.until_kept(0);
    }
    assert_eq!(keeping.opened("reused"), 0);
    keeping.until_none_upstream();
}

fn another_login_gets_another_session(server: &'static Server) {
    let other_role = format!("other {}", Server::number());
    let keeping = Keeping::with(server, REUSE);
    let azure = &keeping.azure;
    server.add_role(&other_role, Method::Token, &azure.token);
    let other_database = format!("other {}", Server::number());
    server.add_database(&other_database, &azure.role);
    let asked = "select pg_backend_pid()";
    let app = || keeping.proxy.app();
    let first = app().query(asked);
    keeping.until_reset(1, "clean");
    let others = [
        app().told("PGDATABASE", &other_database),
        app().told("PGDATABASE", "postgres"),
        app().told("PGAPPNAME", "another"),
        app().told("PGOPTIONS", "-c statement_timeout=5000"),
        app().told("PGOPTIONS", "-c work_mem=5MB"),
        app().told("PGCLIENTENCODING", "LATIN1"),
        app().told("PGTZ", "Asia/Tokyo"),
        app().told("PGDATESTYLE", "German"),
    ];
    let mut left = 1;
    for other in others {
        let told = format!("{other:?}");
        assert_ne!(other.query(asked), first, "{told}");
        left += 1;
        keeping.until_reset(left, "clean");
    }
    // The one that it differs from is there all the same.
    assert_eq!(app().query(asked), first);
    keeping.until_reset(left + 1, "clean");
    // Another principal, whoever asks.
    let (own, other) = (&azure.role, &other_role);
    let mapped = format!("user_map = {{ anyone = {own:?}, other = {other:?} }}");
    let one = format!("upstream_user = {own:?}");
    let configured = configuration(azure, REUSE).replace(&one, &mapped);
    keeping.proxy.reload_with(&configured);
    let as_other = app().told("PGUSER", "other").query(asked);
    keeping.until_reset(left + 2, "clean");
    assert_ne!(app().query(asked), as_other);
    keeping.until_reset(left + 3, "clean");
    assert_eq!(app().told("PGUSER", "other").query(asked), as_other);
}

fn what_the_upstream_ends_goes_to_nobody(server: &'static Server) {
    let keeping = Keeping::with(server, REUSE);
    let first = keeping.pid();
    keeping.until_reset(1, "clean");
    keeping.until_kept(1);
    server.admin(&format!("select pg_terminate_backend({first})"));
    keeping.until_kept(0);
    assert_ne!(keeping.pid(), first);
    assert_eq!(keeping.opened("reused"), 0);
}

fn a_late_cancel_request_reaches_nobody(server: &'static Server) {
    let keeping = Keeping::with(server, REUSE);
    let (app, before) = keeping.app();
    app.leave();
    keeping.until_reset(1, "clean");
    let (mut app, now) = keeping.app();
    assert_eq!(process(&now), process(&before));
    assert_eq!(now.len(), before.len());
    assert_ne!(now, before, "each app has a key of its own");
    app.send(&packets::query("select pg_sleep(600)"));
    server.admin_until(&format!(
        "exists (select from pg_stat_activity where pid = {} and wait_event = 'PgSleep')",
        process(&now)
    ));
    let cancel = |key: &[u8]| {
        let mut canceller = RawApp::connect(keeping.proxy.address());
        canceller.send(&packets::cancel(key));
        assert_eq!(canceller.rest(), b"");
    };
    cancel(&before);
    keeping
        .proxy
        .log_until("a cancel request with an unknown key");
    let unknown = [("outcome", "unknown_key")];
    let requests = "azdb_proxy_cancel_requests_total";
    assert_eq!(keeping.count(requests, &unknown), 1);
    assert!(app.waiting().is_none());
    cancel(&now);
    assert_eq!(app.error().field('C').as_deref(), Some("57014"));
}

fn a_cancelled_app_leaves_its_session_to_nobody(server: &'static Server) {
    let keeping = Keeping::with(server, REUSE);
    let (mut app, key) = keeping.app();
    app.send(&packets::query("select pg_sleep(600)"));
    server.admin_until(&format!(
        "exists (select from pg_stat_activity where pid = {} and wait_event = 'PgSleep')",
        process(&key)
    ));
    let mut canceller = RawApp::connect(keeping.proxy.address());
    canceller.send(&packets::cancel(&key));
    assert_eq!(canceller.rest(), b"");
    assert_eq!(app.error().field('C').as_deref(), Some("57014"));
    app.until(b'Z');
    app.leave();
    keeping.until_ended(1);
    let (_app, next) = keeping.app();
    assert_ne!(process(&next), process(&key));
}

fn no_more_sessions_wait_than_may(server: &'static Server) {
    let keeping = Keeping::with(server, &format!("{REUSE}\nkept_sessions = 2"));
    let apps: Vec<_> = (0..6).map(|_| keeping.app().0).collect();
    for app in apps {
        app.leave();
    }
    keeping.until_ended(6);
    keeping.until_kept(2);
    server.admin_until(&format!(
        "2 = (select count(*) from pg_stat_activity where usename = '{}')",
        keeping.azure.role
    ));
}

fn a_session_waits_for_so_long(server: &'static Server) {
    let keeping = Keeping::with(server, &format!("{REUSE}\nkept_for = \"1s\""));
    let first = keeping.pid();
    keeping.until_reset(1, "clean");
    keeping.until_none_upstream();
    keeping.until_kept(0);
    assert_ne!(keeping.pid(), first);
}

fn a_reload_without_reuse_lets_sessions_go(server: &'static Server) {
    let keeping = Keeping::with(server, REUSE);
    let _ = keeping.pid();
    keeping.until_reset(1, "clean");
    let without = configuration(&keeping.azure, "");
    keeping.proxy.reload_with(&without);
    keeping.until_none_upstream();
    let _ = keeping.pid();
    assert_eq!(keeping.opened("reused"), 0);
}

fn a_stop_lets_sessions_go(server: &'static Server) {
    let keeping = Keeping::with(server, &format!("{REUSE}\nkept_for = \"10m\""));
    let _ = keeping.pid();
    keeping.until_reset(1, "clean");
    assert_eq!(keeping.sessions_upstream(), 1);
    let Keeping { azure, proxy, .. } = keeping;
    let _ = proxy.stop().succeeded();
    azure.server.admin_until(&format!(
        "not exists (select from pg_stat_activity where usename = '{}')",
        azure.role
    ));
}

fn without_reuse_each_app_has_its_own_session(server: &'static Server) {
    let keeping = Keeping::with(server, "");
    let first = keeping.pid();
    keeping.until_ended(1);
    keeping.until_none_upstream();
    assert_ne!(keeping.pid(), first);
    assert_eq!(keeping.opened("reused") + keeping.opened("ready"), 0);
}

fn a_database_can_be_dropped_when_its_session_has_waited_enough(server: &'static Server) {
    let keeping = Keeping::with(server, &format!("{REUSE}\nkept_for = \"1s\""));
    let _ = keeping.pid();
    keeping.until_reset(1, "clean");
    keeping.until_none_upstream();
    server.admin(&format!("drop database \"{}\"", keeping.azure.database));
}

fn a_dropped_principals_session_is_not_kept_for_ever(server: &'static Server) {
    let lines = format!("{REUSE}\nkept_for = \"10m\"\nkept_age = \"1s\"");
    let keeping = Keeping::with(server, &lines);
    let _ = keeping.pid();
    // However soon it was given back, its age ends it.
    keeping.until_none_upstream();
    keeping.until_kept(0);
}

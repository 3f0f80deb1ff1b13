//! How the proxy comes to its end: signals, the drain, exit codes.

use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use azdb_tests::{Azure, Emulated, PATIENCE, Page, Proxy, RawApp, Start, packets};
use rustix::process::Signal;

fn with_delay(emulated: &Emulated, delay: &str) -> Proxy {
    let process = format!("[process]\nmax_sigterm_delay = \"{delay}\"\n");
    emulated.start(&(process + &emulated.route())).start()
}

fn session(proxy: &Proxy) -> RawApp {
    let mut app = RawApp::connect(proxy.address());
    app.log_in("anyone");
    app
}

/// Reads the goodbye and the end after it.
#[track_caller]
fn assert_goodbye(app: &mut RawApp) {
    let goodbye = app.message();
    assert_eq!(goodbye.tag, b'E');
    assert_eq!(goodbye.field('C').as_deref(), Some("57P01"));
    assert!(goodbye.field('M').unwrap().starts_with("azdb-proxy: "));
    assert_eq!(app.rest(), b"");
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn without_sessions_a_signal_ends_it_with_zero() {
    let emulated = Emulated::new();
    for signal in [Signal::TERM, Signal::INT, Signal::QUIT] {
        let proxy = emulated.proxy();
        assert_eq!(proxy.app().query("select 1"), "1");
        proxy.log_until("session ended");
        proxy.signal(signal);
        assert_eq!(proxy.wait().code, Some(0));
    }
}

#[test]
fn idle_sessions_are_told_goodbye_when_their_time_is_over() {
    let emulated = Emulated::new();
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130), (Signal::QUIT, 131)] {
        let proxy = with_delay(&emulated, "10ms");
        let mut apps: Vec<RawApp> = (0..5).map(|_| session(&proxy)).collect();
        proxy.signal(signal);
        apps.iter_mut().for_each(assert_goodbye);
        proxy.log_until_times(5, "closed_by=proxy");
        let ran = proxy.wait();
        assert_eq!(ran.code, Some(code), "{ran:?}");
    }
}

#[test]
fn exit_zero_on_sigterm_hides_that_sessions_were_cut() {
    let emulated = Emulated::new();
    let proxy = emulated
        .start(&emulated.route())
        .arg("--exit-zero-on-sigterm")
        .arg("--max-sigterm-delay=10ms")
        .start();
    let mut app = session(&proxy);
    proxy.signal(Signal::TERM);
    assert_goodbye(&mut app);
    assert_eq!(proxy.wait().code, Some(0));
}

#[test]
fn session_that_finishes_during_the_drain_was_not_cut() {
    let emulated = Emulated::new();
    let proxy = with_delay(&emulated, "10m");
    let mut app = session(&proxy);
    proxy.signal(Signal::TERM);
    proxy.log_until("draining");
    // It still has all of the database.
    app.send(&packets::query("select 'still here'"));
    let row = app.until(b'D');
    assert!(row.body.ends_with(b"still here"));
    app.until(b'Z');
    app.leave();
    assert_eq!(proxy.wait().code, Some(0));
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn session_in_a_query_is_closed_without_a_word_into_its_answer() {
    let azure = Azure::new();
    let process = "[process]\nmax_sigterm_delay = \"10ms\"\n".to_owned();
    let proxy = azure.start(&(process + &azure.route())).start();
    let mut app = session(&proxy);
    app.send(&packets::query(
        "select 'first' union all select pg_sleep(600)::text",
    ));
    azure.server.admin_until(&format!(
        "exists (select from pg_stat_activity where usename = '{}' and wait_event = 'PgSleep')",
        azure.role
    ));
    proxy.signal(Signal::TERM);
    let rest = app.rest();
    assert!(!rest.windows(5).any(|text| text == b"57P01"), "{rest:?}");
    let ran = proxy.wait();
    assert_eq!(ran.code, Some(143), "{ran:?}");
    // The server's side of it is closed, too: it gives the query up.
    azure.server.admin_until(&format!(
        "not exists (select from pg_stat_activity where usename = '{}')",
        azure.role
    ));
}

#[test]
fn second_signal_ends_it_at_once() {
    let emulated = Emulated::new();
    let proxy = with_delay(&emulated, "10m");
    let mut app = session(&proxy);
    proxy.signal(Signal::TERM);
    proxy.log_until("draining");
    proxy.signal(Signal::INT);
    let ran = proxy.wait();
    assert_eq!(ran.code, Some(130), "{ran:?}");
    let _ = app.rest();
}

/// `timeout` sends one to the program and one to its group, which is the same program.
#[test]
fn the_same_signal_at_once_is_no_second_one() {
    let emulated = Emulated::new();
    let proxy = emulated
        .start(&emulated.route())
        .args(&["--max-sigterm-delay=10m", "--log-level=debug"])
        .start();
    let app = session(&proxy);
    proxy.signal(Signal::TERM);
    proxy.log_until("draining");
    proxy.signal(Signal::TERM);
    proxy.log_until("the same once more");
    app.leave();
    let ran = proxy.wait();
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

#[test]
fn an_end_that_is_asked_for_drains_as_after_sigterm_and_has_its_exit_code() {
    let emulated = Emulated::new();
    let proxy = with_delay(&emulated, "10ms");
    let mut app = session(&proxy);
    let file = proxy.directory().join("state/azdb-proxy/admin.sock");
    assert_eq!(Page::at_file(&file, "POST", "/quitquitquit").code(), 200);
    assert_goodbye(&mut app);
    let ran = proxy.wait();
    assert_eq!(ran.code, Some(143), "{ran:?}");
}

/// What a job's sidecar does.
#[test]
fn it_ends_when_the_last_session_has_and_none_comes() {
    let emulated = Emulated::new();
    let proxy = emulated
        .start(&emulated.route())
        .arg("--exit-when-idle=1ms")
        .start();
    let (first, second) = (session(&proxy), session(&proxy));
    first.leave();
    proxy.log_until("session ended");
    assert!(!proxy.log().contains("no session is left"));
    second.leave();
    proxy.log_until("no session is left");
    let ran = proxy.wait();
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

#[test]
fn no_new_session_begins_during_the_drain() {
    let emulated = Emulated::new();
    let proxy = with_delay(&emulated, "10m");
    let staying = session(&proxy);
    // Accepted before the signal, logging in after it.
    let mut waiting = RawApp::connect(proxy.address());
    waiting.send(&packets::GSSENC_REQUEST);
    assert_eq!(waiting.byte(), Some(b'N'));
    proxy.signal(Signal::TERM);
    proxy.log_until("draining");
    waiting.send(&packets::startup(0, &[("user", "anyone")]));
    let refused = waiting.message();
    assert_eq!(refused.field('C').as_deref(), Some("57P03"));
    assert!(refused.field('M').unwrap().contains("shutting down"));
    // Whoever comes only now reads the same.
    let told = proxy.told();
    told.assert_is_ours("57P03", "shutting down", "");

    staying.leave();
    assert_eq!(proxy.wait().code, Some(0));
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn during_the_first_delay_new_sessions_still_begin() {
    let emulated = Emulated::new();
    let proxy = emulated
        .start(&emulated.route())
        .args(&["--min-sigterm-delay=10m", "--health-listen=127.0.0.1:0"])
        .start();
    let health = proxy.endpoint("Health");
    let ready = || Page::at(health, "GET", "/readiness", "").code();
    assert_eq!(ready(), 200);
    proxy.signal(Signal::TERM);
    proxy.log_until("serving on");
    // Whoever sends apps here sends them elsewhere; those who come all the same are served.
    assert_eq!(ready(), 503);
    assert_eq!(proxy.app().query("select 1"), "1");
    proxy.log_until("session ended");
    proxy.signal(Signal::INT);
    let ran = proxy.wait();
    assert_eq!(ran.code, Some(130), "ended at once: {ran:?}");
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn signals_without_a_meaning_are_told_and_end_nothing() {
    let emulated = Emulated::new();
    let proxy = emulated.proxy();
    for (signal, name) in [(Signal::USR1, "SIGUSR1"), (Signal::USR2, "SIGUSR2")] {
        proxy.signal(signal);
        let line = proxy.log_until(&format!("signal=\"{name}\""));
        assert!(line.contains("ignored"), "{line}");
    }
    assert_eq!(proxy.app().query("select 1"), "1");
}

/// Waits until it is so.
#[track_caller]
fn until(is_so: impl Fn() -> bool) {
    let patience = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < patience, "it never came");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_program_that_is_asked_for_a_token_ends_with_the_proxy_and_so_does_what_it_has_started() {
    let directory = tempfile::TempDir::new().unwrap();
    let (program, pids) = (
        directory.path().join("token"),
        directory.path().join("pids"),
    );
    let script = format!(
        "#!/bin/sh\nsleep 600 &\necho \"$! $$\" > {pids}.new\nmv {pids}.new {pids}\nwait\n",
        pids = pids.display()
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
    let configuration = format!(
        "[identity]\ncommand = [{program:?}]\n[[route]]\nprotocol = \"postgres\"\nlisten = \"127.0.0.1:0\"\n\
         upstream = \"localhost:1\"\ntoken_host = \"localhost\"\nupstream_user = \"u\"\n"
    );
    for signal in [Signal::TERM, Signal::INT] {
        let proxy = Start::run_with(&configuration).start();
        until(|| pids.exists());
        proxy.signal(signal);
        assert_eq!(proxy.wait().code, Some(0));
        let noted = std::fs::read_to_string(&pids).unwrap();
        std::fs::remove_file(&pids).unwrap();
        for pid in noted.split_whitespace() {
            until(|| {
                let status = std::fs::read_to_string(format!("/proc/{pid}/status"));
                status.map_or(true, |status| status.contains("State:\tZ"))
            });
        }
    }
}

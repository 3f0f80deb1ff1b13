//! What the log says of sessions.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpStream};

use azdb_emulator::{EmulatorOptions, ManagedIdentity};
use azdb_tests::{Azure, Emulated, Process, RawApp, Start, packets};
use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn end_of_a_session_says_who_closed_it_and_how_much_went_through() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    let mut app = RawApp::connect(proxy.address());
    app.log_in("anyone");
    let query = packets::query("select repeat('x', 1000)");
    app.send(&query);
    let mut answered = 0;
    loop {
        let message = app.message();
        answered += message.body.len() + 5;
        if message.tag == b'Z' {
            break;
        }
    }
    app.leave();
    let line = proxy.log_until("session ended");
    let sent = query.len() + packets::TERMINATE.len();
    for part in [
        "route=orders",
        "peer=127.0.0.1:",
        "closed_by=app",
        &format!("bytes_from_app={sent} "),
        &format!("bytes_from_upstream={answered}"),
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn session_that_the_server_ends_is_told_in_its_words() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    let mut app = RawApp::connect(proxy.address());
    app.log_in("anyone");
    azure.server.admin(&format!(
        "select pg_terminate_backend(pid) from pg_stat_activity where usename = '{}'",
        azure.role
    ));
    let error = app.message();
    assert_eq!(error.field('C').as_deref(), Some("57P01"));
    let text = error.field('M').unwrap();
    assert_eq!(text, "terminating connection due to administrator command");
    assert_eq!(app.rest(), b"");
    drop(app);
    proxy.log_until("closed_by=upstream");
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn json_log_is_one_object_per_line_with_the_same_keys_at_its_top() {
    let emulated = Emulated::new();
    let start = emulated.start(&emulated.route()).arg("--log-format=json");
    let proxy = start.start();
    assert_eq!(proxy.app().query("select 1"), "1");
    proxy.log_until("session ended");
    let log = proxy.stop().stderr;
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    for line in &lines {
        for key in ["timestamp", "level", "target", "message"] {
            assert!(line[key].is_string(), "{key}: {line}");
        }
        for (key, value) in line.as_object().unwrap() {
            assert!(!value.is_object() && !value.is_array(), "{key}: {line}");
        }
    }
    let said = |message: &str| {
        lines
            .iter()
            .find(|line| line["message"] == message)
            .unwrap()
    };
    for message in ["session begins", "session ended", "token ready"] {
        assert_eq!(said(message)["route"], "orders", "{message}");
    }
    let (began, ended) = (said("session begins"), said("session ended"));
    for key in ["number", "peer"] {
        assert_eq!(began[key], ended[key]);
        assert!(!ended[key].is_null(), "{ended}");
    }
    assert!(began["login_ms"].as_f64() > Some(0.0), "{began}");
    assert!(began["backend_pid"].is_u64(), "{began}");
    assert_eq!(ended["closed_by"], "app");
    assert!(ended["bytes_from_upstream"].as_u64() > Some(0), "{ended}");
}

#[test]
fn token_is_ready_as_whose_and_for_how_long() {
    let night_shift = ManagedIdentity::user_assigned("night-shift");
    let emulated = Emulated::with(EmulatorOptions {
        identities: vec![night_shift.clone()],
        ..EmulatorOptions::default()
    });
    let (client_id, oid) = (&night_shift.client_id, &night_shift.object_id);
    let identity = format!("[identities.night-shift]\nclient_id = \"{client_id}\"\n");
    let route = emulated.route() + "identity = \"night-shift\"\n" + &identity;
    let proxy = emulated.start(&route).start();
    let line = proxy.log_until("token ready");
    for part in [
        "route=\"orders\"",
        &format!("identity=client_id {client_id}"),
        "name=\"night-shift\"",
        &format!("oid=\"{oid}\""),
        " left_s=",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert!(!line.contains("eyJ"), "{line}");
}

#[test]
fn split_log_has_errors_and_warnings_on_standard_error_and_the_rest_on_standard_output() {
    let emulated = Emulated::new();
    let route = emulated.route_as("nobody");
    let start = emulated.start(&route).arg("--log-to=split");
    let (process, _directory) = start.launch();
    let door = process.stdout_until(|log| {
        let line = log.lines().find(|line| line.contains("listening route"))?;
        let (_, rest) = line.split_once("listen=")?;
        rest.split(' ').next()?.parse().ok()
    });
    let mut app = RawApp::connect(door);
    app.send(&packets::startup(0, &[("user", "anyone")]));
    assert_eq!(app.message().tag, b'E');
    drop(app);
    process.stderr_until(|log| log.contains("login refused").then_some(()));
    process.signal(Signal::TERM);
    let ran = process.wait();
    let all_at = |log: &str, levels: &[&str]| {
        log.lines()
            .all(|line| levels.iter().any(|level| line.contains(level)))
    };
    assert!(all_at(&ran.stdout, &[" INFO "]), "{ran:?}");
    assert!(all_at(&ran.stderr, &[" WARN ", " ERROR "]), "{ran:?}");
}

#[test]
fn first_line_says_which_configuration_it_is() {
    let emulated = Emulated::new();
    let proxy = emulated.proxy();
    let first = proxy.log().lines().next().unwrap().to_owned();
    let file = proxy.directory().join("proxy.toml");
    assert!(first.contains(&file.display().to_string()), "{first}");
}

#[test]
fn refused_login_costs_one_line_with_the_whole_chain() {
    let emulated = Emulated::new();
    let proxy = emulated.start(&emulated.route_as("nobody")).start();
    let _ = proxy.told();
    let line = proxy.log_until("login refused");
    assert!(line.contains("upstream asked user `nobody` for"), "{line}");
    assert!(line.contains("route=orders"), "{line}");
    assert_eq!(proxy.log().matches("login refused").count(), 1);
}

#[test]
fn storm_of_refusals_is_one_line_in_a_second_with_their_number() {
    let emulated = Emulated::new();
    let proxy = emulated.start(&emulated.route_as("nobody")).start();
    for _ in 0..30 {
        let _ = proxy.told();
    }
    let line = proxy.log_until("the same again");
    for part in [
        "route=orders",
        "upstream asked user `nobody` for",
        "cause=not_entra",
        "kind=configuration",
        "remedy=",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
    let log = proxy.stop().stderr;
    let refused = log.lines().filter(|line| line.contains("login refused"));
    let (told, shown): (Vec<_>, Vec<_>) = refused.partition(|line| line.contains("times="));
    let number = |line: &&str| {
        let (_, rest) = line.split_once("times=").unwrap();
        rest.split(' ').next().unwrap().parse::<usize>().unwrap()
    };
    assert_eq!(
        told.iter().map(number).sum::<usize>() + shown.len(),
        30,
        "{log}"
    );
}

#[test]
fn who_asks_for_everything_gets_every_refusal() {
    let emulated = Emulated::new();
    let start = emulated.start(&emulated.route_as("nobody"));
    let proxy = start.arg("--log-level=debug").start();
    for _ in 0..8 {
        let _ = proxy.told();
    }
    proxy.log_until_times(8, "login refused");
}

/// A proxy whose log is a pipe that nobody reads beyond the line that tells where it listens.
struct Unread {
    process: Process,
    log: BufReader<File>,
    address: SocketAddr,
    directory: TempDir,
}

impl Unread {
    fn start(emulated: &Emulated) -> Self {
        let configuration = format!("[health]\nlisten = \"unix:health\"\n{}", emulated.route());
        let start = Start::run_after("mkfifo log; exec 2>log", &configuration);
        let start = start.envs(emulated.environment());
        let (process, directory) = start.arg("--log-level=debug").launch();
        let pipe = directory.path().join("log");
        while !pipe.exists() {
            std::thread::yield_now();
        }
        let mut log = BufReader::new(File::open(pipe).unwrap());
        let mut line = String::new();
        while !line.contains("listening route") {
            line.clear();
            log.read_line(&mut line).unwrap();
        }
        let (_, rest) = line.split_once("listen=").unwrap();
        Self {
            process,
            log,
            address: rest.split(' ').next().unwrap().parse().unwrap(),
            directory,
        }
    }

    /// Lets the proxy say more than any buffer holds.
    fn fill(&self) {
        for _ in 0..4000 {
            drop(TcpStream::connect(self.address).unwrap());
        }
    }
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn log_that_nobody_reads_stops_nothing_and_its_gap_is_told() {
    let emulated = Emulated::new();
    let mut unread = Unread::start(&emulated);
    unread.fill();
    let mut app = RawApp::connect(unread.address);
    app.log_in("anyone");
    app.leave();

    let mut line = String::new();
    while !line.contains("log lines dropped") {
        line.clear();
        assert_ne!(unread.log.read_line(&mut line).unwrap(), 0, "the end");
    }
    assert!(line.contains("lines="), "{line}");
    drop(unread.log);
    unread.process.signal(Signal::TERM);
    assert_eq!(unread.process.wait().code, Some(0));
    drop(unread.directory);
}

#[test]
fn log_that_nobody_reads_does_not_hold_up_the_end() {
    let emulated = Emulated::new();
    let unread = Unread::start(&emulated);
    unread.fill();
    unread.process.signal(Signal::TERM);
    assert_eq!(unread.process.wait().code, Some(0));
}

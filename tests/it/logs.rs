//! What the log says of sessions.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpStream};

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
fn json_log_is_one_object_per_line() {
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
    let ended = lines
        .iter()
        .find(|line| line["message"] == "session ended")
        .unwrap();
    assert_eq!(ended["closed_by"], "app");
    assert_eq!(ended["span"]["route"], "orders");
    assert!(ended["bytes_from_upstream"].as_u64() > Some(0), "{ended}");
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
fn storm_of_refusals_is_shown_a_few_times_and_counted() {
    let emulated = Emulated::new();
    let proxy = emulated.start(&emulated.route_as("nobody")).start();
    for _ in 0..30 {
        let _ = proxy.told();
    }
    let line = proxy.log_until("the same again");
    assert!(line.contains("times=25 route=\"orders\""), "{line}");
    assert!(line.contains("upstream asked user `nobody` for"), "{line}");
    let log = proxy.stop().stderr;
    assert_eq!(log.matches(": login refused").count(), 6, "{log}");
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

//! What a service manager of systemd's kind is told, and what it passes. The test is the manager.

use std::cell::RefCell;
use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::time::Duration;

use azdb_tests::{Emulated, PATIENCE, Proxy, RawApp, Start, closed_port};
use rustix::process::Signal;
use tempfile::TempDir;

/// A manager's end of `NOTIFY_SOCKET`.
struct Manager {
    socket: UnixDatagram,
    directory: TempDir,
    heard: RefCell<Vec<String>>,
}

impl Manager {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let socket = UnixDatagram::bind(directory.path().join("notify")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let heard = RefCell::default();
        Self {
            socket,
            directory,
            heard,
        }
    }

    fn of(&self, start: Start) -> Start {
        let path = self.directory.path().join("notify");
        start.env("NOTIFY_SOCKET", path.to_str().unwrap())
    }

    /// Listens until a line begins so for the `count`th time; returns what follows, and all lines that came before it.
    #[track_caller]
    fn told_times(&self, count: usize, begin: &str) -> (String, Vec<String>) {
        loop {
            let mut heard = self.heard.borrow_mut();
            let lines = heard.iter().enumerate();
            let mut found = lines.filter_map(|(at, line)| Some((at, line.strip_prefix(begin)?)));
            if let Some((at, rest)) = found.nth(count - 1) {
                return (rest.to_owned(), heard[..at].to_vec());
            }
            let mut message = [0; 4096];
            let length = self.socket.recv(&mut message);
            let length = length.unwrap_or_else(|error| panic!("{begin}: {error}: {heard:?}"));
            let message = std::str::from_utf8(&message[..length]).unwrap();
            heard.extend(message.lines().map(str::to_owned));
        }
    }

    #[track_caller]
    fn told(&self, begin: &str) -> (String, Vec<String>) {
        self.told_times(1, begin)
    }
}

#[test]
fn a_manager_hears_when_apps_can_come_and_that_the_end_has() {
    let emulated = Emulated::new();
    let manager = Manager::new();
    let hold = emulated.azure.identity().hold();
    let start = emulated.start(&emulated.route());
    let (process, _directory) = manager.of(start).arg("--require-ready").launch();
    // The start may take as long as the configuration says.
    let (time, _) = manager.told("EXTEND_TIMEOUT_USEC=");
    assert!(time.parse::<u64>().unwrap() >= 60_000_000, "{time}");
    let (status, before) = manager.told("STATUS=starting");
    assert!(
        status.contains("route \"orders\", identity system: waiting for a token"),
        "{status}"
    );
    assert!(!before.contains(&"READY=1".to_owned()), "{before:?}");
    drop(hold);
    manager.told("READY=1");
    let listening =
        process.stderr_until(|log| log.contains("listening route").then_some(log.to_owned()));
    let (_, door) = listening.split_once("route=orders listen=").unwrap();
    let mut app = RawApp::connect(door.split(' ').next().unwrap().parse().unwrap());
    app.log_in("anyone");
    manager.told("STATUS=1 sessions, 1 routes");
    process.signal(Signal::TERM);
    manager.told("STOPPING=1");
    manager.told("STATUS=draining, 1 sessions left");
    app.leave();
    assert_eq!(process.wait().code, Some(0));
}

#[test]
fn a_watchdog_is_fed_as_long_as_the_runtime_turns() {
    let emulated = Emulated::new();
    let manager = Manager::new();
    let start = manager.of(emulated.start(&emulated.route()));
    let proxy = start.env("WATCHDOG_USEC", "40000").start();
    manager.told_times(5, "WATCHDOG=1");
    drop(proxy);
    // One for somebody else.
    let manager = Manager::new();
    let start = manager.of(emulated.start(&emulated.route()));
    let proxy = start.env("WATCHDOG_USEC", "40000").env("WATCHDOG_PID", "1");
    let proxy = proxy.start();
    manager.told("STATUS=0 sessions, 1 routes");
    proxy.signal(Signal::TERM);
    let (_, before) = manager.told("STOPPING=1");
    assert!(!before.contains(&"WATCHDOG=1".to_owned()), "{before:?}");
}

#[test]
fn a_manager_hears_when_a_reload_begins_and_when_it_is_over_whatever_comes_of_it() {
    let emulated = Emulated::new();
    let manager = Manager::new();
    let proxy = manager.of(emulated.start(&emulated.route())).start();
    manager.told("READY=1");
    for (reload, configuration, outcome) in [
        (1, emulated.route(), "the configuration is in force"),
        (2, "[[route]]\n".to_owned(), "the configuration was refused"),
    ] {
        proxy.configure(&configuration);
        // As `systemctl reload` does of `Type=notify-reload`.
        proxy.signal(Signal::HUP);
        let (time, before) = manager.told_times(reload, "MONOTONIC_USEC=");
        assert!(time.parse::<u64>().unwrap() > 0, "{time}");
        let ready = before.iter().filter(|line| *line == "READY=1").count();
        assert_eq!(ready, reload, "{before:?}");
        manager.told_times(reload + 1, "READY=1");
        proxy.log_until(outcome);
    }
}

/// A route without a place of its own.
fn route_at(emulated: &Emulated, listen: &str) -> String {
    emulated.route().replace("127.0.0.1:0", listen)
}

fn log_in(proxy: &Proxy) -> RawApp {
    let mut app = RawApp::connect(proxy.address());
    app.log_in("anyone");
    app
}

#[test]
fn apps_that_come_before_the_proxy_wait_in_the_socket_that_was_passed_to_it() {
    let emulated = Emulated::new();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let early = std::thread::spawn(move || {
        let mut app = RawApp::connect(address);
        app.log_in("anyone");
        app
    });
    let configuration = route_at(&emulated, &address.to_string());
    let ours = socket.try_clone().unwrap();
    let start = Start::run_passing(ours, "orders.socket", &configuration);
    let proxy = start.envs(emulated.environment()).start();
    assert_eq!(proxy.address(), address);
    let early = early.join().unwrap();
    let second = log_in(&proxy);
    proxy.signal(Signal::TERM);
    proxy.log_until("draining");
    // Who comes now is the next process's: neither refused nor cut off.
    let late = std::thread::spawn(move || {
        let mut app = RawApp::connect(address);
        app.log_in("anyone");
    });
    early.leave();
    second.leave();
    assert_eq!(proxy.wait().code, Some(0));
    let start = Start::run_passing(socket, "orders.socket", &configuration);
    let next = start.envs(emulated.environment()).start();
    late.join().unwrap();
    assert_eq!(next.stop().code, Some(0));
}

#[test]
fn a_socket_file_that_was_passed_is_served_and_left_behind() {
    let emulated = Emulated::new();
    let directory = TempDir::new().unwrap();
    let path = directory.path().join(".s.PGSQL.5432");
    let socket = UnixListener::bind(&path).unwrap();
    let configuration = route_at(&emulated, &format!("unix:{}", path.display()));
    let start = Start::run_passing(socket, "orders.socket", &configuration);
    let proxy = start.envs(emulated.environment()).start();
    assert!(proxy.door().contains(".s.PGSQL.5432"), "{}", proxy.door());
    std::os::unix::net::UnixStream::connect(&path).unwrap();
    assert_eq!(proxy.stop().code, Some(0));
    assert!(path.exists(), "it is the manager's");
}

#[test]
fn a_socket_that_no_route_wants_ends_the_start_and_is_named() {
    let emulated = Emulated::new();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let door = format!("127.0.0.1:{}", closed_port());
    let start = Start::run_passing(socket, "stock.socket", &route_at(&emulated, &door));
    let ran = start.envs(emulated.environment()).run();
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let named = format!("\"stock.socket\" ({address})");
    assert!(ran.stderr.contains(&named), "{ran:?}");
    assert!(ran.stderr.contains("listen"), "{ran:?}");
    let refused = TcpStream::connect_timeout(&door.parse().unwrap(), Duration::from_secs(60));
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    // One of a kind that nobody can accept at.
    let socket = UnixDatagram::unbound().unwrap();
    let start = Start::run_passing(socket, "log.socket", &emulated.route());
    let ran = start.envs(emulated.environment()).run();
    assert_eq!(ran.code, Some(78), "{ran:?}");
    assert!(ran.stderr.contains("\"log.socket\""), "{ran:?}");
}

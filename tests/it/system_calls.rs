//! What a session asks the kernel for while its app asks its database: to wait, to receive and to send, once each way. From time to
//! time it asks whether a connection has broken, and for nothing else.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use azdb_tests::{
    Azure, AzureSql, Call, Encrypt, MysqlPeer, Process, Proxy, RawApp, Shop, SqlApp, Trace, packets,
};

/// Questions that are counted.
const QUESTIONS: usize = 200;
/// The first and the last, which an app asks in the clear.
const WORDS: [&str; 2] = ["count from here", "count to here"];
/// Waits that may end without an answer.
const TIMERS: usize = 8;
/// In a route: no far end is to be looked after while this runs.
const PATIENT: &str = "upstream_timeout = \"1h\"\n";
/// The shortest time between two questions whether a connection has broken.
const ASKS: Duration = Duration::from_millis(500);

/// An app whose login and first questions are over.
trait Asks {
    /// Asks what was prepared, so many times, and has each answer before the next question.
    fn ask(&mut self, times: usize);
    /// Asks for a word.
    fn say(&mut self, word: &str);
    /// How strace shows a word on its way.
    fn shown(word: &str) -> String {
        word.to_owned()
    }
}

#[track_caller]
fn assert_floor<A: Asks>(proxy: &Proxy, mut app: A) {
    app.ask(QUESTIONS);
    let trace = Trace::of(proxy);
    app.ask(QUESTIONS);
    let [from, to] = WORDS;
    let began = Instant::now();
    app.say(from);
    app.ask(QUESTIONS);
    app.say(to);
    let took = began.elapsed();
    let calls = trace.between(&A::shown(from), &A::shown(to));
    let mut beside: Vec<_> = calls.iter().filter(|call| !is_floor(call)).collect();
    // Of either side's connection, and once at the beginning.
    let asks = 2 * (usize::try_from(took.as_millis() / ASKS.as_millis()).unwrap() + 1);
    let asked = beside
        .extract_if(.., |call| call.line.contains(" SO_ERROR, [0]"))
        .count();
    assert!(asked <= asks, "{asked} questions in {took:?}");
    assert!(beside.is_empty(), "{beside:#?}");
    // With the first word's.
    let once_each_way = 2 * (QUESTIONS + 1);
    let count = |start: &str| {
        calls
            .iter()
            .filter(|call| call.name.starts_with(start))
            .count()
    };
    assert_eq!(count("recvfrom"), once_each_way, "receives");
    assert_eq!(count("sendto"), once_each_way, "sends");
    let waits = count("epoll_");
    assert!(waits <= once_each_way + TIMERS, "{waits} waits");
}

fn is_floor(call: &Call) -> bool {
    let names = ["recvfrom", "sendto", "epoll_wait", "epoll_pwait"];
    names.contains(&call.name.as_str()) && !call.line.contains("EAGAIN")
}

#[test]
#[cfg_attr(
    not(all(has_postgres, has_strace)),
    ignore = "no PostgreSQL, or no strace that may look: see scripts/test"
)]
fn a_prepared_select_of_postgres_costs_no_call_that_it_need_not() {
    let azure = Azure::new();
    let proxy = azure.start(&(azure.route() + PATIENT)).start();
    let mut app = RawApp::connect(proxy.address());
    app.log_in("anyone");
    app.send(&[message(b'P', b"one\0select 1\0\0\0"), message(b'S', b"")].concat());
    app.until(b'Z');
    assert_floor(&proxy, app);
}

impl Asks for RawApp {
    fn ask(&mut self, times: usize) {
        let bind = message(b'B', b"\0one\0\0\0\0\0\0\0");
        let describe = message(b'D', b"P\0");
        let execute = message(b'E', b"\0\0\0\0\0");
        let question = [bind, describe, execute, message(b'S', b"")].concat();
        for _ in 0..times {
            self.send(&question);
            self.until(b'D');
            self.until(b'Z');
        }
    }

    fn say(&mut self, word: &str) {
        self.send(&packets::query(&format!("select '{word}'")));
        self.until(b'Z');
    }
}

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [&[tag], &length.to_be_bytes()[..], body].concat()
}

#[test]
#[cfg_attr(
    not(all(has_mariadb, has_strace)),
    ignore = "no MariaDB, or no strace that may look: see scripts/test"
)]
fn a_prepared_select_of_mysql_costs_no_call_that_it_need_not() {
    let shop = Shop::new();
    let proxy = shop.start(&(shop.route() + PATIENT)).start();
    let mut app = MysqlPeer::log_in(proxy.address());
    app.command(b"\x16select 1");
    let prepared = app.hear();
    assert_eq!(prepared.first(), Some(&0));
    let [_column, _end] = [app.hear(), app.hear()];
    let statement = prepared[1..5].try_into().unwrap();
    assert_floor(&proxy, Prepared { app, statement });
}

struct Prepared {
    app: MysqlPeer<TcpStream>,
    statement: [u8; 4],
}

impl Prepared {
    /// A count of columns, one, an end, a row and an end.
    fn answered(&mut self, command: &[u8]) {
        self.app.command(command);
        assert_eq!(self.app.hear(), [1], "one column");
        let [_column, _end, _row, end] = [0; 4].map(|_| self.app.hear());
        assert_eq!(end.first(), Some(&0xfe));
    }
}

impl Asks for Prepared {
    fn ask(&mut self, times: usize) {
        let execute = [&b"\x17"[..], &self.statement, b"\0\x01\0\0\0"].concat();
        (0..times).for_each(|_| self.answered(&execute));
    }

    fn say(&mut self, word: &str) {
        self.answered(format!("\x03select '{word}'").as_bytes());
    }
}

#[test]
#[cfg_attr(
    not(all(has_python, has_strace)),
    ignore = "no pymssql, or no strace that may look: see scripts/test"
)]
fn a_select_of_sql_server_costs_no_call_that_it_need_not() {
    let azure = AzureSql::new();
    let proxy = azure.proxy_with(PATIENT);
    let app = SqlApp::of(&proxy, Encrypt::Off);
    let program = app.python("asks_tds.py").interactive().start();
    assert_floor(&proxy, program);
}

/// A program that is told what to ask.
impl Asks for Process {
    fn ask(&mut self, times: usize) {
        let answered = self.stdout().lines().count();
        self.type_line(&format!("{times} select 1"));
        self.stdout_until(|said| (said.lines().count() > answered).then_some(()));
    }

    fn say(&mut self, word: &str) {
        let line = format!("1 select '{word}'");
        self.type_line(&line);
        self.stdout_until(|said| said.contains(&line).then_some(()));
    }

    fn shown(word: &str) -> String {
        // In two bytes each.
        word.chars()
            .flat_map(|letter| [letter.to_string(), "\\0".to_owned()])
            .collect()
    }
}

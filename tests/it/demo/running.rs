//! A demo that runs beside a test.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use azdb_tests::{App, MysqlApp, Process, Program, Ran, Start};
use rustix::process::{Pid, Signal};
use tempfile::TempDir;

/// Demos want the same ports, so there is one at a time: who takes which port shall not depend on the order of tests.
pub(super) fn alone() -> MutexGuard<'static, ()> {
    static DEMO: Mutex<()> = Mutex::new(());
    DEMO.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A running demo.
pub(super) struct Demo {
    process: Option<Process>,
    /// What it has told.
    pub(super) text: String,
    _directory: TempDir,
}

impl Demo {
    /// Starts one with these arguments.
    pub(super) fn start(args: &[&str]) -> Self {
        Self::of(Start::new(&[&["demo"], args].concat()))
    }

    /// Waits until the demo has told all that it tells.
    pub(super) fn of(start: Start) -> Self {
        let (process, directory) = start.launch();
        let text = process.stdout_until(|text| {
            let whole = text.contains("Ctrl-C, or SIGTERM, ends the demo");
            whole.then(|| text.to_owned())
        });
        Self {
            process: Some(process),
            text,
            _directory: directory,
        }
    }

    /// Where the proxy listens for a protocol, and what is behind.
    pub(super) fn row(&self, protocol: &str) -> (u16, &str) {
        let mut lines = self.text.lines().map(str::trim);
        let row = lines.find_map(|line| line.strip_prefix(protocol)).unwrap();
        let mut words = row.trim().splitn(2, ' ');
        let port = words.next().unwrap().rsplit(':').next().unwrap();
        let (_, behind) = words.next().unwrap().trim().split_once("  ").unwrap();
        (port.parse().unwrap(), behind.trim())
    }

    pub(super) fn psql(&self) -> App {
        App::at("127.0.0.1", self.row("PostgreSQL").0).told("PGDATABASE", "orders")
    }

    pub(super) fn mysql(&self) -> MysqlApp {
        MysqlApp::at(([127, 0, 0, 1], self.row("MySQL").0).into())
    }

    /// Runs what the demo says to type, from the line that begins so to the end of its quoted text, with more words after it.
    pub(super) fn typed(&self, program: &str, more: &str) -> Ran {
        let begin = self.text.find(&format!("\n  {program}")).unwrap() + 1;
        let rest = &self.text[begin..];
        let mut ends = rest.match_indices('\n').map(|(end, _)| &rest[..end]);
        let even = |text: &&str| {
            ['\'', '"']
                .iter()
                .all(|quote| text.matches(*quote).count() % 2 == 0)
        };
        let line = ends.find(even).unwrap();
        Program::new("sh")
            .args(["-c", &format!("{line} {more}")])
            .run()
    }

    /// Sends it a signal and waits for its end.
    pub(super) fn end_with(&mut self, signal: Signal) -> Ran {
        let process = self.process.take().unwrap();
        process.signal(signal);
        process.wait()
    }

    /// Everything that the demo has started and that has not ended.
    pub(super) fn descendants(&self) -> HashSet<i32> {
        let parents: Vec<(i32, i32)> = processes().collect();
        let mut found = HashSet::from([Pid::as_raw(self.process.as_ref().map(Process::pid))]);
        loop {
            let before = found.len();
            let children = parents.iter().filter(|(_, parent)| found.contains(parent));
            let children: Vec<i32> = children.map(|(pid, _)| *pid).collect();
            found.extend(children);
            if found.len() == before {
                return found;
            }
        }
    }
}

impl Drop for Demo {
    /// Killed, it could not remove its files.
    fn drop(&mut self) {
        if self.process.is_some() && !std::thread::panicking() {
            let _ = self.end_with(Signal::INT);
        }
    }
}

/// Every process that has not ended, and its parent.
pub(super) fn processes() -> impl Iterator<Item = (i32, i32)> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| {
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        let (pid, rest) = stat.split_once(" (")?;
        let mut words = rest.rsplit_once(") ")?.1.split(' ');
        let state = words.next()?;
        (state != "Z").then_some((pid.parse().ok()?, words.next()?.parse().ok()?))
    })
}

/// Servers may run as another user.
pub(super) fn open_to_all(place: &TempDir) {
    fs::set_permissions(place, fs::Permissions::from_mode(0o777)).unwrap();
}

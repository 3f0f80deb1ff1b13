//! The system calls of a proxy's session, between two words of its app.

use std::path::PathBuf;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::process::{Process, Program};
use crate::proxy::Proxy;
use crate::scratch;

/// strace, attached to every thread of a proxy.
pub struct Trace {
    strace: Process,
    directory: TempDir,
}

/// A system call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Its name.
    pub name: String,
    /// As strace shows it.
    pub line: String,
}

impl Trace {
    /// Attaches, and waits until it has.
    #[must_use]
    #[track_caller]
    pub fn of(proxy: &Proxy) -> Self {
        let directory = scratch::directory();
        let strace = Program::new("strace")
            .args(["-f", "-s", "200", "-o"])
            .arg(file(&directory))
            .args(["-p", &proxy.pid().to_string()])
            .start();
        strace.stderr_until(|said| said.contains(" attached").then_some(()));
        Self { strace, directory }
    }

    /// Detaches. Returns the calls of the thread that has read `from`, from that read on up to the one of `to`, which is not among
    /// them. Both words are as strace shows them.
    ///
    /// # Panics
    ///
    /// When they have not been read.
    #[must_use]
    #[track_caller]
    pub fn between(self, from: &str, to: &str) -> Vec<Call> {
        self.strace.signal(Signal::INT);
        let ran = self.strace.wait();
        let text = std::fs::read_to_string(file(&self.directory)).unwrap();
        let at = |word: &str| {
            let line = text.lines().position(|line| line.contains(word));
            line.unwrap_or_else(|| panic!("no {word}: {}\n{text}", ran.stderr))
        };
        let (first, end) = (at(from), at(to));
        let lines: Vec<&str> = text.lines().take(end).skip(first).collect();
        let thread = lines.first().and_then(|line| line.split(' ').next());
        let prefix = format!("{} ", thread.unwrap_or_default());
        let mut calls = Vec::new();
        for line in lines.iter().filter_map(|line| line.strip_prefix(&prefix)) {
            add(line, &mut calls);
        }
        calls
    }
}

fn file(directory: &TempDir) -> PathBuf {
    directory.path().join("calls")
}

/// A line is `NAME(…) = …`, or two where another thread comes in between: `NAME(… <unfinished ...>`, and `<... NAME resumed>…) = …`,
/// which says how it has ended.
fn add(line: &str, calls: &mut Vec<Call>) {
    let line = line.trim_start();
    if let Some(last) = calls.last_mut().filter(|_| line.starts_with("<... ")) {
        last.line.push_str(line);
    } else if let Some((name, _)) = line.split_once('(') {
        calls.push(Call {
            name: name.to_owned(),
            line: line.to_owned(),
        });
    }
}

//! Every command block of a page runs, on a machine of its own, or says in a comment why it does not run here.
//!
//! ```text
//!   <!-- run: … -->                       what becomes of the block behind it
//!   (no comment)                          sh runs it, and it ends well
//!   not here, REASON                      nobody runs it; the test prints the reason
//!   beside, until `TEXT`                  one command that goes on beside the next ones, which wait for this text
//!   by check                              `azdb-proxy check` reads what it would have `run` do
//!   with the configuration above          the last one of the page runs beside it
//! ```
//!
//! The machine is a network namespace with nothing but loopback, one for each section of a page, so that ports are those that the page has.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use azdb_tests::{Network, PATIENCE, Process, Program, Ran, binary};
use tempfile::TempDir;

use super::page::{Block, pages};

/// What `cargo run` would build is built.
const CARGO: &str = "#!/bin/sh\n[ \"$1\" = run ] || exit 64\nwhile [ \"$1\" != -- ]; do shift; done\n\
                     shift\nexec azdb-proxy \"$@\"\n";

/// A machine on which the commands of a section run.
pub(super) struct Machine {
    network: Network,
    directory: TempDir,
    /// The identity of its programs, from what an emulated Azure has said.
    told: BTreeMap<String, String>,
    running: Vec<Process>,
}

impl Machine {
    pub(super) fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let open = |mode| std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&directory, open(0o755)).unwrap();
        for name in ["bin", "run", "state", "etc"] {
            std::fs::create_dir(directory.path().join(name)).unwrap();
        }
        let cargo = directory.path().join("bin/cargo");
        std::fs::write(&cargo, CARGO).unwrap();
        std::fs::set_permissions(&cargo, open(0o755)).unwrap();
        // An identity that is nowhere: nobody looks for one elsewhere.
        let nowhere = "http://127.0.0.1:9/msi/token".to_owned();
        let told = [
            ("IDENTITY_ENDPOINT", nowhere),
            ("IDENTITY_HEADER", "x".to_owned()),
        ];
        let told = told.map(|(name, value)| (name.to_owned(), value));
        Self {
            network: Network::new(),
            directory,
            told: told.into(),
            running: Vec::new(),
        }
    }

    /// A path or a command of a page, for this machine.
    fn here(&self, text: &str) -> String {
        let etc = self.directory.path().join("etc");
        text.replace("/etc/azdb-proxy", etc.to_str().unwrap())
    }

    /// A program there.
    pub(super) fn program(&self, path: impl AsRef<std::ffi::OsStr>) -> Program {
        let namespace = self.network.near();
        Program::new("ip")
            .args(["netns", "exec", &namespace])
            .arg(path)
    }

    /// Where its commands run.
    pub(super) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Commands there.
    pub(super) fn sh(&self, commands: &str) -> Program {
        let place = |name: &str| self.directory.path().join(name);
        let path = std::env::var("PATH").unwrap();
        let programs = binary("azdb-proxy");
        let programs = programs.parent().map(Path::display).unwrap();
        let path = format!("{}:{programs}:{path}", place("bin").display());
        let sh = self
            .program("sh")
            .arg("-euc")
            .arg(self.here(commands))
            .directory(self.directory.path())
            .env("PATH", path)
            .env("XDG_RUNTIME_DIR", place("run"))
            .env("XDG_STATE_HOME", place("state"));
        let told = self.told.iter();
        told.fold(sh, |sh, (name, value)| sh.env(name, value))
    }

    /// Starts a command that goes on, and waits until it has said `text`.
    pub(super) fn beside(&mut self, command: &str, text: &str) {
        let mut process = self.sh(&format!("exec {command}")).start();
        let until = Instant::now() + PATIENCE;
        loop {
            let goes_on = process.is_running() && Instant::now() < until;
            let said = format!("{}{}", process.stdout(), process.stderr());
            if said.contains(text) {
                break;
            }
            assert!(goes_on, "it never said {text}: {command}:\n{said}");
            std::thread::sleep(Duration::from_millis(5));
        }
        let said = process.stdout();
        // What an identity is found by; the rest is for apps that go to the database themselves.
        let variables = said.lines().filter_map(|line| line.split_once('='));
        for (name, value) in variables.filter(|(name, _)| name.starts_with("IDENTITY_")) {
            self.told.insert(name.to_owned(), value.to_owned());
        }
        self.running.push(process);
    }

    /// Runs what stands behind each `$`, and compares what stands below it.
    fn console(&self, block: &Block) {
        for story in block.text.split("$ ").skip(1) {
            let (command, shown) = story.split_once('\n').unwrap();
            let ran = self.sh(command).run();
            let said = format!("{}{}", ran.stdout, ran.stderr);
            assert!(reads(&said, shown), "{}: {command}:\n{said}", block.place);
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        for process in self.running.drain(..) {
            process.signal(rustix::process::Signal::TERM);
            let _ = process.wait();
        }
    }
}

/// Whether a program said what is shown of it, in which `…` is whatever it said there; spaces at the ends of lines do not count.
pub(super) fn reads(said: &str, shown: &str) -> bool {
    let bare = |text: &str| -> String {
        let lines = text.lines().map(str::trim_end);
        lines.collect::<Vec<_>>().join("\n").trim_end().to_owned()
    };
    let said = bare(said);
    let shown = bare(shown);
    let mut parts = shown.split('…');
    let first = parts.next().unwrap();
    let Some(mut rest) = said.strip_prefix(first) else {
        return false;
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.is_empty() || shown.ends_with('…')
}

/// Does with a block as it says. `configuration` is the one above it.
fn play(machine: &mut Machine, block: &Block, configuration: &str) {
    let succeeded = |ran: Ran| assert_eq!(ran.code, Some(0), "{}: {ran:#?}", block.place);
    let manner = block.manner.as_deref().unwrap_or_default();
    if let Some(text) = manner.strip_prefix("beside, until `") {
        // Of a console its first command.
        let prompted = block.text.strip_prefix("$ ");
        let command = prompted.and_then(|text| text.lines().next());
        machine.beside(command.unwrap_or(&block.text), text.trim_end_matches('`'));
    } else if manner == "by check" {
        assert!(block.text.contains("azdb-proxy run"), "{}", block.place);
        let command = block.text.replace("azdb-proxy run", "azdb-proxy check");
        succeeded(machine.sh(&command).run());
    } else {
        if manner == "with the configuration above" {
            let file = machine.directory.path().join("proxy.toml");
            std::fs::write(&file, machine.here(configuration)).unwrap();
            machine.beside("azdb-proxy run --config proxy.toml", "listening");
        } else {
            assert_eq!(manner, "", "{}: nobody knows that word", block.place);
        }
        match &*block.language {
            "console" => machine.console(block),
            _ => succeeded(machine.sh(&block.text).run()),
        }
    }
}

#[test]
#[expect(
    clippy::print_stdout,
    reason = "whoever looks at the test's output sees what it left out"
)]
#[cfg_attr(
    not(all(has_namespaces, has_postgres, has_curl)),
    ignore = "no PostgreSQL or curl, or not root: see scripts/test"
)]
fn every_command_in_a_page_runs_or_says_why_not() {
    let (mut ran, mut not_here) = (0, Vec::new());
    for page in pages() {
        let mut configuration = String::new();
        let mut machine: Option<(String, Machine)> = None;
        for block in page.blocks() {
            match &*block.language {
                "toml" => configuration.clone_from(&block.text),
                "sh" | "bash" | "console" => {}
                _ => continue,
            }
            if block.language == "toml" {
                continue;
            }
            let manner = block.manner.as_deref().unwrap_or_default();
            if let Some(reason) = manner.strip_prefix("not here, ") {
                assert!(reason.len() > 5, "{}", block.place);
                not_here.push(format!("{}: {reason}", block.place));
                continue;
            }
            if machine
                .as_ref()
                .is_none_or(|(section, _)| *section != block.section)
            {
                machine = Some((block.section.clone(), Machine::new()));
            }
            let (_, machine) = machine.as_mut().unwrap();
            play(machine, &block, &configuration);
            ran += 1;
        }
    }
    println!("{ran} run; not here:\n{}", not_here.join("\n"));
    assert!(ran >= 8, "too few: {ran}");
}

#[test]
fn what_is_shown_may_leave_out_what_differs_each_time() {
    assert!(reads("one two\nthree\n", "one …\nthree"));
    assert!(reads("a  \nb\nc\n", "a\n…"));
    assert!(!reads("one two\n", "one"));
    assert!(!reads("one two\nfour", "one …\nthree"));
}

//! `azdb-proxy` as people run it: the binary, a configuration file, an environment and a log.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::app::App;
use crate::mysql::MysqlApp;
use crate::process::{Process, Program, Ran};
use crate::raw::{RawApp, packets};

/// A binary of the workspace: from the directory `AZDB_BIN`, else as cargo builds it now.
///
/// # Panics
///
/// When it can't be built.
#[must_use]
pub fn binary(name: &str) -> PathBuf {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    let directory = DIRECTORY.get_or_init(|| match std::env::var_os("AZDB_BIN") {
        Some(directory) => directory.into(),
        None => build(),
    });
    directory.join(name)
}

/// Builds the binaries, which takes a moment when nothing has changed.
fn build() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = std::process::Command::new(cargo)
        .args([
            "build",
            "--quiet",
            "-p",
            "azdb-proxy",
            "-p",
            "azdb-emulator",
        ])
        .args([
            "--manifest-path",
            concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"),
        ])
        .status()
        .unwrap();
    assert!(built.success(), "cargo cannot build the binaries");
    // This test is target/debug/deps/it-…
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(2).unwrap().to_owned()
}

/// A proxy about to be started.
pub struct Start {
    program: Program,
    directory: TempDir,
}

impl Start {
    /// `azdb-proxy` with these arguments, and no configuration.
    #[must_use]
    pub fn new(args: &[&str]) -> Self {
        Self::of(Program::new(binary("azdb-proxy")).args(args))
    }

    /// `azdb-proxy COMMAND --config` with a file of this text.
    #[must_use]
    pub fn command(command: &str, configuration: &str) -> Self {
        let start = Self::new(&[command, "--config"]);
        let file = start.directory.path().join("proxy.toml");
        std::fs::write(&file, configuration).unwrap();
        start.arg(file.to_str().unwrap())
    }

    /// `azdb-proxy run --config` with a file of this text.
    #[must_use]
    pub fn run_with(configuration: &str) -> Self {
        Self::command("run", configuration)
    }

    /// As [`Start::run_with`], after the shell's `ulimit` with these words.
    #[must_use]
    pub fn run_with_few_files(configuration: &str, limit: &str) -> Self {
        let script = format!("ulimit {limit}; exec \"$@\"");
        let shell = Program::new("sh").args(["-c", &script, "sh"]);
        let start = Self::of(shell.arg(binary("azdb-proxy")).args(["run", "--config"]));
        let file = start.directory.path().join("proxy.toml");
        std::fs::write(&file, configuration).unwrap();
        start.arg(file.to_str().unwrap())
    }

    fn of(program: Program) -> Self {
        let directory = TempDir::new().unwrap();
        let program = program
            .env("XDG_STATE_HOME", directory.path().join("state"))
            .directory(directory.path());
        Self { program, directory }
    }

    /// One more argument.
    #[must_use]
    pub fn arg(self, arg: &str) -> Self {
        let program = self.program.arg(arg);
        Self { program, ..self }
    }

    /// An environment variable.
    #[must_use]
    pub fn env(self, name: &str, value: &str) -> Self {
        let program = self.program.env(name, value);
        Self { program, ..self }
    }

    /// Environment variables.
    #[must_use]
    pub fn envs<'a>(self, pairs: impl IntoIterator<Item = (&'a str, String)>) -> Self {
        pairs
            .into_iter()
            .fold(self, |start, (name, value)| start.env(name, &value))
    }

    /// Its working directory, in which the configuration file is, too.
    #[must_use]
    pub fn directory(&self) -> PathBuf {
        self.directory.path().to_owned()
    }

    /// Runs it to its end.
    #[must_use]
    pub fn run(self) -> Ran {
        self.program.run()
    }

    /// Starts it, and waits until its first route listens.
    #[must_use]
    #[track_caller]
    pub fn start(self) -> Proxy {
        let process = self.program.start();
        let door = process.stderr_until(first_door);
        Proxy {
            process,
            door,
            directory: self.directory,
        }
    }

    /// Starts it and waits for nothing.
    #[must_use]
    pub fn launch(self) -> (Process, TempDir) {
        (self.program.start(), self.directory)
    }
}

/// Where the first route of a log listens: an address, or a socket file.
fn first_door(log: &str) -> Option<String> {
    let line = log.lines().find(|line| line.contains("listening"))?;
    let word = if line.starts_with('{') {
        line.split("\"listen\":\"").nth(1)?.split('"').next()?
    } else {
        line.split("listen=").nth(1)?.split(' ').next()?
    };
    Some(word.to_owned())
}

/// A running proxy.
pub struct Proxy {
    process: Process,
    door: String,
    directory: TempDir,
}

impl Proxy {
    /// Where its first route listens over TCP.
    #[must_use]
    #[track_caller]
    pub fn address(&self) -> SocketAddr {
        self.door.parse().unwrap()
    }

    /// Where its first route listens: an address, or `unix:` and a path.
    #[must_use]
    pub fn door(&self) -> &str {
        &self.door
    }

    /// An app that uses its first route.
    #[must_use]
    pub fn app(&self) -> App {
        App::at("127.0.0.1", self.address().port())
    }

    /// An app of MySQL that uses its first route.
    #[must_use]
    #[track_caller]
    pub fn mysql_app(&self) -> MysqlApp {
        MysqlApp::at(self.address())
    }

    /// What an app reads that is not let in.
    ///
    /// # Panics
    ///
    /// When the app is let in.
    #[must_use]
    #[track_caller]
    pub fn told(&self) -> Refusal {
        let mut app = RawApp::connect(self.address());
        app.send(&packets::startup(0, &[("user", "anyone")]));
        let error = app.message();
        assert_eq!(error.tag, b'E', "{}", self.log());
        assert_eq!(app.rest(), b"", "the end comes after it");
        Refusal {
            sqlstate: error.field('C').unwrap(),
            message: error.field('M').unwrap(),
            hint: error.field('H'),
        }
    }

    /// The same, and that psql shows it: cause and hint.
    ///
    /// # Panics
    ///
    /// When the app is let in, or psql shows something else.
    #[must_use]
    #[track_caller]
    pub fn refusal(&self) -> Refusal {
        let refusal = self.told();
        let ran = self.app().sql("select 1");
        let shown = ran.failed();
        assert!(
            shown.contains(&format!("FATAL:  {}", refusal.message)),
            "{shown}"
        );
        if let Some(hint) = &refusal.hint {
            assert!(shown.contains(&format!("HINT:  {hint}")), "{shown}");
        }
        refusal
    }

    /// Its log so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.stderr()
    }

    /// Waits until its log has `text`, and returns that line.
    #[track_caller]
    pub fn log_until(&self, text: &str) -> String {
        self.process.stderr_until(|log| {
            let line = log.lines().find(|line| line.contains(text))?;
            Some(line.to_owned())
        })
    }

    /// Waits until `count` lines of its log have `text`.
    #[track_caller]
    pub fn log_until_times(&self, count: usize, text: &str) {
        self.process.stderr_until(|log| {
            let found = log.lines().filter(|line| line.contains(text)).count();
            (found >= count).then_some(())
        });
    }

    /// Its directory: configuration, and `state/`.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.process.pid().as_raw_nonzero().get()
    }

    /// Waits for its end.
    #[must_use]
    #[track_caller]
    pub fn wait(mut self) -> Ran {
        self.process.end()
    }

    /// Ends it with SIGTERM.
    #[must_use]
    #[track_caller]
    pub fn stop(self) -> Ran {
        self.signal(Signal::TERM);
        self.wait()
    }
}

/// Why an app was not let in, as it reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The code.
    pub sqlstate: String,
    /// What happened.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Refusal {
    /// Whether it is the proxy's own, with this code, and text and hint have these parts.
    #[track_caller]
    pub fn assert_is_ours(&self, sqlstate: &str, message: &str, hint: &str) {
        assert_eq!(self.sqlstate, sqlstate, "{self:?}");
        assert!(self.message.starts_with("azdb-proxy: "), "{self:?}");
        assert!(self.message.contains(message), "{self:?}");
        let shown = self.hint.as_deref().unwrap_or_default();
        assert!(shown.contains(hint), "{self:?}");
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.process.stderr();
            let _ = std::io::Write::write_all(&mut std::io::stderr(), log.as_bytes());
        }
    }
}

//! Starting `azdb-proxy` as people do: the binary, arguments, a configuration file and an environment.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::process::{Process, Program, Ran};
use crate::proxy::Proxy;
use crate::scratch;

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

/// Whether `scripts/windows` has the tests run the program for Windows.
pub(crate) fn is_for_windows() -> bool {
    std::env::var_os("AZDB_WINDOWS_PROGRAM").is_some()
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

    /// As [`Start::run_with`], by a shell that runs `before` in its working directory.
    #[must_use]
    pub fn run_after(before: &str, configuration: &str) -> Self {
        Self::run_by(Program::new("sh"), before, configuration)
    }

    /// As [`Start::run_with`], by a service manager that has opened `socket` for it and calls it `name`.
    #[must_use]
    pub fn run_passing(
        socket: impl Into<std::os::fd::OwnedFd>,
        name: &str,
        configuration: &str,
    ) -> Self {
        let pass = "exec 3<&0 0</dev/null; export LISTEN_PID=$$ LISTEN_FDS=1";
        let start = Self::run_after(pass, configuration).env("LISTEN_FDNAMES", name);
        let program = start.program.stdin_from(socket);
        Self { program, ..start }
    }

    /// As [`Start::run_after`], in namespaces of its own: networks and mounts are nobody else's.
    #[must_use]
    pub fn run_alone_after(before: &str, configuration: &str) -> Self {
        let alone = Program::new("unshare").args(["--net", "--mount", "sh", "-e"]);
        Self::run_by(alone, before, configuration)
    }

    /// As [`Start::run_with`], where names are what a file says: its `/etc/hosts`.
    #[must_use]
    pub fn run_with_hosts(hosts: &Path, configuration: &str) -> Self {
        let alone = Program::new("unshare").args(["--mount", "sh", "-e"]);
        let mount = format!("mount --bind '{}' /etc/hosts", hosts.display());
        Self::run_by(alone, &mount, configuration)
    }

    fn run_by(shell: Program, before: &str, configuration: &str) -> Self {
        let script = format!("{before}; exec \"$@\"");
        let shell = shell.args(["-c", &script, "sh"]);
        let start = Self::of(shell.arg(binary("azdb-proxy")).args(["run", "--config"]));
        let file = start.directory.path().join("proxy.toml");
        std::fs::write(&file, configuration).unwrap();
        start.arg(file.to_str().unwrap())
    }

    /// As [`Start::run_with`], in a network namespace.
    #[must_use]
    pub fn run_within(namespace: &str, configuration: &str) -> Self {
        let ip = Program::new("ip").args(["netns", "exec", namespace]);
        let start = Self::of(ip.arg(binary("azdb-proxy")).args(["run", "--config"]));
        let file = start.directory.path().join("proxy.toml");
        std::fs::write(&file, configuration).unwrap();
        start.arg(file.to_str().unwrap())
    }

    fn of(program: Program) -> Self {
        let directory = scratch::directory();
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

    /// More arguments.
    #[must_use]
    pub fn args(self, args: &[&str]) -> Self {
        args.iter().fold(self, |start, arg| start.arg(arg))
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
        Proxy::new(process, door, self.directory)
    }

    /// Starts it, with standard input open, and waits for nothing.
    #[must_use]
    pub fn launch_interactive(self) -> (Process, TempDir) {
        (self.program.interactive().start(), self.directory)
    }

    /// Starts it and waits for nothing.
    #[must_use]
    pub fn launch(self) -> (Process, TempDir) {
        (self.program.start(), self.directory)
    }
}

/// Where the first route of a log listens: an address, or a socket file.
fn first_door(log: &str) -> Option<String> {
    let is_door = |line: &&str| line.contains("listening") && !line.contains("endpoint");
    let line = log.lines().find(is_door)?;
    let word = if line.starts_with('{') {
        line.split("\"listen\":\"").nth(1)?.split('"').next()?
    } else {
        line.split("listen=").nth(1)?.split(' ').next()?
    };
    Some(word.to_owned())
}

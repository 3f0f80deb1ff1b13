//! The program's exit codes, one by one, as its help lists them.

#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

/// The program in a directory of its own, with nothing of the environment.
struct Place {
    directory: TempDir,
}

impl Place {
    fn with(configuration: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("proxy.toml"), configuration).unwrap();
        fs::write(directory.path().join("password"), "secret").unwrap();
        Self { directory }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_azdb-proxy"));
        command
            .args(words)
            .current_dir(self.directory.path())
            .env_clear()
            .stdin(Stdio::null());
        command
    }

    #[track_caller]
    fn ends_with(&self, code: i32, words: &[&str]) -> Output {
        let output = self.command(words).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{words:?}: {output:?}");
        output
    }
}

const ROUTE: &str = "[[route]]
name = \"orders\"
protocol = \"postgres\"
upstream = \"orders.postgres.database.azure.com\"
upstream_user = \"orders-app\"
";

#[test]
fn zero_is_for_what_was_asked() {
    let place = Place::with(ROUTE);
    for words in [
        &["check"][..],
        &["--help"],
        &["help", "run"],
        &["completions", "bash"],
    ] {
        place.ends_with(0, words);
    }
}

#[test]
fn version_says_whether_the_demo_is_in() {
    let place = Place::with("");
    let with = if cfg!(feature = "demo") {
        " with demo"
    } else {
        ""
    };
    let version = format!("azdb-proxy {}{with}\n", env!("CARGO_PKG_VERSION"));
    for words in [["version"], ["--version"], ["-V"]] {
        let said = place.ends_with(0, &words).stdout;
        assert_eq!(String::from_utf8(said).unwrap(), version);
    }
}

#[test]
fn schema_prints_the_file_at_the_top_of_the_project() {
    let said = Place::with("").ends_with(0, &["schema"]).stdout;
    let kept = include_str!("../../../proxy.schema.json");
    assert_eq!(String::from_utf8(said).unwrap(), kept);
}

#[test]
fn one_is_for_what_fails_while_running() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = format!("{ROUTE}listen = \"{}\"\n", taken.local_addr().unwrap());
    let place = Place::with(&format!(
        "{listen}local_tls = \"off\"\n[admin]\nlisten = \"off\"\n"
    ));
    place.ends_with(1, &["run"]);
    // No authority, and none is made.
    place.ends_with(1, &["ca", "--state-dir=state"]);
    assert!(!place.directory.path().join("state").exists());
    // A file stands where the directory should be.
    place.ends_with(1, &["ca", "--state-dir=password/state"]);
}

#[test]
fn sixty_four_is_for_wrong_arguments() {
    let place = Place::with(ROUTE);
    for words in [
        &["--no-such-flag"][..],
        &["run", "--log-format=xml"],
        &["check", "--max-sigterm-delay=soon"],
        &["version", "of-what"],
        &["completions", "no-such-shell"],
    ] {
        place.ends_with(64, words);
    }
}

#[test]
fn seventy_eight_is_for_a_bad_configuration() {
    let place = Place::with(&ROUTE.replace("upstream_user", "upstream_usr"));
    for command in ["run", "check"] {
        place.ends_with(78, &[command]);
    }
    Place::with("").ends_with(78, &["run"]);
}

/// AuthenticationOk and ReadyForQuery, of a database that trusts.
const LET_IN: &[u8] = b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";

/// A session that stays, and the program that serves it.
struct Serving {
    program: Child,
    _session: [TcpStream; 2],
    _place: Place,
}

impl Serving {
    fn new(words: &[&str]) -> Self {
        let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
        let place = Place::with(&format!(
            "[admin]\nlisten = \"off\"\n[process]\nmax_sigterm_delay = \"10ms\"\n[[route]]\nprotocol = \"postgres\"\n\
             listen = \"127.0.0.1:0\"\nupstream = \"{}\"\nupstream_user = \"u\"\nupstream_auth = \"password\"\n\
             upstream_password_file = \"password\"\nupstream_tls = \"off\"\nlocal_tls = \"off\"\n",
            upstream.local_addr().unwrap()
        ));
        let mut program = place.command(words).stderr(Stdio::piped()).spawn().unwrap();
        let mut app = TcpStream::connect(listening(&mut program)).unwrap();
        app.write_all(b"\0\0\0\x10\0\x03\0\0user\0u\0\0\0").unwrap();
        let (mut database, _) = upstream.accept().unwrap();
        assert_ne!(database.read(&mut [0; 256]).unwrap(), 0);
        database.write_all(LET_IN).unwrap();
        let mut read = Vec::new();
        while !read.ends_with(b"Z\0\0\0\x05I") {
            let mut byte = [0];
            app.read_exact(&mut byte).unwrap();
            read.extend(byte);
        }
        Self {
            program,
            _session: [app, database],
            _place: place,
        }
    }

    fn code_after(mut self, signal: rustix::process::Signal) -> Option<i32> {
        let program = rustix::process::Pid::from_child(&self.program);
        rustix::process::kill_process(program, signal).unwrap();
        self.program.wait().unwrap().code()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// Where the program says that it listens. Its further lines go nowhere.
fn listening(program: &mut Child) -> String {
    let mut lines = BufReader::new(program.stderr.take().unwrap()).lines();
    let mut said = lines.by_ref().map_while(Result::ok);
    let address = said.find_map(|line| {
        let (_, rest) = line.split_once(" listen=")?;
        rest.split(' ').next().map(str::to_owned)
    });
    std::thread::spawn(move || lines.for_each(drop));
    address.unwrap_or_else(|| panic!("it listens nowhere"))
}

#[test]
fn one_hundred_and_thirty_or_forty_three_is_for_sessions_that_a_signal_cut() {
    use rustix::process::Signal;
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        assert_eq!(Serving::new(&["run"]).code_after(signal), Some(code));
        let forgiving = Serving::new(&["run", "--exit-zero-on-sigterm"]);
        assert_eq!(forgiving.code_after(signal), Some(0));
    }
}

//! A running `azdb-proxy`, as its apps and its operators see it.

use std::net::SocketAddr;
use std::path::Path;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::app::App;
use crate::mysql::MysqlApp;
use crate::page::Page;
use crate::process::{Process, Ran};
use crate::raw::{RawApp, packets};
use crate::start::Start;

/// A running proxy.
pub struct Proxy {
    process: Process,
    door: String,
    directory: TempDir,
}

impl Proxy {
    pub(crate) fn new(process: Process, door: String, directory: TempDir) -> Self {
        Self {
            process,
            door,
            directory,
        }
    }

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

    /// Where it answers over TCP as `Health` or `Admin`.
    #[must_use]
    #[track_caller]
    pub fn endpoint(&self, which: &str) -> SocketAddr {
        endpoint(&self.process, which)
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
            let found = log.lines().filter(|line| line.contains(text));
            (found.map(times).sum::<usize>() >= count).then_some(())
        });
    }

    /// Its directory: configuration, and `state/`.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Gives its configuration file this text.
    pub fn configure(&self, configuration: &str) {
        let file = self.directory().join("proxy.toml");
        std::fs::write(file, configuration).unwrap();
    }

    /// Has it read its configuration again, by `azdb-proxy reload`.
    #[must_use]
    pub fn reload(&self) -> Ran {
        let home = self.directory().join("state");
        let reload = Start::new(&["reload"]).env("XDG_STATE_HOME", home.to_str().unwrap());
        reload.run()
    }

    /// Goes on with this configuration.
    #[track_caller]
    pub fn reload_with(&self, configuration: &str) {
        self.configure(configuration);
        assert_eq!(self.reload().succeeded(), "reloaded", "{}", self.log());
    }

    /// A page of its admin endpoint, which is at the usual socket file.
    #[must_use]
    #[track_caller]
    pub fn admin(&self, page: &str) -> Page {
        let file = self.directory().join("state/azdb-proxy/admin.sock");
        Page::at_file(&file, "GET", page)
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

/// Where a proxy answers over TCP as `Health` or `Admin`, which it does before its doors are open.
///
/// # Panics
///
/// When it says nothing of it.
#[must_use]
#[track_caller]
pub fn endpoint(proxy: &Process, which: &str) -> SocketAddr {
    proxy.stderr_until(|log| {
        let text = format!("endpoint={which}");
        let line = log.lines().find(|line| line.contains(&text))?;
        let (_, rest) = line.split_once("listen=")?;
        rest.split(' ').next()?.parse().ok()
    })
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

/// How often a line says what it says: what comes over and over again is folded.
fn times(line: &str) -> usize {
    let folded = line.split_once("the same again: ");
    let count = folded.and_then(|(_, rest)| rest.split_once("times="));
    let digits = count.and_then(|(_, rest)| rest.split(' ').next());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(1)
}

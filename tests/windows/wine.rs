//! Windows programs, run by Wine.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Instant;

use azdb_tests::{PATIENCE, Program};

pub(crate) const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/windows");

/// A program for Windows: a path of this machine, or one of Wine's own such as `cmd`, `reg` and `sc`. Its drive `Z:` is this machine's `/`.
pub(crate) fn wine(program: &str) -> Program {
    let wine = Program::new(SCRIPT).args(["wine", program]);
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(target) => wine.env("CARGO_TARGET_DIR", target),
        None => wine,
    }
}

/// The same on a machine of its own: another registry, other services, another drive `C:`.
pub(crate) fn wine_of(prefix: &Path, program: &str) -> Program {
    let prefix = format!("WINEPREFIX={}", prefix.display());
    let wine = Program::new(SCRIPT).args(["in", "env", &prefix, "wine", program]);
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(target) => wine.env("CARGO_TARGET_DIR", target),
        None => wine,
    }
}

/// The program for Windows.
pub(crate) fn exe() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target")),
        PathBuf::from,
    );
    target.join("windows/x86_64-pc-windows-gnu/debug/azdb-proxy.exe")
}

/// A file that a proxy logs to.
pub(crate) struct Log(pub(crate) PathBuf);

impl Log {
    pub(crate) fn text(&self) -> String {
        std::fs::read_to_string(&self.0).unwrap_or_default()
    }

    /// Waits until it has something.
    #[track_caller]
    pub(crate) fn until<T>(&self, found: impl Fn(&str) -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            let log = self.text();
            if let Some(found) = found(&log) {
                return found;
            }
            assert!(begun.elapsed() < PATIENCE, "it never came: {log}");
            std::thread::yield_now();
        }
    }

    /// Where the door of the last start is.
    #[track_caller]
    pub(crate) fn door(&self) -> SocketAddr {
        self.until(|log| {
            let (_, door) = log.rsplit_once("listening route=orders listen=")?;
            door.split_once(' ')?.0.parse().ok()
        })
    }
}

/// A configuration as Windows reads it, whose paths are of this machine.
pub(crate) fn for_windows(configuration: &str) -> String {
    configuration.replace("\"/", "\"Z:/")
}

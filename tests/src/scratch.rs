//! Directories of this process, and of the programs that it runs: all in one that goes when the process ends, whatever ends it.
//!
//! What is kept for all tests is never dropped, and a program that is killed removes nothing.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

/// Removes the directory when its standard input closes, and is not ended before by what ends the tests. Servers that end at the
/// same time may still write there.
const LEASH: &str = r#"
trap "" INT TERM
while read -r _; do :; done
tries=600
until rm -rf "$1" 2>/dev/null || [ $((tries -= 1)) -eq 0 ]; do sleep 0.1; done
"#;

struct Root {
    directory: TempDir,
    /// Holds the pipe.
    _leash: Child,
}

/// The one that holds all others.
pub(crate) fn root() -> &'static Path {
    static ROOT: OnceLock<Root> = OnceLock::new();
    let root = ROOT.get_or_init(|| {
        let directory = TempDir::with_prefix("azdb-tests-").unwrap();
        let leash = Command::new("sh")
            .args(["-c", LEASH, "leash"])
            .arg(directory.path())
            .current_dir("/")
            .stdin(Stdio::piped())
            // Whoever reads what the tests print does not wait for this.
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // As /tmp: servers of other users make and remove directories in it.
        let open = Permissions::from_mode(0o1777);
        std::fs::set_permissions(directory.path(), open).unwrap();
        // From here on everything temporary of this process is there.
        let _ = tempfile::env::override_temp_dir(directory.path());
        Root {
            directory,
            _leash: leash,
        }
    });
    root.directory.path()
}

/// A new one in it.
pub(crate) fn directory() -> TempDir {
    named("azdb-")
}

/// A new one in it whose name begins so.
pub(crate) fn named(prefix: &str) -> TempDir {
    TempDir::with_prefix_in(prefix, root()).unwrap()
}

/// A new one in it that goes with the process.
#[must_use]
pub fn lasting_directory(prefix: &str) -> std::path::PathBuf {
    named(prefix).keep()
}

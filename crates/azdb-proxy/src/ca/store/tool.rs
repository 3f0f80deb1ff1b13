//! A program of the system's that keeps its authorities.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use azdb_quote::OneLine;

/// Where systems have such programs. Not `PATH`: root must not run what whoever has set that likes.
const DIRECTORIES: [&str; 6] = [
    "usr/sbin",
    "usr/bin",
    "sbin",
    "bin",
    "usr/local/sbin",
    "usr/local/bin",
];

/// One that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tool(PathBuf);

impl Tool {
    /// The program of that name below `root`.
    pub(super) fn find(root: &Path, name: &str) -> Option<Self> {
        let mut places = DIRECTORIES.iter().map(|dir| root.join(dir).join(name));
        places.find(|path| path.is_file()).map(Self)
    }

    /// Runs it, and answers what it has printed.
    ///
    /// # Errors
    ///
    /// That it could not be run, or what it says.
    pub(super) fn run(&self, words: &[&str]) -> Result<String, String> {
        let name = self.0.display();
        let ran = Command::new(&self.0)
            .args(words)
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("cannot run {name}: {error}"))?;
        let printed = String::from_utf8_lossy(&ran.stdout);
        if ran.status.success() {
            return Ok(printed.into_owned());
        }
        let said = String::from_utf8_lossy(&ran.stderr);
        let said = match said.trim() {
            "" => printed.trim(),
            said => said,
        };
        Err(format!(
            "{name} ended with {}: {}",
            ran.status,
            OneLine(said)
        ))
    }
}

//! Programs: where they are, and how they run for as long as they are wanted.

use std::env;
use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::Context as _;
use tokio::process::{Child, Command};

/// Where Debian puts servers, which is not in the path of every user.
const SYSTEM: [&str; 2] = ["/usr/sbin", "/usr/local/sbin"];
/// Lines of a log that are shown when its program has failed.
const LAST_LINES: usize = 5;

/// A program that runs. Dropping it kills it.
pub(super) struct Program {
    child: Child,
    /// Its process id.
    pub(super) id: u32,
    log: PathBuf,
}

impl Program {
    /// Starts `command` with its output in the file `log`.
    pub(super) fn start(mut command: Command, log: &Path) -> anyhow::Result<Self> {
        let file = File::create(log)?;
        command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .kill_on_drop(true);
        let child = command.spawn();
        let what = || {
            format!(
                "cannot start `{}`",
                command.as_std().get_program().display()
            )
        };
        let child = child.with_context(what)?;
        let id = child.id().context("a process without an id")?;
        Ok(Self {
            child,
            id,
            log: log.to_owned(),
        })
    }

    /// Fails when the program has ended by itself, with its last words.
    pub(super) fn must_run(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => anyhow::bail!("it ended with {status}: {}", self.last_words()),
        }
    }

    /// The end of its log, on one line.
    pub(super) fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines
            .get(lines.len().saturating_sub(LAST_LINES)..)
            .unwrap_or_default()
            .join(" | ")
    }

    /// Kills it, and waits until it has gone.
    pub(super) async fn end(mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("cannot end a process")
    }
}

/// The file of a program that is installed.
pub(super) fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(SYSTEM.iter().map(PathBuf::from))
        .map(|dir| dir.join(name))
        .find(|file| file.is_file())
}

/// The first line that a program says of itself, on either stream.
pub(super) async fn first_line(program: &Path, argument: &str) -> anyhow::Result<String> {
    let output = Command::new(program)
        .arg(argument)
        .kill_on_drop(true)
        .output()
        .await;
    let output = output.with_context(|| format!("cannot run `{}`", program.display()))?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}

/// The proxy to measure: `given`, else what cargo makes of the tree, else what lies beside this program.
pub(super) async fn proxy(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(given) = given {
        anyhow::ensure!(given.is_file(), "`{}` is no file", given.display());
        // It runs elsewhere.
        return Ok(given.canonicalize()?);
    }
    if let Some(cargo) = env::var_os("CARGO").or_else(|| Some(find("cargo")?.into())) {
        return build(&cargo).await;
    }
    let own = env::current_exe()?;
    let beside = own.with_file_name("azdb-proxy");
    anyhow::ensure!(
        beside.is_file(),
        "no cargo to build azdb-proxy with, and none beside this program: name one with --proxy"
    );
    Ok(beside)
}

/// Builds the proxy as packages have it, in this program's own profile.
async fn build(cargo: &OsStr) -> anyhow::Result<PathBuf> {
    let mut command = Command::new(cargo);
    command.args(["build", "-p", "azdb-proxy", "--no-default-features"]);
    command.args(["--message-format", "json-render-diagnostics"]);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    if let Some(own) = env::var_os("CARGO_MANIFEST_DIR") {
        command.current_dir(own);
    }
    command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true);
    let output = command.output().await.context("cannot run cargo")?;
    anyhow::ensure!(output.status.success(), "cargo cannot build azdb-proxy");
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines()
        .find_map(executable)
        .context("cargo named no azdb-proxy")
}

/// The file that one of cargo's messages says azdb-proxy is in.
fn executable(message: &str) -> Option<PathBuf> {
    let message: serde_json::Value = serde_json::from_str(message).ok()?;
    let is_ours = message.pointer("/target/name")?.as_str()? == "azdb-proxy";
    is_ours.then(|| message.get("executable")?.as_str().map(PathBuf::from))?
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn cargo_is_believed_about_the_proxys_file_alone() {
        let ours = r#"{"reason":"compiler-artifact","target":{"name":"azdb-proxy"},"executable":"/t/azdb-proxy"}"#;
        let library =
            r#"{"reason":"compiler-artifact","target":{"name":"azdb_core"},"executable":null}"#;
        assert_eq!(executable(ours), Some(PathBuf::from("/t/azdb-proxy")));
        assert_eq!(executable(library), None);
        assert_eq!(
            executable(r#"{"reason":"build-finished","success":true}"#),
            None
        );
    }

    #[tokio::test]
    async fn a_program_that_fails_says_why() {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "echo no such option >&2; exit 3"]);
        let mut program = Program::start(command, &dir.path().join("log")).unwrap();
        program.child.wait().await.unwrap();
        let error = program.must_run().unwrap_err().to_string();
        assert!(error.ends_with("no such option"), "{error}");
    }

    #[tokio::test]
    async fn a_program_ends_when_it_is_told_to() {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new("sleep");
        command.arg("1000");
        let program = Program::start(command, &dir.path().join("log")).unwrap();
        let process = PathBuf::from(format!("/proc/{}", program.id));
        assert!(process.exists());
        program.end().await.unwrap();
        assert!(!process.exists());
    }
}

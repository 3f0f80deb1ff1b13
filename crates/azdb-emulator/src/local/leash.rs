//! A shell that ends a server when this process ends, whatever ends this process.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdin, Command};
use tokio::time::timeout;

use super::LocalError;
use super::place::Place;

const LEASH: &str = include_str!("leash.sh");

/// How long a server may take to be ready, or to end.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// What is to run.
pub(super) struct Program {
    /// The shell program that makes the server's files and then becomes the server.
    pub(super) script: &'static str,
    /// What it reads from its environment.
    pub(super) variables: Vec<(&'static str, PathBuf)>,
    /// The signal that ends the server at once; its data need not survive.
    pub(super) signal: &'static str,
    /// What the server's log says when it takes connections.
    pub(super) ready: &'static str,
}

/// A running server.
pub(super) struct Leash {
    shell: Child,
    /// What holds it.
    stdin: ChildStdin,
}

impl Leash {
    /// Starts the server and waits until it is ready.
    pub(super) async fn start(place: Place, program: &Program) -> Result<Self, LocalError> {
        let mut command = command(&place, program);
        let mut shell = command.spawn()?;
        let (Some(stdin), Some(stderr)) = (shell.stdin.take(), shell.stderr.take()) else {
            return Err(LocalError::Ended("it has no pipes".to_owned()));
        };
        // From here on the shell removes it.
        let _ = place.directory.keep();
        let leash = Self { shell, stdin };
        let mut log = BufReader::new(stderr).lines();
        let came_up = timeout(PATIENCE, is_ready(&mut log, program.ready)).await;
        match came_up.unwrap_or(Err(LocalError::Late)) {
            Ok(()) => {
                // A full pipe would hold the server up.
                tokio::spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
                Ok(leash)
            }
            Err(error) => {
                leash.release().await;
                Err(error)
            }
        }
    }

    /// Ends the server and waits until it has gone.
    pub(super) async fn release(self) {
        let Self { mut shell, stdin } = self;
        drop(stdin);
        let _ = timeout(PATIENCE, shell.wait()).await;
    }
}

fn command(place: &Place, program: &Program) -> Command {
    let mut command = place.command("sh");
    command
        .args(["-c", LEASH, "leash"])
        .arg(place.path())
        .args([program.signal, program.script])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", place.path())
        .env("LC_ALL", "C")
        .envs(program.variables.iter().map(|(name, value)| (name, value)))
        .current_dir(Path::new("/"))
        // A terminal's Ctrl-C is for this process, which ends its servers last.
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

/// Reads the log until the server is ready, or has said why it never will be.
async fn is_ready(log: &mut Lines<BufReader<ChildStderr>>, ready: &str) -> Result<(), LocalError> {
    let (mut told, mut last): (Option<String>, String) = Default::default();
    while let Some(line) = log.next_line().await? {
        if line.contains(ready) {
            // MariaDB goes on after a statement of its first file that failed.
            return match told {
                Some(error) if error.starts_with("ERROR") => Err(LocalError::Ended(error)),
                _ => Ok(()),
            };
        }
        let has = |word| line.contains(word);
        if told.is_none() && ["FATAL", "ERROR", "error:"].into_iter().any(has) && !has("[Warning]")
        {
            told = Some(line);
        } else if !line.trim().is_empty() {
            last = line;
        }
    }
    Err(LocalError::Ended(told.unwrap_or(last)))
}

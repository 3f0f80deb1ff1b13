//! Running a program for what it prints.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::Environment;
use crate::fault::{ProgramFault, SourceFault, first_line};

/// A sign-in tool that asks a question would otherwise wait for ever.
const LIMIT: Duration = Duration::from_secs(30);
/// The most that a program may print, in bytes.
const LONGEST: usize = 256 * 1024;
/// How much of its complaints is kept, in bytes.
const COMPLAINTS: usize = 4 * 1024;

/// A program and its arguments.
pub(super) struct Program {
    arguments: Vec<String>,
    /// Where programs are looked for.
    path: Option<String>,
    /// Finds what matters in what it writes to standard error.
    complaint: fn(&str) -> &str,
}

impl Program {
    pub(super) fn new(arguments: Vec<String>, environment: &Environment) -> Self {
        let path = environment.get("PATH").map(str::to_owned);
        Self {
            arguments,
            path,
            complaint: |complaints| complaints,
        }
    }

    pub(super) fn complaining(self, complaint: fn(&str) -> &str) -> Self {
        Self { complaint, ..self }
    }

    /// What it printed. It is killed when this future is dropped.
    pub(super) async fn run(&self) -> Result<Zeroizing<Vec<u8>>, SourceFault> {
        let program = self.arguments.first().cloned().unwrap_or_default();
        let ended = timeout(LIMIT, self.attempt()).await.unwrap_or_else(|_| {
            Err(ProgramFault::TooSlow {
                program: program.clone(),
                limit: LIMIT,
            })
        });
        ended.map_err(SourceFault::Program)
    }

    async fn attempt(&self) -> Result<Zeroizing<Vec<u8>>, ProgramFault> {
        let program = self.arguments.first().cloned().unwrap_or_default();
        let mut command = Command::new(&program);
        command
            .args(self.arguments.get(1..).unwrap_or_default())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Some(path) = &self.path {
            command.env("PATH", path);
        }
        let start = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => ProgramFault::NotFound {
                program: program.clone(),
            },
            _ => ProgramFault::Start {
                program: program.clone(),
                source,
            },
        };
        let mut child = command.spawn().map_err(start)?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let printing = async {
            match stdout {
                Some(stdout) => read_up_to(stdout, LONGEST).await,
                None => Ok(Zeroizing::default()),
            }
        };
        let complaining = async {
            match stderr {
                Some(stderr) => read_and_drain(stderr, COMPLAINTS).await,
                None => Zeroizing::default(),
            }
        };
        let work = async { tokio::join!(printing, complaining) };
        let (printed, complaints) = work.await;
        let printed = printed.map_err(start)?;
        if printed.len() > LONGEST {
            return Err(ProgramFault::TooMuch {
                program,
                limit: LONGEST,
            });
        }
        let status = child.wait().await.map_err(start)?;
        if status.success() {
            return Ok(printed);
        }
        let said = first_line((self.complaint)(&String::from_utf8_lossy(&complaints)));
        Err(ProgramFault::Failed {
            program,
            status: said_of(status),
            said,
        })
    }
}

fn said_of(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("code {code}"),
        None => status.to_string(),
    }
}

/// Reads until the end or until one byte more than `most`; the buffer never grows.
async fn read_up_to(
    mut from: impl AsyncRead + Unpin,
    most: usize,
) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut whole = Zeroizing::new(vec![0; most + 1]);
    let mut filled = 0;
    while let Some(rest) = whole.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match from.read(rest).await? {
            0 => break,
            more => filled += more,
        }
    }
    whole.truncate(filled);
    Ok(whole)
}

/// Keeps the beginning and reads on, so that the program does not block on a full pipe.
async fn read_and_drain(mut from: impl AsyncRead + Unpin, most: usize) -> Zeroizing<Vec<u8>> {
    let kept = read_up_to(&mut from, most).await.unwrap_or_default();
    let mut rest = [0; 1024];
    while matches!(from.read(&mut rest).await, Ok(1..)) {}
    kept
}

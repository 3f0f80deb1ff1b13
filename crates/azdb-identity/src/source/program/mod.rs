//! Running a program for what it prints.
//!
//! ```text
//!   start without a shell, stdin empty
//!      |
//!      v             stdout: kept up to 256 KiB, more is an error     stderr: 4 KiB kept, the rest read and dropped
//!   until it ends, at most 30 s  -->  what was in the pipes at its end counts, whoever holds them open
//!      |
//!      v
//!   code 0: what it printed           else: the line of its complaints that says what is wrong
//! ```
//!
//! # Invariants
//!
//! * What a program has started ends with it when it is given up. What it leaves behind when it ends by itself lives on.
//! * On Windows a program is looked for by its name in the directories of `PATH` alone, never in the one that happens to be the current.
//! * Nothing is signalled that was not started here.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::time::timeout;
use tracing::debug;
use zeroize::Zeroizing;

use crate::fault::{ProgramFault, SourceFault, first_line};
use crate::{Environment, text};

#[cfg(unix)]
use unix::{Family, found};
#[cfg(windows)]
use windows::{Family, found};

/// A sign-in tool that asks a question would otherwise wait for ever.
const LIMIT: Duration = Duration::from_secs(30);
/// The most that a program may print, in bytes.
const LONGEST: usize = 256 * 1024;
/// How long what it wrote before its end may take to get here.
const LEFT_OVER: Duration = Duration::from_millis(250);
/// How much of its complaints is kept, in bytes.
const COMPLAINTS: usize = 4 * 1024;

/// A program and its arguments.
pub(super) struct Program {
    arguments: Vec<String>,
    /// Where programs are looked for.
    path: Option<String>,
    /// What programs are called besides their names, on Windows.
    endings: Option<String>,
    /// Finds what matters in what it writes to standard error.
    complaint: fn(&str) -> &str,
}

impl Program {
    pub(super) fn new(arguments: Vec<String>, environment: &Environment) -> Self {
        let variable = |name| environment.get(name).map(str::to_owned);
        Self {
            arguments,
            path: variable("PATH"),
            endings: variable("PATHEXT"),
            complaint: |complaints| complaints,
        }
    }

    pub(super) fn complaining(self, complaint: fn(&str) -> &str) -> Self {
        Self { complaint, ..self }
    }

    /// What it printed. It is killed with what it has started when this future is dropped.
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
        let start = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => ProgramFault::NotFound {
                program: program.clone(),
            },
            _ => ProgramFault::Start {
                program: program.clone(),
                source,
            },
        };
        let command = self.command(&program).map_err(start)?;
        let mut family = Family::of(command).map_err(start)?;
        let child = family.leader();
        let mut printed = Outlet::new(child.stdout.take(), LONGEST);
        let mut complaints = Outlet::new(child.stderr.take(), COMPLAINTS);
        let reading =
            async { tokio::try_join!(printed.read_all(), complaints.read_and_drain()).map(drop) };
        let status = ended(child, reading).await.map_err(|met| match met {
            Met::Io(source) => start(source),
            Met::TooMuch => ProgramFault::TooMuch {
                program: program.clone(),
                limit: LONGEST,
            },
        })?;
        if status.success() {
            return Ok(printed.kept());
        }
        let complaints = complaints.kept();
        let complaints = String::from_utf8_lossy(&complaints);
        let plain = text::without_escapes(&complaints);
        let plain = plain.as_ref().map_or(&*complaints, |plain| plain.as_str());
        Err(ProgramFault::Failed {
            program,
            status: said_of(status),
            said: first_line((self.complaint)(plain)),
        })
    }

    fn command(&self, program: &str) -> io::Result<Command> {
        let (path, endings) = (self.path.as_deref(), self.endings.as_deref());
        let mut command = Command::new(found(program, path, endings)?);
        command
            .args(self.arguments.get(1..).unwrap_or_default())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Some(path) = &self.path {
            command.env("PATH", path);
        }
        Ok(command)
    }
}

/// Why a program was left.
enum Met {
    Io(io::Error),
    TooMuch,
}

/// Waits until the program has ended, not until its outlets are closed: it may leave a child behind that holds them, a
/// daemon that it started or a tool that phones home. What it wrote before its end is in the pipes then.
async fn ended(
    child: &mut Child,
    reading: impl Future<Output = Result<(), Met>>,
) -> Result<ExitStatus, Met> {
    tokio::pin!(reading);
    let status = tokio::select! {
        read = &mut reading => {
            read?;
            return child.wait().await.map_err(Met::Io);
        }
        status = child.wait() => status.map_err(Met::Io)?,
    };
    match timeout(LEFT_OVER, reading).await {
        Ok(read) => read?,
        Err(_) => {
            debug!("the program has ended, and something that it left behind holds its output open")
        }
    }
    Ok(status)
}

/// One of a program's two outlets, and what came out of it, in memory that never moves.
struct Outlet<R> {
    pipe: Option<R>,
    /// One byte longer than what is kept, so that "too much" shows.
    room: Zeroizing<Vec<u8>>,
    filled: usize,
}

impl<R: AsyncRead + Unpin> Outlet<R> {
    fn new(pipe: Option<R>, most: usize) -> Self {
        Self {
            pipe,
            room: Zeroizing::new(vec![0; most + 1]),
            filled: 0,
        }
    }

    /// Reads to the end; more than there is room for is too much.
    async fn read_all(&mut self) -> Result<(), Met> {
        let Some(pipe) = &mut self.pipe else {
            return Ok(());
        };
        loop {
            let rest = self.room.get_mut(self.filled..).unwrap_or_default();
            if rest.is_empty() {
                return Err(Met::TooMuch);
            }
            match pipe.read(rest).await.map_err(Met::Io)? {
                0 => return Ok(()),
                more => self.filled += more,
            }
        }
    }

    /// Keeps the beginning and reads on, so that the program does not block on a full pipe.
    async fn read_and_drain(&mut self) -> Result<(), Met> {
        let kept = self.read_all().await;
        let (Err(Met::TooMuch), Some(pipe)) = (kept, &mut self.pipe) else {
            return Ok(());
        };
        let mut rest = [0; 1024];
        while matches!(pipe.read(&mut rest).await, Ok(1..)) {}
        Ok(())
    }

    fn kept(mut self) -> Zeroizing<Vec<u8>> {
        self.room.truncate(self.filled);
        self.room
    }
}

fn said_of(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("code {code}"),
        None => status.to_string(),
    }
}

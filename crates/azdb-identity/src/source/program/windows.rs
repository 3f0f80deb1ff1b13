//! Windows: programs by the endings of their names, and jobs.
//!
//! `az` is `az.cmd` beside a shell script that is called `az`; `azd` is `azd.exe`. What is no program to Windows is not started: a script of
//! PowerShell is an argument of `pwsh`.

use std::io;
use std::path::{Path, PathBuf};

use azdb_windows::job::{Job, SUSPENDED};
use tokio::process::{Child, Command};

/// What Windows itself starts, the last two by `cmd.exe`, for which the standard library quotes arguments, or refuses them.
const STARTED: [&str; 4] = ["com", "exe", "bat", "cmd"];

/// Where the program is: as it is named, else with one of `PATHEXT`'s endings; without a directory in its name in those of `PATH`.
pub(super) fn found(
    program: &str,
    path: Option<&str>,
    endings: Option<&str>,
) -> io::Result<PathBuf> {
    let endings = endings.unwrap_or(".COM;.EXE;.BAT;.CMD");
    let endings = endings
        .split(';')
        .map(|ending| ending.trim_start_matches('.'));
    let endings: Vec<&str> = endings.filter(|ending| is_started(ending)).collect();
    let has_directory = program.contains(['/', '\\', ':']);
    let directories: Vec<&Path> = match has_directory {
        true => vec![Path::new("")],
        // A relative one would be looked for wherever the process happens to be.
        false => path
            .unwrap_or_default()
            .split(';')
            .map(|directory| Path::new(directory.trim_matches('"')))
            .filter(|directory| directory.is_absolute())
            .collect(),
    };
    let named = Path::new(program);
    let is_whole = named
        .extension()
        .and_then(|ending| ending.to_str())
        .is_some_and(is_started);
    let mut names: Vec<String> = Vec::new();
    names.extend((is_whole || has_directory).then(|| program.to_owned()));
    names.extend(endings.iter().map(|ending| format!("{program}.{ending}")));
    directories
        .iter()
        .flat_map(|directory| names.iter().map(|name| directory.join(name)))
        .find(|candidate| candidate.is_file())
        .ok_or_else(|| io::ErrorKind::NotFound.into())
}

fn is_started(ending: &str) -> bool {
    STARTED.iter().any(|one| one.eq_ignore_ascii_case(ending))
}

/// A program, and whatever it starts.
pub(super) struct Family {
    leader: Child,
    job: Job,
}

impl Family {
    pub(super) fn of(mut command: Command) -> io::Result<Self> {
        let leader = command.creation_flags(SUSPENDED).spawn()?;
        // It has not run yet, so that it cannot have ended; and when this fails it is killed with its handle.
        let number = leader.id().ok_or(io::ErrorKind::NotFound)?;
        let job = Job::around(number)?;
        Ok(Self { leader, job })
    }

    pub(super) fn leader(&mut self) -> &mut Child {
        &mut self.leader
    }
}

impl Drop for Family {
    /// It is given up, unless it has ended.
    fn drop(&mut self) {
        if self.leader.id().is_some() {
            // All of it may have gone already.
            let _ = self.job.end();
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use std::process::Stdio;

    use tokio::io::AsyncReadExt as _;

    use super::*;
    use crate::source::tests::Scratch;

    #[tokio::test]
    async fn a_family_that_is_given_up_ends_whole() {
        let mut command = Command::new("cmd");
        command.args(["/d", "/c", "cmd /d /c pause"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut family = Family::of(command).unwrap();
        let leader = family.leader();
        // Nobody gives them the key that they wait for.
        let (_input, mut outlet) = (leader.stdin.take(), leader.stdout.take().unwrap());
        assert_ne!(outlet.read(&mut [0; 1]).await.unwrap(), 0, "both run");
        drop(family);
        // Both have the outlet, and it ends with the last of them.
        outlet.read_to_end(&mut Vec::new()).await.unwrap();
    }

    #[test]
    fn a_program_is_found_as_windows_finds_it_and_never_in_the_current_directory() {
        let (first, second) = (Scratch::new("found-first"), Scratch::new("found-second"));
        let path = format!(
            "relative;;\"{}\";{}",
            first.path().display(),
            second.path().display()
        );
        let find = |program: &str, endings| found(program, Some(&path), endings).ok();
        // The shell script that lies beside it, and what is no program.
        first.file("az", "#!/bin/sh");
        first.file("az.ps1", "");
        assert_eq!(find("az", None), None);
        let cmd = second.file("az.cmd", "");
        assert_eq!(find("az", None), Some(second.path().join("az.CMD")));
        assert_eq!(find("az.cmd", None), Some(cmd.clone()));
        assert_eq!(
            find("az", Some(".PS1;.CMD;.EXE")),
            Some(second.path().join("az.CMD"))
        );
        assert_eq!(find("az", Some(".EXE")), None);
        let exe = first.file("az.exe", "");
        assert_eq!(find("az", Some(".exe;.cmd")), Some(exe));
        // With a directory in its name it is looked for nowhere else.
        let whole = second.path().join("az");
        let found = find(whole.to_str().unwrap(), Some(".cmd"));
        assert_eq!(found, Some(cmd));
        assert_eq!(find(r"nowhere\az", None), None);
    }
}

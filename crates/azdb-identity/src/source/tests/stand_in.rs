//! Programs that take the place of sign-in tools: shell scripts on unix, and batch files on Windows, which is what `az` is there.

use std::path::Path;

use super::Scratch;

/// What one does, besides writing down its arguments and, on unix, reading its input to the end.
#[derive(Default)]
pub(super) struct StandIn<'a> {
    pub(super) prints: &'a [u8],
    pub(super) complains: &'a [u8],
    pub(super) code: u8,
}

impl Scratch {
    /// Makes one, whose path is returned.
    pub(super) fn stand_in(&self, name: &str, does: StandIn<'_>) -> String {
        let prints = self.file(&format!("{name}.prints"), does.prints);
        let complains = self.file(&format!("{name}.complains"), does.complains);
        make(self, name, &prints, &complains, does.code)
    }

    /// The same as a tool of `PATH`, whose value is returned.
    pub(super) fn tool(&self, name: &str, does: StandIn<'_>) -> String {
        self.stand_in(name, does);
        self.as_path()
    }

    /// A `PATH` that leads here, and to what scripts need.
    pub(super) fn as_path(&self) -> String {
        let here = self.path().display();
        match cfg!(windows) {
            true => here.to_string(),
            false => format!("{here}:/usr/bin:/bin"),
        }
    }

    /// The arguments that the last one got.
    pub(super) fn arguments(&self) -> Vec<String> {
        let noted = std::fs::read_to_string(self.path().join("arguments")).unwrap();
        let lines = noted.lines().map(|line| line.trim_matches('"').to_owned());
        lines.collect()
    }
}

#[cfg(unix)]
fn make(scratch: &Scratch, name: &str, prints: &Path, complains: &Path, code: u8) -> String {
    let noted = scratch.path().join("arguments");
    let script = format!(
        "cat\nprintf '%s\\n' \"$@\" > '{}'\ncat '{}'\ncat '{}' >&2\nexit {code}",
        noted.display(),
        prints.display(),
        complains.display()
    );
    scratch.program(name, &script)
}

/// The call of `echo` keeps an argument's quotes, without which what is in it would be read as a command.
#[cfg(windows)]
fn make(scratch: &Scratch, name: &str, prints: &Path, complains: &Path, code: u8) -> String {
    let noted = scratch.path().join("arguments");
    let script = format!(
        "@echo off\r\ntype nul > \"{noted}\"\r\n:next\r\nif [%1]==[] goto done\r\necho \"%~1\">> \"{noted}\"\r\nshift\r\ngoto next\r\n:done\r\n\
         type \"{}\"\r\ntype \"{}\" 1>&2\r\nexit /b {code}\r\n",
        prints.display(),
        complains.display(),
        noted = noted.display()
    );
    let path = scratch.file(&format!("{name}.cmd"), script);
    path.to_str().unwrap().to_owned()
}

/// A command of this very program, whatever the platform: one of the tests below.
pub(super) fn this_program(test: &str) -> Vec<String> {
    let program = std::env::current_exe().unwrap();
    let program = program.to_str().unwrap().to_owned();
    let test = format!("source::tests::stand_in::{test}");
    let more = ["--exact", "--ignored", "--nocapture"].map(str::to_owned);
    [program, test].into_iter().chain(more).collect()
}

#[test]
#[ignore = "started by other tests"]
#[expect(clippy::print_stdout, reason = "its parent is to have enough of it")]
fn prints_without_end() {
    loop {
        println!("{}", "x".repeat(1000));
    }
}

#[cfg(unix)]
#[test]
#[ignore = "started by other tests"]
fn does_not_end() {
    loop {
        std::thread::park();
    }
}

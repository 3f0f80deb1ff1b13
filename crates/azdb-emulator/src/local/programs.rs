//! Where the programs of database servers are.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The first directory, of the path and then of `places`, that holds all of `programs`. A `*` in a place stands for a
/// version; the newest comes first.
pub(super) fn directory_of(programs: &[&str], places: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(places.iter().flat_map(|place| versions(place)))
        .find(|directory| {
            let mut programs = programs.iter();
            programs.all(|program| directory.join(program).is_file())
        })
}

/// The directories that a place stands for.
fn versions(place: &str) -> Vec<PathBuf> {
    let Some((before, after)) = place.split_once('*') else {
        return vec![place.into()];
    };
    let (parent, prefix) = before.rsplit_once('/').unwrap_or_default();
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.starts_with(prefix))
        .collect();
    names.sort_by_key(|name| std::cmp::Reverse(number(name)));
    names
        .iter()
        .map(|name| PathBuf::from(format!("{parent}/{name}{after}")))
        .collect()
}

fn number(name: &str) -> u32 {
    let digits = name.trim_start_matches(|c: char| !c.is_ascii_digit());
    let end = digits.find(|c: char| !c.is_ascii_digit());
    let digits = digits.get(..end.unwrap_or(digits.len()));
    digits.unwrap_or_default().parse().unwrap_or(0)
}

/// The version that `program --version` tells, without what a distribution has added.
pub(super) fn version(program: &Path) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut words = text.split_whitespace();
    let word = words.find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let end = word.find(|c: char| c != '.' && !c.is_ascii_digit());
    word.get(..end.unwrap_or(word.len())).map(str::to_owned)
}

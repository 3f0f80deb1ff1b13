//! The configuration file: which one it is, and what it holds.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::files::{self, cannot_read};
use super::owner::{self, why_not_ours};
use super::problems::{Checked, Findings, Spot};
use super::value::{Entries, WrittenIn};
use super::{Origin, document};

/// A configuration file, or the absence of one.
pub(super) struct Opened {
    pub(super) origin: Origin,
    pub(super) source: WrittenIn,
    pub(super) entries: Checked<Entries>,
}

/// Opens the file that was named, else the first of `places` that is there.
pub(super) fn open(named: Option<&PathBuf>, places: &[PathBuf], report: &Findings) -> Opened {
    let candidates = named.map_or(places, std::slice::from_ref);
    for path in candidates {
        let file = match named {
            Some(path) => files::open(path),
            None => files::open(path).and_then(|file| trusted(file, path)),
        };
        match file {
            Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => {}
            file => return content(path, file, report),
        }
    }
    Opened {
        origin: Origin::ZeroConfiguration,
        source: WrittenIn::of_the_process(""),
        entries: Ok(Entries::new()),
    }
}

/// The file, if nobody else can have put it there: what it says is done, commands included.
fn trusted(file: File, path: &Path) -> io::Result<File> {
    let Some(why) = why_not_ours(&file, path)? else {
        return Ok(file);
    };
    let remedy = format!(
        "{why}; if it is meant all the same, name it: --config {}",
        path.display()
    );
    Err(io::Error::new(io::ErrorKind::PermissionDenied, remedy))
}

fn content(path: &Path, file: io::Result<File>, report: &Findings) -> Opened {
    let mut source = WrittenIn::of_the_process(&path.display().to_string());
    source.base = path.parent().unwrap_or(Path::new("")).to_owned();
    let file = file.and_then(|file| {
        source.open_to_others = owner::open_to_others(&file, path)?;
        Ok(file)
    });
    let bytes = files::read_from(path, file, files::DOCUMENT_LIMIT, report.files());
    let text = bytes
        .map_err(|error| cannot_read(path, &error))
        .and_then(|bytes| {
            String::from_utf8(bytes).map_err(|_| format!("{} is not UTF-8", path.display()))
        });
    let entries = match text {
        Ok(text) => document::parse(&source.name, &text, report),
        Err(problem) => Err(report.problem(&Spot::nowhere(), "", problem)),
    };
    Opened {
        origin: Origin::File(path.to_owned()),
        source,
        entries,
    }
}

//! A log file that is named anew when it is long.
//!
//! `file-rotate` (0.8.0) does it, too, and brings a calendar and a compressor; `tracing-appender` (0.2.5) knows no lengths.
//!
//! ```text
//!   proxy.log --> proxy.1.log --> ... --> proxy.5.log --> gone
//! ```
//!
//! # Invariants
//!
//! * A line stands in one file.
//! * There are [`OLDER`] older files of at most [`MOST`] bytes each, and the one that is written.
//! * A file that cannot be named anew, because somebody keeps it so, goes on as it is; it is tried again [`MOST`] bytes later.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Bytes of a file.
const MOST: u64 = 10 * 1024 * 1024;
/// Files that are kept beside it.
const OLDER: u32 = 5;

/// The file, and what it is called.
pub(super) struct File {
    path: PathBuf,
    file: fs::File,
    /// Bytes until it is to be named anew.
    left: u64,
    most: u64,
}

impl File {
    /// Goes on with a file, or makes one.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Self::open_with(path, MOST)
    }

    fn open_with(path: &Path, most: u64) -> io::Result<Self> {
        let file = append_to(path)?;
        let left = most.saturating_sub(file.metadata()?.len());
        Ok(Self {
            path: path.to_owned(),
            file,
            left,
            most,
        })
    }

    /// Begins another file.
    fn turn(&mut self) -> io::Result<()> {
        self.left = self.most;
        for number in (0..OLDER).rev() {
            let (from, to) = (self.older(number), self.older(number + 1));
            match fs::rename(from, to) {
                Err(error) if number == 0 || error.kind() != io::ErrorKind::NotFound => {
                    return Err(error);
                }
                _ => {}
            }
        }
        self.file = append_to(&self.path)?;
        Ok(())
    }

    /// What the file is called when so many came after it.
    fn older(&self, number: u32) -> PathBuf {
        if number == 0 {
            return self.path.clone();
        }
        let mut name = self.path.file_stem().unwrap_or_default().to_owned();
        name.push(format!(".{number}"));
        if let Some(extension) = self.path.extension() {
            name.push(".");
            name.push(extension);
        }
        self.path.with_file_name(name)
    }
}

fn append_to(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.create(true).append(true).open(path)
}

/// Takes whole lines.
impl Write for File {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        let length = lines.len() as u64;
        if length > self.left {
            // It goes on as it is.
            let _ = self.turn();
        }
        self.file.write_all(lines)?;
        self.left = self.left.saturating_sub(length);
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let names = fs::read_dir(directory).unwrap();
        let mut names: Vec<_> = names
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn the_last_lines_are_there_in_so_many_files_of_such_a_length_and_each_line_in_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("proxy.log");
        let mut file = File::open_with(&path, 100).unwrap();
        for number in 0..200 {
            file.write_all(format!("line {number:04}\n").as_bytes())
                .unwrap();
            if number == 100 {
                // A new process goes on with it.
                file = File::open_with(&path, 100).unwrap();
            }
        }
        let expected = [
            "proxy.1.log",
            "proxy.2.log",
            "proxy.3.log",
            "proxy.4.log",
            "proxy.5.log",
            "proxy.log",
        ];
        assert_eq!(names(directory.path()), expected);
        let mut log = String::new();
        for number in (0..=OLDER).rev() {
            let part = fs::read_to_string(file.older(number)).unwrap();
            assert!(part.len() <= 100 && part.ends_with('\n'), "{part}");
            log.push_str(&part);
        }
        let first = log.lines().next().unwrap()[5..].parse::<u32>().unwrap();
        let lines: Vec<_> = (first..200)
            .map(|number| format!("line {number:04}"))
            .collect();
        assert_eq!(log.lines().collect::<Vec<_>>(), lines);
        assert!(lines.len() >= 50, "{log}");
    }

    #[test]
    fn a_file_that_cannot_be_named_anew_goes_on_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("proxy.log");
        let mut file = File::open_with(&path, 16).unwrap();
        // No name is free.
        let taken: Vec<_> = (1..=OLDER).map(|number| file.older(number)).collect();
        for name in &taken {
            fs::create_dir_all(name.join("full")).unwrap();
        }
        for _ in 0..10 {
            file.write_all(b"eight...").unwrap();
        }
        assert_eq!(fs::metadata(&path).unwrap().len(), 80);
        for name in &taken {
            fs::remove_dir_all(name).unwrap();
        }
        for _ in 0..3 {
            file.write_all(b"eight...").unwrap();
        }
        assert!(fs::metadata(&path).unwrap().len() <= 16);
    }
}

//! What is wrong with a configuration, all of it at once, and where.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use super::watched::Files;

/// Where a value was written: a line of a file, an argument, an environment variable.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot {
    /// The file, `argument 1`, `--log-level` or the variable's name; empty when the trouble is an absence.
    source: Arc<str>,
    /// Counted from one; `None` for what has no lines.
    line: Option<usize>,
}

impl Spot {
    pub(super) fn named(source: &str) -> Self {
        Self {
            source: source.into(),
            line: None,
        }
    }

    pub(super) fn line(source: &Arc<str>, line: usize) -> Self {
        Self {
            source: Arc::clone(source),
            line: Some(line),
        }
    }

    /// For what was written nowhere at all.
    pub(super) fn nowhere() -> Self {
        Self::named("")
    }
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.source),
            None => f.write_str(&self.source),
        }
    }
}

/// A value and where it was written.
#[derive(Debug, Clone)]
pub(super) struct Written<T> {
    pub(super) value: T,
    pub(super) spot: Spot,
}

/// Says that a [`Problem`] has been reported, so that nobody reports what merely follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reported;

/// A value, or word that its trouble has been reported.
pub(super) type Checked<T> = Result<T, Reported>;

/// One thing that is wrong: place, what it belongs to, key, and what is accepted instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    spot: Spot,
    context: String,
    text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.spot.source.is_empty() {
            write!(f, "{}: ", self.spot)?;
        }
        if !self.context.is_empty() {
            write!(f, "{}: ", self.context)?;
        }
        f.write_str(&self.text)
    }
}

/// Everything that is wrong with a configuration; never empty. `Display` prints one problem per line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    problems: Vec<Problem>,
    files: Files,
}

impl Problems {
    /// In the order of files and lines.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter()
    }

    /// What was read before this was known: what to look at for the day when somebody has mended it.
    pub fn files(&self) -> &Files {
        &self.files
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// Collects problems and warnings while a configuration is read.
#[derive(Debug, Default)]
pub(super) struct Findings {
    problems: RefCell<Vec<Problem>>,
    warnings: RefCell<Vec<String>>,
    files: RefCell<Files>,
}

impl Findings {
    pub(super) fn problem(&self, spot: &Spot, context: &str, text: impl Into<String>) -> Reported {
        let problem = Problem {
            spot: spot.clone(),
            context: context.to_owned(),
            text: text.into(),
        };
        let mut problems = self.problems.borrow_mut();
        if !problems.contains(&problem) {
            problems.push(problem);
        }
        Reported
    }

    pub(super) fn warn(&self, spot: &Spot, context: &str, text: impl Into<String>) {
        let warning = Problem {
            spot: spot.clone(),
            context: context.to_owned(),
            text: text.into(),
        };
        self.warnings.borrow_mut().push(warning.to_string());
    }

    /// What was read so far.
    pub(super) fn files(&self) -> &RefCell<Files> {
        &self.files
    }

    /// The warnings, when nothing is wrong, and what was read.
    pub(super) fn finish(self) -> Result<(Vec<String>, Files), Problems> {
        let mut problems = self.problems.into_inner();
        let files = self.files.into_inner();
        if problems.is_empty() {
            return Ok((self.warnings.into_inner(), files));
        }
        problems.sort_by(|a, b| a.spot.cmp(&b.spot));
        Err(Problems { problems, files })
    }
}

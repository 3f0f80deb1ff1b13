//! Whose a file is.
//!
//! ```text
//!                    unix: owner and mode               Windows: the list of those who are given rights
//!   found, not named    nobody but root and we may have written it, or can replace it
//!   of passwords        nobody else may have read it, either
//!   names a program     nobody else may write it
//! ```
//!
//! # Invariants
//!
//! * A configuration that nobody has named is read only where nobody but root (or administrators) and our own user can have put it.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::path::Path;

#[cfg(unix)]
pub(super) use unix::{open_to_others, why_not_a_secret, why_not_ours};
#[cfg(windows)]
pub(super) use windows::{open_to_others, why_not_a_secret, why_not_ours};

/// Others than its owner may write a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OpenToOthers {
    /// A sentence with its name and theirs.
    pub(super) why: String,
    /// What to type.
    pub(super) remedy: String,
}

/// The directory that a file is in.
fn around(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

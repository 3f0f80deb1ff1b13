//! What the program prints besides its log.

use std::io::{self, Write as _};

/// A line for standard output. A reader that has gone is no reason to fail.
pub(crate) fn say(text: &str) {
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// A line for standard error.
pub(crate) fn tell(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

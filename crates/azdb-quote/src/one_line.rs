//! Text that may repeat what others have sent, made fit for a log line or an app's error.

use core::fmt::{self, Write as _};

use crate::harmless::Harmless;

/// What somebody else wrote in words that may repeat a peer's: a library's error, a panic's payload.
///
/// Shown as it is but for what could do harm: line breaks, other control characters and marks that reorder text are escaped,
/// tokens replaced, and at most [`LIMIT`](OneLine::LIMIT) bytes are shown. What has come through once comes through again as
/// it is.
///
/// ```
/// use azdb_quote::OneLine;
///
/// assert_eq!(OneLine("ann\nERROR eyJ0eXAi.e30.c2ln").to_string(), r"ann\nERROR [token]");
/// ```
pub struct OneLine<T>(pub T);

impl OneLine<()> {
    /// Bytes that are shown; the rest is an ellipsis.
    pub const LIMIT: usize = 2048;
}

impl<T: fmt::Display> fmt::Display for OneLine<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = Harmless::new(f, OneLine::LIMIT);
        write!(shown, "{}", self.0)?;
        shown.finish()
    }
}

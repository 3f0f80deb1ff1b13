//! The worker thread's buffer of ciphertext.

use std::cell::Cell;

use super::MOST_INCOMPLETE;

/// Most plaintext that one write takes: four records of the largest size.
pub(super) const MOST_WRITTEN: usize = 64 * 1024;

/// Most bytes that a receive ends at, with the partial record before it.
pub(super) const MOST_RECEIVED: usize = MOST_INCOMPLETE;

/// Room for ciphertext of [`MOST_WRITTEN`] bytes, in records of any size that is worth a write.
const LENGTH: usize = MOST_WRITTEN + 2 * 1024;

thread_local! {
    /// It holds bytes of whichever session used it last, in the clear, too.
    static SCRATCH: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
}

/// Lends the buffer for one synchronous piece of work. TLS within TLS gets one of its own.
pub(super) fn with<T>(work: impl FnOnce(&mut [u8]) -> T) -> T {
    let fresh = || vec![0; LENGTH].into_boxed_slice();
    let mut scratch = SCRATCH.take().unwrap_or_else(fresh);
    let outcome = work(&mut scratch);
    SCRATCH.set(Some(scratch));
    outcome
}

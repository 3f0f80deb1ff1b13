//! The crate as its users see it.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod endpoint;
mod process;
mod tokens;

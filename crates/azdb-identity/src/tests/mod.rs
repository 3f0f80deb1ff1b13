//! The keeper of a token against sources that play a script, on a paused clock.

#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod catalogue;
mod keeping;
mod mended;
mod scripted;
mod simulated_day;

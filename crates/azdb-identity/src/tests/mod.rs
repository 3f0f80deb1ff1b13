//! The keeper of a token against sources that play a script, on a paused clock.

mod keeping;
mod mended;
mod scripted;
mod simulated_day;

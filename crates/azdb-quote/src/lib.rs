//! Text of others on its way into our log lines and errors.
//!
//! | who speaks | through |
//! |---|---|
//! | a peer: a name, a reason | [`Quoted`] |
//! | a library, a panic: words that may repeat a peer's | [`OneLine`] |
//! | an error with its sources | [`Chain`] |
//! | a clock | [`Spelled`] |
//!
//! The first three write through one writer, which is all that keeps such text from doing harm.

#![no_std]

extern crate alloc;

mod chain;
mod harmless;
mod one_line;
mod quoted;
mod spelled;

pub use chain::Chain;
pub use one_line::OneLine;
pub use quoted::Quoted;
pub use spelled::Spelled;

//! Text of others on its way into our log lines and errors.
//!
//! Every crate of the workspace prints what a peer said through [`Quoted`], and an error with its sources through [`Chain`].

#![no_std]

#[cfg(test)]
extern crate alloc;

mod chain;
mod quoted;

pub use chain::Chain;
pub use quoted::Quoted;

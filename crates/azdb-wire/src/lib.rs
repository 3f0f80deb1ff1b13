//! Bytes to values and back: what the proxy must understand of the protocols it speaks.
//!
//! This crate knows the messages of a login and, after it, only where messages begin. It does no I/O, reads no clock, draws
//! no random numbers and logs nothing; `no_std` lets the compiler prove that. Input is always a slice that the caller has
//! bounded; parsers borrow from it and encoders append to a `Vec<u8>` of the caller's, so that a caller who holds secrets
//! decides where their copies live.
//!
//! Each protocol is a room, and rooms have the same files where they do the same job: `frame` (where a message begins and
//! ends), `hello` (what is said before anybody says who they are), `login`, `auth` (what the server answers to it), `notice`
//! (the error that a person reads) and `watch` (what is followed afterwards). `reader` and `scanner` are what they share: fields
//! off the front of a message, and frames out of a stream that reads have cut anywhere.
//!
//! # Invariants
//!
//! * No input makes a parser panic; every error is a value.
//! * No parser reads past the message it was given.
//! * No text of a peer is made into a `str` unless it is one; [`Quoted`](azdb_quote::Quoted) is how it reaches people.
#![no_std]
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

extern crate alloc;

pub mod mysql;
pub mod postgres;
mod reader;
mod scanner;
pub mod tds;
#[cfg(test)]
mod tests;

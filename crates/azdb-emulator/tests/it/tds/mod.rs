//! The TDS server, before a client made of bytes and before tiberius.

mod client;
mod login;
mod responses;
mod strict;
mod with_tiberius;

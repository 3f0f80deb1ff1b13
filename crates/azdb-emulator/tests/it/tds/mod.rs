//! The TDS server.

mod behind;
mod client;
mod login;
mod resets;
mod responses;
mod sample;
mod strict;
mod versions;

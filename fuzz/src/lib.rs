//! What fuzzers feed. Each module has one `run`, which takes any bytes and panics on what must not be.
//!
//! `scripts/fuzz` lets a fuzzer choose the bytes; the test `replay` of `azdb-tests` compiles these files, too, and gives them
//! what is kept in `corpus`: the seeds, and whatever was found once.

pub mod answers;
pub mod codecs;
pub mod configuration;
pub mod envelopes;
mod house;
pub mod http;
pub mod logins;
pub mod records;
mod script;
pub mod tls;
pub mod translations;
pub mod watches;

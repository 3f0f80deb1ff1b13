//! Databases and apps that mean harm. What they say is written here byte by byte, from the protocols' documentation and not with
//! the codecs of the proxy.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod answers;
mod apps;
mod databases;
mod echoes;
mod endless;
mod envelopes;
mod logins;
mod words;

//! The emulator as its users see it: over HTTP, TLS, the PostgreSQL protocol and TDS.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

mod cancel;
mod catalog;
mod copy;
mod errors;
mod identity;
mod login;
mod raw;
mod sql;
mod support;
mod tds;
mod transactions;
mod types;

//! The emulator as its users see it: over HTTP, TLS, the protocols of PostgreSQL and MySQL, and TDS.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

mod identity;
mod login;
mod mysql;
mod postgres_sample;
mod support;
mod tds;

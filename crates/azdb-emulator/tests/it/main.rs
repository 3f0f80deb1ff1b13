//! The emulator as its users see it: over HTTP, TLS and the PostgreSQL protocol.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

mod identity;
mod login;
mod support;

//! What people and apps see of `azdb-proxy` on Windows, as far as Wine shows it. `scripts/windows` runs these tests, and sets `AZDB_BIN` to a directory whose
//! `azdb-proxy` is the program for Windows.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may fail loudly, and says what it did not run"
)]

mod commands;
mod console;
mod files;
mod pipes;
mod service;
mod store;
mod wine;

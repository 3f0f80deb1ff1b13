//! What apps, databases and people see of `azdb-proxy`. A module per subject; test names are sentences.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may fail loudly"
)]

mod cancel;
mod drivers;
mod first_packets;
mod pgbench;
mod psql;
mod replication;

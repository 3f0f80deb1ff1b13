//! What apps, databases and people see of `azdb-proxy`. A module per subject; test names are sentences.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may fail loudly"
)]

mod psql;

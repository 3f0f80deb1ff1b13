//! The stream against its specification, and against tokio-rustls.
//!
//! ```text
//!   test ──── Forge ── records ── Wire ── stream under test ──── test
//! ```

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod acts;
mod ends;
mod forge;
mod handshakes;
mod lines;
mod neighbours;
mod play;
mod pressure;
mod setup;
mod subject;
mod wire;

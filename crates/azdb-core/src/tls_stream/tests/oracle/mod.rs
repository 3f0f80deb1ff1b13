//! The stream against its specification, and against tokio-rustls.
//!
//! ```text
//!   test ──── Forge ── records ── Wire ── stream under test ──── test
//!             by the book,        cuts,
//!             or against it       waits
//! ```
//!
//! * `play`, `handshakes`: whatever the cuts, the same data, end, error and alerts as the oracle's.
//! * `ends`: each direction ends by itself, and nothing is said or heard behind its end.
//! * `pressure`: what is held for whoever does not read or does not stop.
//! * `neighbours`: sessions of one thread never see each other's bytes.

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

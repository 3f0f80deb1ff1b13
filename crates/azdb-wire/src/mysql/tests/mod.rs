//! One file for each file of the room.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "a test may fail loudly"
)]

mod auth;
mod capabilities;
mod change_user;
mod envelope;
mod frame;
mod hello;
mod login;
mod notice;
mod numbers;
mod turn;
mod watch;
mod watch_model;

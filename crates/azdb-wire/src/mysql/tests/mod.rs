//! One file for each file of the room.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "a test may fail loudly"
)]

mod answers;
mod attributes;
mod auth;
mod capabilities;
mod change_user;
mod envelope;
mod exchange;
mod exchange_model;
mod frame;
mod hello;
mod likeness;
mod login;
mod notice;
mod numbers;
mod reset;
mod watch;
mod watch_model;

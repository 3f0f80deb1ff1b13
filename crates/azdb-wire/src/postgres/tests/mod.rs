//! One file for each file of the room.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may fail loudly"
)]

mod app_password;
mod auth;
mod frame;
mod hello;
mod login;
mod notice;
mod reports;
mod watch;
mod watch_model;

//! What `azdb-proxy` needs of Windows and no library offers without unsafe code. Empty elsewhere.
//!
//! ```text
//!   acl         who but its owner and administrators may read or write a file
//!   event_log   messages for the Event Log, and its source in the registry
//!   job         a program and all that it starts, to be ended together
//!   pipe        named pipes: who may open one, and who has
//!   sddl        who owns a directory, and may do what with it
//!   service     the entry that the service manager calls
//!   socket      a port that no other program takes over
//!   store       certificates that people and machines trust
//! ```
//!
//! # Invariants
//!
//! * Unsafe code is here alone, one call to Windows in each block, with the reason why it is sound. What comes back is owned and checked.
#![cfg(windows)]

pub mod acl;
pub mod event_log;
pub mod job;
pub mod pipe;
pub mod sddl;
pub mod service;
pub mod socket;
pub mod store;

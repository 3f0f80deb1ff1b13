//! A PostgreSQL server in the manner of Azure Database for PostgreSQL, flexible server.
//!
//! ```text
//!   client                                          server
//!    | GSSENCRequest                          ----> |
//!    | <------------------------------------- 'N'   |
//!    | SSLRequest                             ----> |
//!    | <------------------------------------- 'S'   |
//!    | =================== TLS ==================== |   or TLS at once, with ALPN `postgresql`
//!    | StartupMessage                         ----> |
//!    | <--------- NegotiateProtocolVersion, if newer |
//!    | <----------------- AuthenticationCleartext   |   role mapped to an Entra principal
//!    | PasswordMessage (the token)            ----> |
//!    | <--- Ok, ParameterStatus.., Key, Ready       |
//!    | <== a server behind, or the sample ========> |
//! ```
//!
//! First packets, TLS and login are read here, over the bare stream; `pgwire`'s codec takes over
//! after login, for the sample. The reasons: `pgwire` 0.42 caps a password message at 10,000 bytes
//! where PostgreSQL allows 65,535 (tokens with many groups are larger than the former), its TLS
//! negotiation hands bytes that were sent in plaintext to the encrypted session (the class of
//! CVE-2021-23214), and its decoder may panic on malformed messages of a stranger.
//!
//! # Invariants
//!
//! * No session without TLS; the refusal has Azure's words.
//! * No session without a token of this server's issuer, for its audience, not expired, whose `oid`
//!   is the one that the role is mapped to.
//! * A role that is not mapped gets a SCRAM challenge that no password solves, as a stranger to
//!   PostgreSQL does.
//! * Bytes sent in plaintext behind an SSLRequest never reach the session.

mod behind;
mod login;
mod opening;
mod record;
mod server;
mod session;
mod sessions;
mod wire;

pub use record::{LoginRecord, Refusal};
pub use server::{Postgres, PostgresOptions, PostgresServer};

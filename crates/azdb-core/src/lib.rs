//! The library of `azdb-proxy`: a TCP proxy that lets apps in by local trust and logs in upstream with tokens of Microsoft Entra.
//!
//! ```text
//!   server      every door open ... the end of the drain
//!   listener    one door: accept, admit
//!   session     one connection: login, relay, log line
//!   lobby       what the logins of a route share: tokens, permits, TLS
//!   postgres    its login conversation
//!   mysql       its login conversation, and the login within a session
//!   tds         SQL Server's login conversation
//!   upstream    dialling; which ways may carry a token
//!   tls         certificates on both sides
//!   admin       health, metrics and status over HTTP
//!   relay       bytes one way and bytes the other
//! ```
//!
//! The two sides are called **app** and **upstream**, everywhere.

mod admin;
mod counters;
mod deadline;
mod error;
mod io;
mod listener;
mod lobby;
mod mysql;
mod parting;
mod postgres;
mod relay;
mod server;
mod session;
mod socket;
mod tds;
mod tls;
mod upstream;

pub use error::LoginError;
pub use server::{Drained, Server, StartError};
pub use tds::TdsError;
pub use tls::{LocalAuthority, LocalTlsError, TlsConfigError, platform_client};

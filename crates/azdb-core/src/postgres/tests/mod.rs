//! The login conversation on pipes, with a paused clock.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may fail loudly"
)]

mod app_passwords;
mod cancels;
mod database;
mod echoes;
mod first_packets;
mod holds;
mod kept;
mod logins;
mod notices;
mod passwords;
mod refusals;
mod sealed;
mod spoken;
mod tokens;
mod visit;

use std::sync::Arc;

use azdb_config::route::{
    Endpoint, LocalTls, Principal, Principals, ProtocolName, Route, UpstreamAuth, UpstreamTls,
};
use azdb_identity::IdentityConfig;
use azdb_wire::postgres::SSL_REQUEST;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::*;
use crate::fault::{Cause, Left};
use crate::rig::{Databases, LOGIN_TIMEOUT, TOKEN, in_time, was_told, write_token};
use crate::tls;

use database::{Database, KEY, ask, expect_ssl_request, first_to_speak, message, welcome};
use visit::{error_fields, grant, startup, versioned_startup, visited};

const HOST: &str = "db.example.org";

type House = crate::rig::House<Postgres>;

impl House {
    /// A route in token mode to a database with a certificate of its own.
    fn new() -> Self {
        Self::of(|_| {})
    }

    fn of(change: impl FnOnce(&mut Route)) -> Self {
        Self::spoken(change)
    }
}

//! The login conversation on pipes, with TLS on both legs and a paused clock.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may fail loudly"
)]

mod app_passwords;
mod database;
mod drivers;
mod echoes;
mod first_packets;
mod holds;
mod kept;
mod logins;
mod mars;
mod nonsense;
mod notices;
mod old_logins;
mod old_versions;
mod passwords;
mod principals;
mod records;
mod refusals;
mod routes;
mod sealed;
mod spoken;
mod tokens;
mod visit;

use std::sync::Arc;
use std::time::Duration;

use azdb_config::route::{
    Endpoint, Principal, Principals, ProtocolName, Route, UpstreamAuth, UpstreamTls,
};
use azdb_identity::Audience;
use azdb_wire::tds::{LoginAnswer, push_utf16};
use rustls::ServerConfig;
use tokio::io::{DuplexStream, duplex};
use tokio::time::Instant;

use super::packets::InPrelogin;
use super::*;
use crate::lobby::Session;
use crate::relay::{Paired, Watch as _};
use crate::rig::{self, Databases, LOGIN_TIMEOUT, TOKEN, in_time, was_told, write_token};
use crate::tls::{self, LocalAuthority, TlsEnd};
use crate::way::{MaybeTls, in_packets};

const HOST: &str = "orders.database.windows.net";
const WORKER: &str = "db1.tr1.europe1-a.worker.database.windows.net";

type House = crate::rig::House<Tds>;

impl House {
    /// A route in token mode to a database with a certificate of its own.
    fn new() -> Self {
        Self::of(|_| {})
    }

    fn of(change: impl FnOnce(&mut Route)) -> Self {
        Self::spoken(|route| {
            route.name = "orders".into();
            change(route);
        })
    }
}

fn utf16(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    push_utf16(text, &mut out);
    out
}

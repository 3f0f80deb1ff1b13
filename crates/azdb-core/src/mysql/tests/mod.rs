//! The login conversation on pipes, with a paused clock.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may fail loudly"
)]

mod any_envelopes;
mod app_passwords;
mod change_user;
mod compression;
mod crowds;
mod database;
mod echoes;
mod envelopes;
mod first_packets;
mod greetings;
mod holds;
mod logins;
mod notices;
mod passwords;
mod places;
mod probes;
mod ready;
mod refusals;
mod resets;
mod reuse;
mod sealed;
mod spares;
mod spoken;
mod tokens;
mod visit;

use std::net::SocketAddr;
use std::sync::Arc;

use azdb_config::route::{LocalFiles, ProtocolName, Route, UpstreamAuth};
use azdb_quote::Quoted;
use azdb_wire::mysql::{ErrorPacket, Greeting, Header, Response, encode_switch, plugin};
use tokio::io::{DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::compression::Method;
use super::*;
use crate::ending::Ending;
use crate::rig::{Databases, House, PRINCIPAL, Pipes, TOKEN, in_time};
use crate::session;
use crate::socket::Peer as Caller;

use database::{CAPABILITIES, OK, Peer, SALT, assert_remarked, greeting, refusal, sealed};
use visit::{
    App, Door, app_response, app_response_with_tls, asked, is_the_next_apps, parsed, response,
    session_with,
};

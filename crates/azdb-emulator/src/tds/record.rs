//! What tests tell the server to do at login, and what it tells them.

use std::io;

use super::login7::Login7;
use super::token::Refusal;
use super::wire::TlsFacts;

/// What a client did that Azure does not forgive: the connection ends without a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// A TLS record that holds more or less than exactly one TDS or SMP packet.
    #[error("a TLS record does not hold exactly one packet")]
    RecordNotOnePacket,
    /// A packet of LOGIN7 over 4096 bytes.
    #[error("a packet of LOGIN7 is longer than 4096 bytes")]
    LoginPacketTooLong,
    /// A packet of a request that is not the last one and shorter than the agreed size, or any that
    /// is longer.
    #[error("a packet of a request has not the agreed size")]
    PacketSize,
    /// LOGIN7 in the clear.
    #[error("no encryption")]
    NoEncryption,
    /// FEDAUTH's echo bit is not what PRELOGIN said.
    #[error("the echo of FEDAUTHREQUIRED is wrong")]
    WrongEcho,
    /// A user, a password, or a wish to change it, beside a token.
    #[error("a user or a password beside a token")]
    CredentialsBesideToken,
    /// Integrated security beside a token.
    #[error("integrated security beside a token")]
    IntegratedSecurity,
    /// A TDS version that this server does not speak.
    #[error("TDS version {0:#010x}")]
    TdsVersion(u32),
    /// A message type that can't come now.
    #[error("unexpected message type {0:#04x}")]
    UnexpectedMessage(u8),
    /// Bytes that mean nothing.
    #[error("malformed: {0}")]
    Malformed(&'static str),
}

impl From<Violation> for io::Error {
    fn from(violation: Violation) -> Self {
        Self::new(io::ErrorKind::InvalidData, violation)
    }
}

impl Violation {
    /// The violation behind an I/O error, if it is one.
    pub(super) fn behind(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }
}

/// Where a login is sent instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Host, also `host\\instance`.
    pub host: String,
    /// Port.
    pub port: u16,
    /// LOGINACK and FEATUREEXTACK come before it, as the specification wants; Azure also sends it
    /// without them.
    pub with_ack: bool,
}

impl Route {
    /// A route with LOGINACK.
    #[must_use]
    pub fn to(host: &str, port: u16) -> Self {
        Self {
            host: host.to_owned(),
            port,
            with_ack: true,
        }
    }
}

/// What happens to a login that has passed all checks, or before them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginScript {
    /// Refused, whatever it is.
    Refuse(Refusal),
    /// Sent elsewhere, if it is good.
    Route(Route),
    /// Closed without a word after LOGIN7.
    Drop,
}

/// What became of a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Let in.
    Admitted,
    /// Sent elsewhere.
    Routed(Route),
    /// Told why not.
    Refused(Refusal),
    /// Closed without a word.
    Dropped,
    /// Ended for what it did.
    Violated(Violation),
}

/// A login as the server saw it. No part of a token or a password is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginRecord {
    /// Its TLS, if it had any.
    pub tls: Option<TlsFacts>,
    /// TDS version as in LOGIN7, for example 0x74000004.
    pub tds_version: u32,
    /// User, empty beside a token.
    pub user: String,
    /// Server that it wants.
    pub server: String,
    /// Length of the token in characters, if one came.
    pub token_chars: Option<usize>,
    /// Length of the longest packet of LOGIN7, header included.
    pub longest_packet: usize,
    /// What became of it.
    pub verdict: Verdict,
}

impl LoginRecord {
    pub(super) fn new(tls: Option<TlsFacts>, login: &Login7, longest_packet: usize) -> Self {
        Self {
            tls,
            tds_version: login.tds_version,
            user: login.user.clone(),
            server: login.server.clone(),
            token_chars: None,
            longest_packet,
            verdict: Verdict::Dropped,
        }
    }
}

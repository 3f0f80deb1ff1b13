//! Why a login did not come to pass.
//!
//! Each level says its own part; [`Chain`](azdb_quote::Chain) prints them all. What an app reads is decided elsewhere, by hand and per protocol
//! (`postgres::notice`): there is no `From<LoginError>` for it.

use std::io;
use std::time::Duration;

use azdb_identity::{Audience, TokenError};
use azdb_quote::Quoted;
use azdb_wire::postgres::{FirstError, MessageError, SecretTooLong, Version};

use azdb_config::route::Endpoint;

/// Why an app was not let in.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The app spoke something else, or broke the rules of what it spoke.
    #[error("the app's first packet is not one of PostgreSQL")]
    AppPacket(#[from] FirstError),

    /// The app sent a packet that is none of a MySQL login.
    #[error("the app sent a bad packet")]
    AppMysqlPacket(#[source] azdb_wire::mysql::PacketError),

    /// The app speaks MySQL's protocol from before 4.1.
    #[error("the app speaks the protocol from before MySQL 4.1")]
    AppTooOld,

    /// Bytes in the clear lay behind the app's request for TLS (CVE-2021-23214).
    #[error("{0} bytes in the clear behind the app's request for TLS")]
    AppStuffedBytes(usize),

    /// The app's TLS handshake did not succeed.
    #[error("no TLS with the app")]
    AppTls(#[source] io::Error),

    /// The app's connection broke, or closed before it had said who it is.
    #[error("the app left during the login")]
    AppLeft(#[source] io::Error),

    /// The app speaks another major version of the protocol.
    #[error("protocol version {0}")]
    AppVersion(Version),

    /// The app named no user.
    #[error("the app named no user")]
    NoUser,

    /// `user_map` does not list the app's user.
    #[error("user {} is not in user_map", Quoted(.user))]
    UnknownUser {
        /// As the app gave it.
        user: Vec<u8>,
    },

    /// Every session of the route is taken.
    #[error("all {limit} connections of the route are taken")]
    TooMany {
        /// `max_connections`.
        limit: usize,
    },

    /// The proxy is draining.
    #[error("the proxy is shutting down")]
    ShuttingDown,

    /// The identity source would not, or could not, give a token.
    #[error("no token for audience `{audience}`")]
    Token {
        /// What the token was to be good for.
        audience: Audience,
        /// What the source said.
        #[source]
        source: TokenError,
    },

    /// The upstream's name did not become an address.
    #[error("cannot resolve `{host}`")]
    Resolve {
        /// The name.
        host: String,
        /// What the resolver said.
        #[source]
        source: io::Error,
    },

    /// No address of the upstream took the connection.
    #[error("cannot connect to `{upstream}`")]
    Connect {
        /// Where to.
        upstream: Endpoint,
        /// What the last address answered.
        #[source]
        source: io::Error,
    },

    /// The upstream is one of our own listeners.
    #[error("upstream `{upstream}` is a listener of this proxy")]
    Loop {
        /// Where to.
        upstream: Endpoint,
    },

    /// The upstream does not speak TLS.
    #[error("`{host}` does not speak TLS")]
    NoTls {
        /// Whom we asked.
        host: String,
    },

    /// The upstream's answer to the request for TLS was none.
    #[error("`{host}` answered the request for TLS with {}", Quoted(.answer))]
    TlsAnswer {
        /// Whom we asked.
        host: String,
        /// What came; nothing vouches for it (CVE-2024-10977).
        answer: Vec<u8>,
    },

    /// Bytes in the clear came with the upstream's "yes" to TLS (CVE-2021-23222).
    #[error("{count} bytes in the clear behind `{host}`'s answer to the request for TLS")]
    UpstreamStuffedBytes {
        /// Whom we asked.
        host: String,
        /// How many.
        count: usize,
    },

    /// The handshake did not succeed, or the certificate did not stand up. Nothing secret was sent.
    #[error("cannot trust upstream `{host}`")]
    Tls {
        /// Whom we asked for.
        host: String,
        /// What rustls says.
        #[source]
        source: io::Error,
    },

    /// A token must not go where nobody has verified the name.
    #[error("the way to `{host}` is not verified, the token was not sent")]
    NotSealed {
        /// Where the way leads.
        host: String,
    },

    /// The upstream wants a proof that a token can't give: for it the user is one with a password.
    #[error("upstream asked user {} for: {asked}", Quoted(.user.as_bytes()))]
    Challenge {
        /// The principal.
        user: String,
        /// In words.
        asked: &'static str,
    },

    /// The password exchange with a development server went wrong.
    #[error("password exchange with the upstream")]
    Password(#[source] io::Error),

    /// No random bytes from the system.
    #[error("no random bytes")]
    NoRandomness,

    /// The secret is longer than is sent.
    #[error(
        "secret of {bytes} bytes, the most is {}",
        azdb_wire::mysql::MAX_SECRET
    )]
    TokenTooLong {
        /// Its length.
        bytes: usize,
    },

    /// The secret is longer than the server reads.
    #[error("cannot send the secret")]
    SecretTooLong(#[from] SecretTooLong),

    /// The upstream refused, in its own words.
    #[error("upstream refused: {}", Quoted(.message))]
    Refused {
        /// The text of its error.
        message: Vec<u8>,
        /// Its ErrorResponse without tag and length, or its ERR packet's payload.
        body: Vec<u8>,
    },

    /// The upstream refused where it should have greeted. Nothing vouches for its words.
    #[error("upstream refused the connection with error {code}: {}", Quoted(.message))]
    RefusedAtOnce {
        /// The number of its error.
        code: u16,
        /// The text of its error.
        message: Vec<u8>,
    },

    /// The upstream refused the user without asking for a token, as it does for users with a password and for unknown ones.
    #[error("upstream refused user {} without asking for a token: {}", Quoted(.user.as_bytes()), Quoted(.message))]
    NotEntra {
        /// The principal.
        user: String,
        /// The text of its error.
        message: Vec<u8>,
        /// Its ERR packet.
        body: Vec<u8>,
    },

    /// The upstream broke the rules of the protocol.
    #[error("upstream sent {what}")]
    UpstreamPacket {
        /// In words.
        what: &'static str,
    },

    /// The upstream sent a message that is none.
    #[error("upstream sent a bad message")]
    UpstreamMessage(#[from] MessageError),

    /// The upstream sent a packet that is none of a MySQL login.
    #[error("upstream sent a bad packet")]
    UpstreamMysqlPacket(#[source] azdb_wire::mysql::PacketError),

    /// The upstream's connection broke during the login.
    #[error("lost the upstream while {doing}")]
    UpstreamLost {
        /// What we were doing.
        doing: &'static str,
        /// What the socket reported.
        #[source]
        source: io::Error,
    },

    /// A step of SQL Server's protocol went wrong.
    #[error(transparent)]
    Tds(#[from] crate::tds::TdsError),

    /// Time ran out.
    #[error("no progress for {limit:?} while {doing}")]
    Deadline {
        /// The step that took too long.
        doing: &'static str,
        /// `login_timeout`.
        limit: Duration,
    },
}

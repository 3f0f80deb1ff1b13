//! The login conversation on pipes, with a paused clock.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may fail loudly"
)]

mod cancels;
mod first_packets;
mod logins;
mod notices;
mod passwords;
mod refusals;
mod sealed;
mod spoken;
mod tokens;

use std::sync::Arc;

use azdb_config::route::{
    Endpoint, LocalTls, Principal, Principals, ProtocolName, Route, UpstreamAuth, UpstreamTls,
};
use azdb_identity::IdentityConfig;
use azdb_wire::postgres::{First, SSL_REQUEST, first_length};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::*;
use crate::fault::{Cause, Left};
use crate::rig::{Databases, LOGIN_TIMEOUT, TOKEN, was_told, write_token};
use crate::tls;

const HOST: &str = "db.example.org";
pub(super) const KEY: &[u8; 8] = b"pid.key.";

type House = crate::rig::House<Postgres>;

impl House {
    /// A route in token mode to a database with a certificate of its own.
    fn new() -> Self {
        Self::of(|_| {})
    }

    fn of(change: impl FnOnce(&mut Route)) -> Self {
        Self::with(ProtocolName::Postgres, &[HOST], change)
    }

    /// An app that has just connected.
    fn app(self) -> Visit {
        let (app, socket) = duplex(64 * 1024);
        let Self {
            lobby,
            databases,
            server,
            token_file,
            ..
        } = self;
        let login = tokio::spawn(async move { Postgres::login(socket, &lobby).await });
        Visit {
            app,
            databases,
            acceptor: TlsAcceptor::from(server),
            login,
            _token_file: token_file,
        }
    }
}

type Outcome = Result<Login<Postgres, DuplexStream, DuplexStream>, NotIn<PostgresFault>>;

/// One app's login under way.
pub(super) struct Visit {
    pub(super) app: DuplexStream,
    databases: Databases,
    acceptor: TlsAcceptor,
    login: JoinHandle<Outcome>,
    _token_file: tempfile::NamedTempFile,
}

impl Visit {
    pub(super) async fn say(&mut self, bytes: &[u8]) {
        self.app.write_all(bytes).await.unwrap();
    }

    pub(super) async fn hear<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.app.read_exact(&mut bytes).await.unwrap();
        bytes
    }

    /// Everything up to the end of the connection.
    pub(super) async fn hear_out(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.app.read_to_end(&mut bytes).await.unwrap();
        bytes
    }

    /// The connection that the proxy makes to the database.
    pub(super) async fn dialled(&mut self) -> DuplexStream {
        self.databases.recv().await.expect("a dial").0
    }

    /// A database that has agreed to TLS.
    pub(super) async fn database(&mut self) -> Database<TlsStream<DuplexStream>> {
        let mut stream = self.dialled().await;
        expect_ssl_request(&mut stream).await;
        stream.write_all(b"S").await.unwrap();
        Database(
            self.acceptor
                .accept(stream)
                .await
                .expect("TLS with the proxy"),
        )
    }

    pub(super) fn nobody_dialled(&mut self) -> bool {
        self.databases.try_recv().is_err()
    }

    pub(super) async fn outcome(self) -> Outcome {
        self.login.await.expect("no panic")
    }
}

pub(super) async fn expect_ssl_request(stream: &mut DuplexStream) {
    let mut request = [0; 8];
    stream.read_exact(&mut request).await.unwrap();
    assert_eq!(request, SSL_REQUEST);
}

/// The far side of the proxy.
pub(crate) struct Database<S>(pub(super) S);

impl<S: Stream> Database<S> {
    /// Reads the StartupMessage, its parameters as text.
    pub(super) async fn startup(&mut self) -> Vec<(String, String)> {
        let mut packet = vec![0; 4];
        self.0.read_exact(&mut packet).await.unwrap();
        let length = first_length(*packet.first_chunk().unwrap()).unwrap();
        packet.resize(length, 0);
        self.0
            .read_exact(packet.get_mut(4..).unwrap())
            .await
            .unwrap();
        let Ok(First::Startup(startup)) = First::parse(&packet) else {
            unreachable!("not a StartupMessage")
        };
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        startup
            .parameters
            .iter()
            .map(|(name, value)| (text(name), text(value)))
            .collect()
    }

    pub(super) async fn say(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
        self.0.flush().await.unwrap();
    }

    /// Reads the next message's tag and body.
    pub(super) async fn message(&mut self) -> (u8, Vec<u8>) {
        let tag = self.0.read_u8().await.unwrap();
        let length = self.0.read_u32().await.unwrap();
        let mut body = vec![0; length as usize - 4];
        self.0.read_exact(&mut body).await.unwrap();
        (tag, body)
    }

    /// Asks for the password in the clear and checks that it is `token`.
    pub(super) async fn demand(&mut self, token: &str) {
        self.say(&ask(3)).await;
        assert_eq!(
            self.message().await,
            (b'p', [token.as_bytes(), b"\0"].concat())
        );
    }

    /// Says that the login is through.
    pub(super) async fn welcome(&mut self) {
        self.say(&welcome()).await;
    }

    /// Whether the proxy has closed without another byte.
    pub(super) async fn heard_nothing_more(mut self) -> bool {
        let mut rest = Vec::new();
        let _ = self.0.read_to_end(&mut rest).await;
        rest.is_empty()
    }
}

pub(super) fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [&[tag], &length.to_be_bytes()[..], body].concat()
}

/// An authentication request without data.
pub(super) fn ask(kind: u32) -> Vec<u8> {
    message(b'R', &kind.to_be_bytes())
}

/// From "Ok" to ReadyForQuery.
pub(super) fn welcome() -> Vec<u8> {
    let status = message(b'S', b"server_version\x0018\0");
    [ask(0), status, message(b'K', KEY), message(b'Z', b"I")].concat()
}

/// A StartupMessage of protocol 3.0 with these parameters, for example `user\0ann\0`.
pub(super) fn startup(parameters: &[u8]) -> Vec<u8> {
    versioned_startup(3 << 16, parameters)
}

pub(super) fn versioned_startup(version: u32, parameters: &[u8]) -> Vec<u8> {
    let length = u32::try_from(parameters.len() + 9).unwrap();
    [
        &length.to_be_bytes(),
        &version.to_be_bytes()[..],
        parameters,
        b"\0",
    ]
    .concat()
}

/// The fields of the ErrorResponse that `bytes` are.
pub(super) fn error_fields(bytes: &[u8]) -> (String, String, String) {
    use azdb_wire::postgres::{ErrorFields, Next, next_message};
    let Ok(Next::Message {
        tag: b'E',
        body,
        raw,
    }) = next_message(bytes)
    else {
        unreachable!("not an error: {}", azdb_quote::Quoted(bytes))
    };
    assert_eq!(raw.len(), bytes.len(), "nothing behind the error");
    let field = |code| {
        String::from_utf8(ErrorFields::of(body).get(code).unwrap_or_default().to_vec()).unwrap()
    };
    (field(b'C'), field(b'M'), field(b'H'))
}

/// An app that has said whom it wants to be.
pub(super) async fn visited() -> Visit {
    let mut visit = House::new().app();
    visit.say(&startup(b"user\0ann\0")).await;
    visit
}

/// Plays the database's part of a login that succeeds.
pub(super) async fn grant(visit: &mut Visit) -> Vec<(String, String)> {
    let mut database = visit.database().await;
    let parameters = database.startup().await;
    database.demand(TOKEN).await;
    database.welcome().await;
    // The proxy holds its end; the pipe must outlive the login.
    std::mem::forget(database);
    parameters
}

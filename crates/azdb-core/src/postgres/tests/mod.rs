//! The login conversation on pipes, with a paused clock.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may fail loudly"
)]

mod first_packets;
mod refusals;
mod tokens;
mod upstreams;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use azdb_identity::{Audience, Environment, IdentityConfig, SourceKind, Tokens};
use azdb_wire::postgres::{First, SSL_REQUEST, first_length};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::tls::{self, LocalAuthority, UpstreamTlsConfig};
use azdb_config::route::{
    Admission, Endpoint, LocalTls, Principals, ProtocolName, Roots, Route, TdsOptions, UpstreamTls,
};

pub(crate) const TOKEN: &str = "eyJhbGciOiJub25lIn0.c2VjcmV0.c2lnbmF0dXJl";
const HOST: &str = "db.example.org";
const LOGIN_TIMEOUT: Duration = Duration::from_secs(9);
pub(super) const KEY: &[u8; 8] = b"pid.key.";

/// Dials by making a pipe; the test holds the other end.
#[derive(Clone)]
pub(crate) struct Pipes(mpsc::UnboundedSender<DuplexStream>);

impl Dial for Pipes {
    type Stream = DuplexStream;

    async fn dial(&self, target: &Endpoint) -> Result<(DuplexStream, SocketAddr), LoginError> {
        let (near, far) = duplex(64 * 1024);
        self.0.send(far).expect("a database");
        Ok((near, ([127, 0, 0, 1], target.port).into()))
    }
}

/// A route with everything that a test may look at or replace.
pub(crate) struct House {
    pub(crate) lobby: Lobby<Pipes>,
    pub(crate) databases: mpsc::UnboundedReceiver<DuplexStream>,
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) token_file: tempfile::NamedTempFile,
    pub(crate) authority: Arc<LocalAuthority>,
}

impl House {
    /// A route in token mode to a database with a certificate of its own.
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Route)) -> Self {
        let made = rcgen::generate_simple_self_signed([HOST.to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let server = ServerConfig::builder_with_provider(tls::provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let token_file = tempfile::NamedTempFile::new().unwrap();
        write_token(&token_file, TOKEN);

        let identity = IdentityConfig {
            source: SourceKind::File,
            token_file: Some(token_file.path().to_owned()),
            ..IdentityConfig::default()
        };
        let principal = Principal {
            user: "My Identity".into(),
            identity: Arc::new(identity),
        };
        let mut route = Route {
            name: "test".into(),
            protocol: ProtocolName::Postgres,
            listen: Vec::new(),
            upstream: vec![Endpoint {
                host: HOST.into(),
                port: 5432,
            }],
            connect_to: None,
            principals: Principals::One(Arc::new(principal)),
            default_database: None,
            auth: UpstreamAuth::Token(Audience::new("https://example.org")),
            tls: UpstreamTls::Verified {
                roots: Roots::File(vec![made.cert.der().clone()]),
                name: None,
            },
            tls_first: false,
            local_files: azdb_config::route::LocalFiles::Allow,
            local_tls: LocalTls::Auto,
            admission: Admission::default(),
            unix_mode: 0o600,
            max_connections: 10,
            login_timeout: LOGIN_TIMEOUT,
            tds: TdsOptions::default(),
        };
        change(&mut route);
        let authority = Arc::new(LocalAuthority::load_or_make(None).unwrap());
        let (sender, databases) = mpsc::unbounded_channel();
        let lobby = Lobby {
            upstream_tls: UpstreamTlsConfig::of(route.protocol, &route.tls).unwrap(),
            local_tls: tls::server_config(route.protocol, &route.local_tls, || {
                Ok(Arc::clone(&authority))
            })
            .unwrap(),
            wrapped_tls: None,
            tokens: Tokens::new(
                Environment::from_iter(Vec::<(String, String)>::new()),
                tls::platform_client().unwrap(),
            ),
            cancels: Cancels::default(),
            spares: crate::mysql::Spares::default(),
            sessions: Arc::new(Semaphore::new(route.max_connections)),
            counters: Arc::default(),
            dialler: Pipes(sender),
            closing: CancellationToken::new(),
            route: Arc::new(route),
        };
        let acceptor = TlsAcceptor::from(Arc::new(server));
        Self {
            lobby,
            databases,
            acceptor,
            token_file,
            authority,
        }
    }

    /// An app that has just connected.
    pub(super) fn app(self) -> Visit {
        let (app, socket) = duplex(64 * 1024);
        let Self {
            lobby,
            databases,
            acceptor,
            token_file,
            ..
        } = self;
        let login = tokio::spawn(async move { login(socket, &lobby).await });
        Visit {
            app,
            databases,
            acceptor,
            login,
            _token_file: token_file,
        }
    }
}

/// Lets the token's source give this from now on.
pub(crate) fn write_token(file: &tempfile::NamedTempFile, token: &str) {
    let json = format!(r#"{{"access_token":"{token}","expires_on":4102444800}}"#);
    std::fs::write(file.path(), json).unwrap();
}

type Outcome = Result<Login<DuplexStream, DuplexStream, Exchange>, LoginError>;

/// One app's login under way.
pub(super) struct Visit {
    pub(super) app: DuplexStream,
    databases: mpsc::UnboundedReceiver<DuplexStream>,
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
        self.databases.recv().await.expect("a dial")
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
pub(super) struct Database<S>(pub(super) S);

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

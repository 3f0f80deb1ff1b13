//! The login conversation on pipes, with a paused clock.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may fail loudly"
)]

mod change_user;
mod first_packets;
mod greetings;
mod logins;
mod notices;
mod passwords;
mod probes;
mod refusals;
mod sealed;
mod spoken;
mod tokens;

use std::net::SocketAddr;
use std::sync::Arc;

use azdb_config::route::{ProtocolName, Route, UpstreamAuth};
use azdb_wire::mysql::{ErrorPacket, Header, ResponsePacket, encode_switch, push_packet};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::*;
use crate::ending::Ending;
use crate::rig::{Databases, House, PRINCIPAL, Pipes, TOKEN};
use crate::session;
use crate::socket::Peer as Caller;

/// What MariaDB offers, TLS and compression among it.
const CAPABILITIES: Capabilities = Capabilities(0x81ff_fffe);
const SALT: [u8; SCRAMBLE] = *b"01234567890123456789";
const OK: &[u8] = b"\0\0\0\x02\0\0\0 Welcome";

fn greeting() -> Greeting<'static> {
    Greeting {
        version: b"5.5.5-10.11.6-MariaDB",
        thread_id: 4711,
        scramble: SALT,
        capabilities: CAPABILITIES,
        charset: 45,
        status: 2,
        reserved: [0, 0, 0, 0, 0, 0, 0x1d, 0, 0, 0],
        plugin: plugin::NATIVE,
    }
}

/// A route's door, with its upstreams on the other ends of pipes.
struct Door {
    lobby: Arc<Lobby<Mysql, Pipes>>,
    databases: Databases,
    acceptor: TlsAcceptor,
    ca_pem: String,
    token_file: tempfile::NamedTempFile,
    ending: Ending,
}

impl Door {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Route)) -> Self {
        let house = House::with(ProtocolName::Mysql, &["db.example.org"], change);
        Self {
            ca_pem: house.authority.ca_pem().to_owned(),
            lobby: Arc::new(house.lobby),
            databases: house.databases,
            acceptor: TlsAcceptor::from(house.server),
            token_file: house.token_file,
            ending: Ending::default(),
        }
    }

    /// An app that has just connected.
    fn app(&self) -> App {
        let (app, socket) = duplex(256 * 1024);
        let (lobby, ending) = (Arc::clone(&self.lobby), self.ending.clone());
        let peer = Caller::Tcp(SocketAddr::from(([127, 0, 0, 1], 1)));
        App {
            peer: Peer::new(app),
            session: tokio::spawn(
                async move { session::serve(socket, peer, &*lobby, &ending).await },
            ),
        }
    }

    /// The upstream that is dialled next, before it has greeted.
    async fn dialled(&mut self) -> Peer<DuplexStream> {
        Peer::new(self.databases.recv().await.expect("a dial").0)
    }

    /// The upstream that is dialled next, and greets.
    async fn greeting(&mut self) -> Peer<DuplexStream> {
        let mut database = self.dialled().await;
        database.say(&greeting().encode()).await;
        database
    }

    /// Agrees to TLS as an upstream that has greeted.
    async fn seal(&self, database: Peer<DuplexStream>) -> Peer<TlsStream<DuplexStream>> {
        sealed(database, &self.acceptor).await
    }

    /// A session: an app, let in, and its upstream.
    async fn session(&mut self) -> (App, Peer<TlsStream<DuplexStream>>) {
        session_with(self, TOKEN).await
    }
}

/// A session that this token has opened.
async fn session_with(door: &mut Door, token: &str) -> (App, Peer<TlsStream<DuplexStream>>) {
    let (mut app, mut database) = asked(door).await;
    database.take_token(token).await;
    assert_eq!(app.hear().await, OK);
    (app, database)
}

/// Agrees to TLS as an upstream that has greeted.
async fn sealed(
    mut database: Peer<DuplexStream>,
    acceptor: &TlsAcceptor,
) -> Peer<TlsStream<DuplexStream>> {
    let request = database.hear().await;
    assert_eq!(
        ResponsePacket::parse(&request).unwrap(),
        ResponsePacket::Tls
    );
    let stream = acceptor.accept(database.stream).await;
    Peer {
        stream: stream.expect("TLS with the proxy"),
        next: database.next,
    }
}

/// An app, and the proxy's session for it.
struct App {
    peer: Peer<DuplexStream>,
    session: JoinHandle<()>,
}

impl std::ops::Deref for App {
    type Target = Peer<DuplexStream>;

    fn deref(&self) -> &Self::Target {
        &self.peer
    }
}

impl std::ops::DerefMut for App {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.peer
    }
}

impl App {
    /// Reads the error that ends the connection.
    async fn refused(mut self) -> (u16, String) {
        let payload = self.hear().await;
        let error = ErrorPacket::parse(&payload).unwrap();
        assert!(
            !(2000..3000).contains(&error.code),
            "a code of client libraries"
        );
        let text = String::from_utf8(error.message.to_vec()).unwrap();
        assert_eq!(self.hear_out().await, b"");
        let Self { peer, session } = self;
        // The session reads on until the app has left, too.
        drop(peer);
        session.await.expect("no panic");
        (error.code, text)
    }
}

/// One end of a connection, counting packets as MySQL does.
pub(crate) struct Peer<S> {
    stream: S,
    next: u8,
}

impl<S: Stream> Peer<S> {
    fn new(stream: S) -> Self {
        Self { stream, next: 0 }
    }

    /// Reads a packet, which must have the number that is due.
    async fn hear(&mut self) -> Vec<u8> {
        let mut header = [0; Header::LEN];
        self.stream.read_exact(&mut header).await.unwrap();
        let Header { length, number } = Header::parse(header);
        assert_eq!(number, self.next, "the packet's number");
        let mut payload = vec![0; length];
        self.stream.read_exact(&mut payload).await.unwrap();
        self.next = number.wrapping_add(1);
        payload
    }

    async fn hear_out(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        let _ = self.stream.read_to_end(&mut rest).await;
        rest
    }

    async fn say(&mut self, payload: &[u8]) {
        let mut packet = Vec::new();
        push_packet(&mut packet, self.next, payload);
        self.next = self.next.wrapping_add(1);
        self.say_bytes(&packet).await;
    }

    async fn say_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// Begins a command.
    async fn command(&mut self, payload: &[u8]) {
        self.next = 0;
        self.say(payload).await;
    }

    /// Reads a command.
    async fn hear_command(&mut self) -> Vec<u8> {
        self.next = 0;
        self.hear().await
    }

    /// Asks for the token, takes it and lets the proxy in.
    async fn take_token(&mut self, token: &str) {
        self.say(&encode_switch(plugin::CLEAR, &SALT)).await;
        assert_eq!(self.hear().await, [token.as_bytes(), b"\0"].concat());
        self.say(OK).await;
    }

    async fn refuse(&mut self, code: u16, text: &str) {
        self.say(&refusal(code, text)).await;
    }
}

fn refusal(code: u16, text: &str) -> Vec<u8> {
    ErrorPacket {
        code,
        sqlstate: Some(*b"28000"),
        message: text.as_bytes(),
    }
    .encode()
}

fn app_response() -> Response<'static> {
    Response {
        capabilities: Capabilities(0x8000_a28d)
            | Capabilities::DEPRECATE_EOF
            | Capabilities::CONNECT_ATTRS,
        max_packet: 1 << 24,
        charset: 45,
        extended: 0,
        user: b"ann",
        auth: b"12345678901234567890",
        database: Some(b"shop"),
        plugin: plugin::NATIVE,
        attributes: b"\x07\x03key\x02vl",
    }
}

/// What a usual app answers to the greeting.
fn response() -> Vec<u8> {
    app_response().encode().unwrap()
}

/// What the proxy sends upstream.
fn parsed(payload: &[u8]) -> Response<'_> {
    match ResponsePacket::parse(payload) {
        Ok(ResponsePacket::Response(response)) => response,
        other => unreachable!("{other:?}"),
    }
}

/// An app's login up to the upstream's first word after the response.
async fn asked(door: &mut Door) -> (App, Peer<TlsStream<DuplexStream>>) {
    let mut app = door.app();
    let database = door.greeting().await;
    app.hear().await;
    app.say(&response()).await;
    let mut database = door.seal(database).await;
    database.hear().await;
    (app, database)
}

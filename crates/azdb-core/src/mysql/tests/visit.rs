//! The near side: a door, and apps that have come through it.

use azdb_wire::mysql::{ErrorPacket, ResponsePacket};
use tokio::io::{DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::*;

/// A route's door, with its upstreams on the other ends of pipes.
pub(super) struct Door {
    pub(super) lobby: Arc<Lobby<Mysql, Pipes>>,
    pub(super) databases: Databases,
    pub(super) acceptor: TlsAcceptor,
    pub(super) ca_pem: String,
    pub(super) token_file: tempfile::NamedTempFile,
    pub(super) ending: Ending,
}

impl Door {
    pub(super) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(super) fn with(change: impl FnOnce(&mut Route)) -> Self {
        let house = House::spoken(change);
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
    pub(super) fn app(&self) -> App {
        self.app_at(Place::outside())
    }

    /// The same, with a place in a room.
    pub(super) fn app_at(&self, place: Place) -> App {
        let (app, socket) = duplex(256 * 1024);
        let (lobby, ending) = (Arc::clone(&self.lobby), self.ending.clone());
        let peer = Caller::Tcp(SocketAddr::from(([127, 0, 0, 1], 1)));
        App {
            peer: Peer::new(app),
            session: tokio::spawn(async move {
                let guest = session::Guest::new(socket, peer, place);
                session::serve(guest, &*lobby, &ending).await
            }),
        }
    }

    /// The upstream that is dialled next, before it has greeted.
    pub(super) async fn dialled(&mut self) -> Peer<DuplexStream> {
        Peer::new(in_time(self.databases.recv()).await.expect("a dial").0)
    }

    /// The upstream that is dialled next, and greets.
    pub(super) async fn greeting(&mut self) -> Peer<DuplexStream> {
        let mut database = self.dialled().await;
        database.say(&greeting().encode()).await;
        database
    }

    /// Agrees to TLS as an upstream that has greeted.
    pub(super) async fn seal(&self, database: Peer<DuplexStream>) -> Peer<TlsStream<DuplexStream>> {
        sealed(database, &self.acceptor).await
    }

    /// A session: an app, let in, and its upstream.
    pub(super) async fn session(&mut self) -> (App, Peer<TlsStream<DuplexStream>>) {
        session_with(self, TOKEN).await
    }
}

/// Checks that nobody has spoken to this upstream, and that it is the next app's.
pub(super) async fn is_the_next_apps(door: &mut Door, database: Peer<DuplexStream>) {
    let mut next = door.app();
    next.hear().await;
    assert!(door.databases.try_recv().is_err(), "another was dialled");
    next.say(&response()).await;
    let mut database = door.seal(database).await;
    database.hear().await;
    database.take_token(TOKEN).await;
    assert_eq!(next.hear().await, OK);
}

/// An app's login up to the upstream's first word after the response.
pub(super) async fn asked(door: &mut Door) -> (App, Peer<TlsStream<DuplexStream>>) {
    let mut app = door.app();
    let database = door.greeting().await;
    app.hear().await;
    app.say(&response()).await;
    let mut database = door.seal(database).await;
    database.hear().await;
    (app, database)
}

/// A session that this token has opened.
pub(super) async fn session_with(
    door: &mut Door,
    token: &str,
) -> (App, Peer<TlsStream<DuplexStream>>) {
    let (mut app, mut database) = asked(door).await;
    database.take_token(token).await;
    assert_eq!(app.hear().await, OK);
    (app, database)
}

/// An app, and the proxy's session for it.
pub(super) struct App {
    pub(super) peer: Peer<DuplexStream>,
    pub(super) session: JoinHandle<()>,
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
    pub(super) async fn refused(mut self) -> (u16, String) {
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
        in_time(session).await.expect("no panic");
        (error.code, text)
    }
}

/// The same of an app that asks for TLS first.
pub(super) fn app_response_with_tls() -> Response<'static> {
    let mut response = app_response();
    response.capabilities = response.capabilities | Capabilities::SSL;
    response
}

pub(super) fn app_response() -> Response<'static> {
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
        zstd_level: 0,
    }
}

/// What a usual app answers to the greeting.
pub(super) fn response() -> Vec<u8> {
    app_response().encode().unwrap()
}

/// What the proxy sends upstream.
pub(super) fn parsed(payload: &[u8]) -> Response<'_> {
    match ResponsePacket::parse(payload) {
        Ok(ResponsePacket::Response(response)) => response,
        other => unreachable!("{other:?}"),
    }
}

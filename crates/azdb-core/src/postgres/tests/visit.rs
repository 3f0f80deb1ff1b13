//! The near side: an app's login under way.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::*;
use crate::socket::Peer;

pub(super) type Outcome = Result<Login<Postgres, DuplexStream, DuplexStream>, NotIn<PostgresFault>>;

/// One app's login under way.
pub(super) struct Visit {
    pub(super) app: DuplexStream,
    pub(super) databases: Databases,
    pub(super) acceptor: TlsAcceptor,
    pub(super) login: JoinHandle<Outcome>,
    pub(super) _token_file: tempfile::NamedTempFile,
}

impl House {
    /// An app that has just connected.
    pub(super) fn app(self) -> Visit {
        self.app_from(Peer::InProcess)
    }

    /// The same of somebody.
    pub(super) fn app_from(self, peer: Peer) -> Visit {
        let (app, socket) = duplex(64 * 1024);
        let Self {
            lobby,
            databases,
            server,
            token_file,
            ..
        } = self;
        let login = tokio::spawn(async move {
            let place = Place::outside_of(peer);
            Postgres::login(socket, &place, &lobby, &lobby.deadline_of(&place)).await
        });
        Visit {
            app,
            databases,
            acceptor: TlsAcceptor::from(server),
            login,
            _token_file: token_file,
        }
    }
}

impl Visit {
    pub(super) async fn say(&mut self, bytes: &[u8]) {
        self.app.write_all(bytes).await.unwrap();
    }

    pub(super) async fn hear<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        in_time(self.app.read_exact(&mut bytes)).await.unwrap();
        bytes
    }

    /// Everything up to the end of the connection.
    pub(super) async fn hear_out(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        in_time(self.app.read_to_end(&mut bytes)).await.unwrap();
        bytes
    }

    /// The connection that the proxy makes to the database.
    pub(super) async fn dialled(&mut self) -> DuplexStream {
        in_time(self.databases.recv()).await.expect("a dial").0
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
        in_time(self.login).await.expect("no panic")
    }
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

//! Sessions and connections that wait for an app: from one app's door to the next one's.

mod outside;
mod prepared;
mod ready;
mod reuse;
mod unclean;

use std::time::Duration;

use azdb_config::Reuse;
use tokio::sync::mpsc::error::TryRecvError;

use super::*;
use crate::ending::Ending;
use crate::kept::Kind;
use crate::ledger::Beginning;
use crate::rig::{Pipes, SETTLED, until};
use crate::session::{Guest, serve};
use crate::socket::Peer;

const ANN: Peer = Peer::Unix(1000);
const BEN: Peer = Peer::Unix(1001);
/// What the apps of these stories ask for.
const LOGIN: &[u8] = b"user\0ann\0database\0orders\0application_name\0shop\0";

type Upstream = Database<TlsStream<DuplexStream>>;

/// A route that serves whoever comes, and its databases.
struct Town {
    lobby: Arc<Lobby<Postgres, Pipes>>,
    databases: Databases,
    acceptor: TlsAcceptor,
    ending: Ending,
    _token_file: tempfile::NamedTempFile,
}

/// Of a route that has so many sessions ready.
fn ready(count: usize) -> Town {
    Town::without_prepared(|route| route.keeping.ready = count)
}

/// Of a route whose sessions are given to the next app.
fn reuse() -> Town {
    Town::without_prepared(|route| route.keeping.reuse = Reuse::Reset)
}

impl Town {
    fn of(change: impl FnOnce(&mut Route)) -> Self {
        let (ending, house) = (Ending::default(), House::of(change));
        let mut lobby = house.lobby;
        (lobby.goodbye, lobby.closing) = (ending.goodbye.clone(), ending.closing.clone());
        lobby.tasks = ending.tasks.clone();
        Self {
            lobby: Arc::new(lobby),
            databases: house.databases,
            acceptor: TlsAcceptor::from(house.server),
            ending,
            _token_file: house.token_file,
        }
    }

    /// The same, in which what is dialled is dialled for sessions.
    fn without_prepared(change: impl FnOnce(&mut Route)) -> Self {
        let town = Self::of(change);
        town.lobby.state.own.ahead.stop();
        town
    }

    /// Somebody who asks to be let in with these parameters.
    async fn app(&self, peer: Peer, parameters: &[u8]) -> DuplexStream {
        let mut app = self.connection(peer);
        app.write_all(&startup(parameters)).await.unwrap();
        app
    }

    fn connection(&self, peer: Peer) -> DuplexStream {
        let (app, socket) = duplex(64 * 1024);
        let (lobby, ending) = (Arc::clone(&self.lobby), self.ending.clone());
        self.ending.spawn(async move {
            let guest = Guest::new(socket, peer, Place::outside_of(peer));
            serve(guest, &*lobby, &ending).await;
        });
        app
    }

    /// The next connection that is made, on which TLS has been agreed.
    async fn dialled(&mut self) -> Upstream {
        let (mut stream, _) = in_time(self.databases.recv()).await.expect("a dial");
        expect_ssl_request(&mut stream).await;
        stream.write_all(b"S").await.unwrap();
        Database(self.acceptor.accept(stream).await.expect("TLS"))
    }

    /// The next session that is asked for, which is granted.
    async fn granted(&mut self) -> (Upstream, Vec<(String, String)>) {
        let mut database = self.dialled().await;
        let parameters = database.startup().await;
        database.demand(TOKEN).await;
        database.welcome().await;
        (database, parameters)
    }

    /// An app whose session is dialled for it.
    async fn log_in(&mut self, peer: Peer, parameters: &[u8]) -> (DuplexStream, Upstream) {
        let mut app = self.app(peer, parameters).await;
        let (database, _) = self.granted().await;
        welcomed(&mut app).await;
        (app, database)
    }

    /// An app that finds a session. Returns also what it has read of its key.
    async fn found(&mut self, peer: Peer, parameters: &[u8]) -> (DuplexStream, Vec<u8>) {
        let mut app = self.app(peer, parameters).await;
        let key = welcomed(&mut app).await;
        (app, key)
    }

    fn nobody_dialled(&mut self) -> bool {
        matches!(self.databases.try_recv(), Err(TryRecvError::Empty))
    }

    fn waiting(&self, of: Kind) -> usize {
        let stock = &self.lobby.state.kept.stock;
        stock.count(|kind, _| kind == of)
    }

    /// Waits until so many of this kind wait.
    async fn until_waiting(&self, of: Kind, count: usize) {
        until(|| self.waiting(of) == count).await;
    }

    /// How many sessions began like this.
    fn began(&self, by: Beginning) -> u64 {
        let ledger = &self.lobby.state.ledger;
        let mut all = ledger.granted_by();
        all.find(|(beginning, _)| *beginning == by)
            .unwrap()
            .1
            .count()
    }
}

/// Reads the answer to a login that was granted, which is as the server says it but for the secret. Returns process id and secret.
async fn welcomed(app: &mut DuplexStream) -> Vec<u8> {
    let mut heard = vec![0; welcome().len()];
    in_time(app.read_exact(&mut heard)).await.unwrap();
    let at = welcome().len() - message(b'Z', b"I").len() - KEY.len();
    let key = heard[at..at + KEY.len()].to_vec();
    let mut expected = welcome();
    expected[at..at + KEY.len()].copy_from_slice(&key);
    assert_eq!(heard, expected);
    assert_eq!(key[..4], KEY[..4], "the true process");
    key
}

/// The app asks for something, and has its answer.
async fn ask_and_answer(app: &mut DuplexStream, database: &mut Upstream) {
    app.write_all(&message(b'Q', b"select 1\0")).await.unwrap();
    assert_eq!(database.message().await, (b'Q', b"select 1\0".to_vec()));
    answer(
        app,
        database,
        &[message(b'C', b"SELECT 1\0"), message(b'Z', b"I")],
    )
    .await;
}

/// The upstream says this and the app hears it.
async fn answer(app: &mut DuplexStream, database: &mut Upstream, messages: &[Vec<u8>]) {
    let said = messages.concat();
    database.say(&said).await;
    let mut heard = vec![0; said.len()];
    in_time(app.read_exact(&mut heard)).await.unwrap();
    assert_eq!(heard, said);
}

/// Everything that an upstream hears up to the end, which is its own when it hears a goodbye.
async fn heard_out(mut database: Upstream) -> Vec<u8> {
    let mut heard = Vec::new();
    let hearing = async {
        while let Ok(1..) = database.0.read_buf(&mut heard).await {
            if heard.ends_with(GOODBYE) {
                let _ = database.0.shutdown().await;
            }
        }
    };
    in_time(hearing).await;
    heard
}

const GOODBYE: &[u8] = &azdb_wire::postgres::TERMINATE;

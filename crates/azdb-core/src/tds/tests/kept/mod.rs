//! Sessions that wait for apps: whose they become, what is said to the upstream meanwhile, and what ends them.

mod leftovers;
mod likeness;
mod ready;
mod resets;

use azdb_config::Reuse;
use azdb_wire::tds::{Header, Version, kind, push_message};
use tokio::io::AsyncWriteExt as _;

use super::database::{Database, app_login, done, says_yes, welcome};
use super::visit::hear;
use super::*;
use crate::ending::Ending;
use crate::lobby::Lobby;
use crate::rig::{Pipes, Spoken as _, until};
use crate::session::{Guest, serve};
use crate::socket::Peer;

/// ENVCHANGE 18.
const RESET: [u8; 6] = [0xe3, 3, 0, 18, 0, 0];
/// Where apps come from.
const PEER: Peer = Peer::Tcp(std::net::SocketAddr::V4(std::net::SocketAddrV4::new(
    std::net::Ipv4Addr::LOCALHOST,
    40_000,
)));

/// A route that serves whoever comes.
struct Served {
    lobby: Arc<Lobby<Tds, Pipes>>,
    databases: Databases,
    server: Arc<ServerConfig>,
    ending: Ending,
    _token_file: tempfile::NamedTempFile,
}

impl Served {
    fn of(change: impl FnOnce(&mut Route)) -> Self {
        let house = House::of(change);
        Self {
            lobby: Arc::new(house.lobby),
            databases: house.databases,
            server: house.server,
            ending: Ending::default(),
            _token_file: house.token_file,
        }
    }

    /// One that resets sessions.
    fn reusing() -> Self {
        Self::of(|route| route.keeping.reuse = Reuse::Reset)
    }

    /// An app that has just connected.
    fn app(&self) -> DuplexStream {
        let (app, socket) = duplex(64 * 1024);
        let (lobby, ending) = (Arc::clone(&self.lobby), self.ending.clone());
        tokio::spawn(async move {
            let place = Place::outside_of(PEER);
            let guest = Guest::new(socket, PEER, place);
            serve(guest, &*lobby, &ending).await;
        });
        app
    }

    /// An app that has said this login.
    async fn app_saying(&self, login: &[u8]) -> DuplexStream {
        let mut app = self.app();
        let mut message = Vec::new();
        push_message(kind::LOGIN7, 0, login, &mut message);
        app.write_all(&message).await.unwrap();
        app
    }

    /// A database that has been dialled, greeted and told the token.
    async fn dialled(&mut self) -> (Database, Vec<u8>) {
        let (stream, _) = in_time(self.databases.recv()).await.expect("a dial");
        let mut database = Database::greet(stream, &self.server).await;
        let login = database.expect_token(TOKEN).await;
        (database, login)
    }

    /// An app with this login whose upstream was dialled for it and says this.
    async fn session_of(&mut self, login: &[u8], answer: &[u8]) -> (DuplexStream, Database) {
        let mut app = self.app_saying(login).await;
        let (mut database, _) = self.dialled().await;
        database.say(answer).await;
        hear(&mut app).await;
        (app, database)
    }

    /// The same of the plainest login.
    async fn session(&mut self) -> (DuplexStream, Database) {
        let (app, database) = self.session_of(&plain(), &welcome()).await;
        (app, database)
    }

    /// An app with the plainest login, which finds a session that waits.
    async fn served_from_memory(&self) -> DuplexStream {
        let mut app = self.app_saying(&plain()).await;
        // No database has a hand in it.
        assert!(says_yes(&hear(&mut app).await));
        app
    }

    /// That an app with the plainest login finds none.
    async fn assert_dials(&mut self) {
        let _app = self.app_saying(&plain()).await;
        in_time(self.databases.recv()).await.expect("a dial");
    }

    fn nobody_dialled(&mut self) -> bool {
        self.databases.try_recv().is_err()
    }

    /// Waits until so many sessions wait.
    async fn until_waiting(&self, count: usize) {
        until(|| self.waiting() == count).await;
    }

    fn waiting(&self) -> usize {
        self.lobby.state.kept.stock.count(|_, _| true)
    }
}

fn plain() -> Vec<u8> {
    app_login("sa", "orders")
}

/// The answer to a reset that was done.
fn clean() -> Vec<u8> {
    let mut answer = RESET.to_vec();
    done(0, &mut answer);
    answer
}

/// The app asks something, and is answered.
async fn ask(app: &mut DuplexStream, database: &mut Database) {
    Tds::ask(app, database).await;
    Tds::answer(app, database).await;
}

/// Reads the request that resets.
async fn expect_reset(database: &mut Database) {
    let (header, payload) = database.packet().await;
    assert_eq!((header.kind, header.status), (kind::SQL_BATCH, 0x09));
    let text = from_utf16(payload.get(22..).unwrap());
    assert_eq!(text, "set transaction isolation level read committed");
}

/// Resets for an app that has left.
async fn reset(database: &mut Database) {
    expect_reset(database).await;
    database.say(&clean()).await;
}

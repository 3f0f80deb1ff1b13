//! A session from its door to its end, in every protocol, on pipes and with a paused clock.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may fail loudly"
)]

mod app_tls;
mod breaks;
mod counts;
mod ends;
mod follow;
mod idle;
mod panics;
mod upstreams;

use std::sync::Arc;

use azdb_config::route::Route;
use rustls::ServerConfig;
use tokio::io::{AsyncReadExt as _, DuplexStream, duplex};

use super::*;
use crate::rig::{Databases, House, Pipes, Spoken};

const PIPE: usize = 64 * 1024;

/// A route that serves whoever comes.
struct Served<P: Spoken, D: Dial = Pipes> {
    lobby: Arc<Lobby<P, D>>,
    databases: Databases,
    server: Arc<ServerConfig>,
    ending: Ending,
    _token_file: tempfile::NamedTempFile,
}

impl<P: Spoken> Served<P> {
    fn new() -> Self {
        Self::of(|_| {})
    }

    fn of(change: impl FnOnce(&mut Route)) -> Self {
        Self::from(House::spoken(change), |lobby| lobby)
    }
}

impl<P: Spoken, D: Dial> Served<P, D> {
    fn from(house: House<P>, change: impl FnOnce(Lobby<P, Pipes>) -> Lobby<P, D>) -> Self {
        let (ending, mut lobby) = (Ending::default(), change(house.lobby));
        lobby.goodbye = ending.goodbye.clone();
        Self {
            lobby: Arc::new(lobby),
            databases: house.databases,
            server: house.server,
            ending,
            _token_file: house.token_file,
        }
    }

    /// An app that has just connected.
    fn app(&self) -> DuplexStream {
        let (app, socket) = duplex(PIPE);
        self.serve(socket);
        app
    }

    fn serve(&self, socket: impl Stream) {
        let (lobby, ending) = (Arc::clone(&self.lobby), self.ending.clone());
        self.ending.spawn(async move {
            let guest = Guest::new(socket, Peer::InProcess, Place::outside());
            serve(guest, &*lobby, &ending).await;
        });
    }

    /// An app that has been let in, and its upstream.
    async fn session(&mut self) -> (DuplexStream, P::Database) {
        let mut app = self.app();
        let database = P::log_in(&mut app, &mut self.databases, &self.server).await;
        (app, database)
    }

    fn ledger(&self) -> &Ledger {
        &self.lobby.state.ledger
    }

    /// Waits until nobody is served any more.
    async fn empty(&self) {
        self.ending.tasks.close();
        self.ending.tasks.wait().await;
    }
}

/// Everything up to the end of the connection.
async fn hear_out(app: &mut DuplexStream) -> Vec<u8> {
    let mut heard = Vec::new();
    app.read_to_end(&mut heard).await.unwrap();
    heard
}

//! The database's stand-in: TLS only, behind PostgreSQL's SSLRequest or from the first byte, or behind MySQL's greeting.
//!
//! It is part of no figure but those of the clock, so it does as little as a server can, in the shapes of a real one: rows
//! of 97 bytes, 8 KiB to a write and so to a TLS record, as PostgreSQL's send buffer has it.

mod block;
mod mysql;
mod session;

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use azdb_emulator::{Issuer, OSSRDBMS_AUDIENCE};
use rustls::ServerConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use super::app::Dialect;
use super::messages::Messages;
pub(super) use block::{BLOCK, SEND, block};
pub(super) use mysql::file;
use session::Session;

/// Length, then the code that stands where a version would (PostgreSQL's documentation, "SSL Session Encryption").
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
/// First byte of a TLS handshake.
const TLS_HANDSHAKE: u8 = 0x16;

/// The password of apps that come without a token.
pub(super) const PASSWORD: &str = "not a secret";

/// A running upstream. Dropping it ends it.
pub(super) struct Upstream {
    pub(super) address: SocketAddr,
    shared: Arc<Shared>,
    accepting: AbortHandle,
}

struct Shared {
    acceptor: TlsAcceptor,
    issuer: Issuer,
    /// What each handshake came to. One line is what all peers are meant to have.
    negotiated: Mutex<BTreeSet<String>>,
    block: Vec<u8>,
    /// The same in packets of MySQL.
    rows: Vec<u8>,
}

impl Upstream {
    pub(super) async fn start(
        tls: Arc<ServerConfig>,
        issuer: Issuer,
        dialect: Dialect,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            acceptor: TlsAcceptor::from(tls),
            issuer,
            negotiated: Mutex::default(),
            block: block(),
            rows: mysql::rows(),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared), dialect)).abort_handle();
        Ok(Self {
            address,
            shared,
            accepting,
        })
    }

    /// Version, cipher suite and group of every handshake so far, each combination once.
    pub(super) fn negotiated(&self) -> Vec<String> {
        let negotiated = self.shared.negotiated.lock();
        negotiated
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .cloned()
            .collect()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Shared {
    fn may_enter(&self, password: &str) -> bool {
        password == PASSWORD || self.issuer.verify(password, OSSRDBMS_AUDIENCE).is_ok()
    }

    fn note(&self, tls: &rustls::ServerConnection) {
        let group = tls
            .negotiated_key_exchange_group()
            .map(|group| group.name());
        let suite = tls.negotiated_cipher_suite().map(|suite| suite.suite());
        if let (Some(version), Some(suite), Some(group)) = (tls.protocol_version(), suite, group) {
            let line = format!("{version:?}, {suite:?}, {group:?}");
            let negotiated = self.negotiated.lock();
            negotiated
                .unwrap_or_else(PoisonError::into_inner)
                .insert(line);
        }
    }
}

/// Sessions end with the task that accepts them.
async fn accept(listener: TcpListener, shared: Arc<Shared>, dialect: Dialect) {
    let mut sessions = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((socket, _)) = accepted {
                sessions.spawn(serve(socket, Arc::clone(&shared), dialect));
            },
            Some(_) = sessions.join_next() => {}
        }
    }
}

/// Ends without a word when the other side does: peers are stopped in the middle of things.
async fn serve(mut socket: TcpStream, shared: Arc<Shared>, dialect: Dialect) -> io::Result<()> {
    socket.set_nodelay(true)?;
    if dialect == Dialect::Mysql {
        return mysql::serve(socket, &shared).await;
    }
    let mut first = [0];
    socket.peek(&mut first).await?;
    if first != [TLS_HANDSHAKE] {
        let mut request = [0; SSL_REQUEST.len()];
        socket.read_exact(&mut request).await?;
        if request != SSL_REQUEST {
            return Err(io::Error::other("neither TLS nor a request for it"));
        }
        socket.write_all(b"S").await?;
    }
    let stream = shared.acceptor.accept(socket).await?;
    shared.note(stream.get_ref().1);
    Session::new(Messages::new(stream), &shared).run().await
}

#[cfg(test)]
mod tests;

//! The app of PostgreSQL.

use std::io;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::app::{Login, Way};
use super::chain::HOST;
use super::messages::{Messages, Stream, error_of, put, put_untagged};
use super::upstream::{BLOCK, SEND};

/// Asks for TLS, length included.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
/// Version 3.0 of the protocol.
const VERSION: [u8; 4] = [0, 3, 0, 0];

/// A session, from the app's side.
pub(super) struct PostgresApp {
    messages: Messages<Box<dyn Stream>>,
    /// Bind, Describe, Execute and Sync, as libpq sends them.
    select: Vec<u8>,
}

impl PostgresApp {
    /// Connects and logs in.
    pub(super) async fn connect(way: &Way, password: &str) -> io::Result<Self> {
        let messages = Messages::new(open(way).await?);
        let mut app = Self {
            messages,
            select: select(),
        };
        app.log_in(way.login, password).await?;
        Ok(app)
    }

    async fn log_in(&mut self, login: Login, password: &str) -> io::Result<()> {
        let mut startup = Vec::new();
        let parameters = ["user", login.user, "database", login.database, ""].join("\0");
        put_untagged(&mut startup, &[&VERSION, parameters.as_bytes(), b"\0"]);
        self.messages.send(&startup).await?;
        loop {
            let message = self.messages.next().await?;
            match (message.tag, &message.body[..]) {
                (b'R', [0, 0, 0, 3]) => {
                    let mut answer = Vec::new();
                    put(&mut answer, b'p', &[password.as_bytes(), b"\0"]);
                    self.messages.send(&answer).await?;
                }
                (b'R', [0, 0, 0, 0]) | (b'S' | b'K' | b'N', _) => {}
                (b'Z', _) => return Ok(()),
                (b'E', body) => return Err(error_of(body)),
                (tag, _) => {
                    let text = format!("a message `{}` in a login", tag.escape_ascii());
                    return Err(io::Error::other(text));
                }
            }
        }
    }

    /// Has so many blocks sent, and makes sure that all of them came.
    pub(super) async fn copy_out(&mut self, blocks: u64) -> io::Result<()> {
        self.query(&format!("COPY ({blocks}) TO STDOUT")).await?;
        let copied = self.messages.skim(b'Z').await?;
        whole(copied, blocks)
    }

    /// Sends so many blocks, and makes sure that all of them arrived.
    pub(super) async fn copy_in(&mut self, blocks: u64, block: &[u8]) -> io::Result<()> {
        self.query("COPY sink FROM STDIN").await?;
        self.messages.skim(b'G').await?;
        for _ in 0..blocks {
            for rows in block.chunks(SEND) {
                self.messages.send(rows).await?;
            }
        }
        self.messages.send(&[b'c', 0, 0, 0, 4]).await?;
        let complete = self.messages.next().await?;
        self.messages.skim(b'Z').await?;
        let text = String::from_utf8_lossy(&complete.body);
        let copied = text
            .trim_start_matches("COPY ")
            .trim_end_matches('\0')
            .parse();
        whole(copied.map_err(io::Error::other)?, blocks)
    }

    /// A query of one row.
    pub(super) async fn first_row(&mut self) -> io::Result<()> {
        self.query("SELECT 1").await?;
        self.messages.skim(b'D').await?;
        self.messages.skim(b'Z').await.map(drop)
    }

    /// Prepares what [`PostgresApp::select`] executes.
    pub(super) async fn prepare(&mut self) -> io::Result<()> {
        let mut bytes = Vec::new();
        put(
            &mut bytes,
            b'P',
            &[b"s\0SELECT abalance FROM accounts WHERE aid = $1\0\0\0"],
        );
        put(&mut bytes, b'S', &[]);
        self.messages.send(&bytes).await?;
        self.messages.skim(b'Z').await.map(drop)
    }

    /// One transaction.
    pub(super) async fn select(&mut self) -> io::Result<()> {
        self.messages.send(&self.select).await?;
        self.messages.skim(b'Z').await.map(drop)
    }

    /// Says goodbye.
    pub(super) async fn leave(mut self) -> io::Result<()> {
        self.messages.send(&[b'X', 0, 0, 0, 4]).await?;
        self.messages.shutdown().await
    }

    async fn query(&mut self, sql: &str) -> io::Result<()> {
        let mut bytes = Vec::new();
        put(&mut bytes, b'Q', &[sql.as_bytes(), b"\0"]);
        self.messages.send(&bytes).await
    }
}

async fn open(way: &Way) -> io::Result<Box<dyn Stream>> {
    let mut socket = TcpStream::connect(way.address).await?;
    socket.set_nodelay(true)?;
    let Some(tls) = &way.tls else {
        return Ok(Box::new(socket));
    };
    socket.write_all(&SSL_REQUEST).await?;
    if socket.read_u8().await? != b'S' {
        return Err(io::Error::other("the server offers no TLS"));
    }
    let name = ServerName::try_from(HOST).map_err(io::Error::other)?;
    let stream = TlsConnector::from(Arc::clone(tls))
        .connect(name, socket)
        .await?;
    Ok(Box::new(stream))
}

fn select() -> Vec<u8> {
    let mut bytes = Vec::new();
    put(
        &mut bytes,
        b'B',
        &[
            b"\0s\0\0\0\0\x01",
            &5_u32.to_be_bytes(),
            b"54321",
            b"\0\x01\0\0",
        ],
    );
    put(&mut bytes, b'D', &[b"P\0"]);
    put(&mut bytes, b'E', &[b"\0\0\0\0\0"]);
    put(&mut bytes, b'S', &[]);
    bytes
}

fn whole(copied: u64, blocks: u64) -> io::Result<()> {
    let meant = blocks * BLOCK as u64;
    if copied == meant {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "{copied} bytes of a COPY of {meant} arrived"
    )))
}

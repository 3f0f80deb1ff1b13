//! TLS 1.2 as TDS 7 does it: the handshake inside PRELOGIN packets, everything after it outside.
//!
//! ```text
//!   client                             server
//!   12 [ClientHello]          ───►
//!                             ◄───     12 [ServerHello .. ServerHelloDone]
//!   12 [.. Finished]          ───►
//!                             ◄───     12 [.. Finished]
//!   TLS{ 10 LOGIN7 }          ───►     records straight on TCP from here on
//! ```
//!
//! The handshake is done by hand, and the TLS session is then handed to tokio-rustls as one that is through with it: the layering
//! turns over once, and what runs for the life of a connection knows nothing of it.
//!
//! # Invariants
//!
//! * Each flight is one message, whatever its length: drivers read exactly one for each of theirs.
//! * Packets are read whole and never further, so that no byte of the records behind them is lost.

use std::io;
use std::ops::DerefMut;
use std::sync::Arc;

use azdb_wire::tds::{Header, kind, push_message};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, ConnectionCommon, ServerConfig, ServerConnection};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use crate::io::Stream;

/// Most bytes of a peer's half of the handshake: a chain of long certificates has 20 KiB.
const MOST: usize = 256 * 1024;

/// Shakes hands with an upstream.
///
/// # Errors
///
/// What rustls or the stream says.
pub(crate) async fn connect<S: Stream>(
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    mut stream: S,
) -> io::Result<client::TlsStream<S>> {
    let session = ClientConnection::new(Arc::clone(&config), name.clone());
    let mut session = session.map_err(io::Error::other)?;
    shake(&mut stream, &mut session).await?;
    TlsConnector::from(config)
        .connect_with(name, stream, |fresh| *fresh = session)
        .await
}

/// Shakes hands with an app, whose ClientHello has not been read yet.
///
/// # Errors
///
/// What rustls or the stream says.
pub(crate) async fn accept<S: Stream>(
    config: Arc<ServerConfig>,
    mut stream: S,
) -> io::Result<server::TlsStream<S>> {
    let session = ServerConnection::new(Arc::clone(&config));
    let mut session = session.map_err(io::Error::other)?;
    shake(&mut stream, &mut session).await?;
    TlsAcceptor::from(config)
        .accept_with(stream, |fresh| *fresh = session)
        .await
}

async fn shake<S: Stream, C, D>(stream: &mut S, session: &mut C) -> io::Result<()>
where
    C: DerefMut<Target = ConnectionCommon<D>>,
{
    let mut heard = 0;
    loop {
        send_flight(stream, session).await?;
        if !session.is_handshaking() {
            return Ok(());
        }
        let packet = read_packet(stream).await?;
        heard += packet.len();
        if heard > MOST {
            return Err(bad("a handshake without end"));
        }
        let mut rest = &packet[..];
        while !rest.is_empty() {
            session.read_tls(&mut rest)?;
            if let Err(error) = session.process_new_packets() {
                // The alert tells the peer why; it may have gone already.
                let _ = send_flight(stream, session).await;
                return Err(io::Error::new(io::ErrorKind::InvalidData, error));
            }
        }
    }
}

/// Sends what TLS wants to say, if anything, as one message.
async fn send_flight<S: Stream, C, D>(stream: &mut S, session: &mut C) -> io::Result<()>
where
    C: DerefMut<Target = ConnectionCommon<D>>,
{
    let (mut flight, mut message) = (Vec::new(), Vec::new());
    while session.wants_write() {
        session.write_tls(&mut flight)?;
    }
    if flight.is_empty() {
        return Ok(());
    }
    push_message(kind::PRELOGIN, 0, &flight, &mut message);
    stream.write_all(&message).await?;
    stream.flush().await
}

/// The payload of one packet. Servers of 7.1 and older use the type of their answers.
async fn read_packet<S: Stream>(stream: &mut S) -> io::Result<Vec<u8>> {
    let mut header = [0; Header::LEN];
    stream.read_exact(&mut header).await?;
    let header =
        Header::parse(header).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    if !matches!(header.kind, kind::PRELOGIN | kind::RESPONSE) {
        return Err(bad("a packet that is not part of the handshake"));
    }
    let mut payload = vec![0; header.payload()];
    stream.read_exact(&mut payload).await?;
    Ok(payload)
}

fn bad(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

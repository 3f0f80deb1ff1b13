//! The byte stream of one connection, in the clear or in TLS, read packet by packet: of a client, or
//! of a server behind this one.
//!
//! TLS records are cut here, before rustls sees them, because Azure takes what one record holds for
//! one packet: a record with half a packet or with two of them ends the connection there. rustls'
//! own stream would hide that.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, OnceLock};

use rustls::{Connection, ServerConfig, ServerConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::packet::{HEADER, LOGIN_PACKET, Packet, kind, packets, unit_length};
use super::record::Violation;
use crate::door::locked;

/// Bytes of a TLS record's header.
const RECORD_HEADER: usize = 5;
/// More than any login has.
const LOGIN_LIMIT: usize = 128 * 1024;

type Tls = Arc<Mutex<Connection>>;

fn invalid(error: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// What TLS wants to send.
fn drained(tls: &mut Connection) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while tls.wants_write() {
        tls.write_tls(&mut bytes)?;
    }
    Ok(bytes)
}

/// Takes in TLS bytes.
fn fed(tls: &mut Connection, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        tls.read_tls(&mut bytes)?;
        tls.process_new_packets().map_err(invalid)?;
    }
    Ok(())
}

/// What one record holds; `None` when it says goodbye.
fn opened(tls: &mut Connection, record: &[u8]) -> io::Result<Option<Vec<u8>>> {
    fed(tls, record)?;
    let state = tls.process_new_packets().map_err(invalid)?;
    let mut chunk = vec![0; state.plaintext_bytes_to_read()];
    if chunk.is_empty() && state.peer_has_closed() {
        return Ok(None);
    }
    tls.reader().read_exact(&mut chunk)?;
    Ok(Some(chunk))
}

/// The sending side; sessions of one connection share it.
pub(super) struct Outgoing {
    half: tokio::sync::Mutex<OwnedWriteHalf>,
    tls: OnceLock<Tls>,
}

impl Outgoing {
    /// Sends one packet, a record of its own where there is TLS, and what TLS itself has to say.
    pub(super) async fn send(&self, bytes: &[u8]) -> io::Result<()> {
        tracing::trace!(header = ?bytes.get(..HEADER), "sends");
        let mut half = self.half.lock().await;
        let Some(tls) = self.tls.get() else {
            return half.write_all(bytes).await;
        };
        let sealed = {
            let mut tls = locked(tls);
            tls.writer().write_all(bytes)?;
            drained(&mut tls)?
        };
        half.write_all(&sealed).await
    }

    /// Sends a message of the login.
    pub(super) async fn send_message(&self, kind: u8, spid: u16, data: &[u8]) -> io::Result<()> {
        for packet in packets(kind, spid, data, LOGIN_PACKET) {
            self.send(&packet).await?;
        }
        Ok(())
    }

    /// Says goodbye to the other side's reading half.
    pub(super) async fn close(&self) -> io::Result<()> {
        if let Some(tls) = self.tls.get() {
            locked(tls).send_close_notify();
            self.send(&[]).await?;
        }
        self.half.lock().await.shutdown().await
    }
}

/// What is known of a connection's TLS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsFacts {
    /// Server name that the client sent.
    pub server_name: Option<String>,
}

/// A message of the login.
pub(super) struct Message {
    pub(super) data: Vec<u8>,
    /// Length of its longest packet.
    pub(super) longest: usize,
    pub(super) spid: u16,
}

/// The receiving side.
pub(super) struct Incoming {
    half: OwnedReadHalf,
    outgoing: Arc<Outgoing>,
    tls: Option<Tls>,
    /// Decrypted bytes of which no packet is whole yet; only where records are not checked.
    plain: Vec<u8>,
    checks_records: bool,
}

/// Both sides of a new connection.
pub(super) fn split(stream: TcpStream, checks_records: bool) -> (Incoming, Arc<Outgoing>) {
    let (read, write) = stream.into_split();
    let outgoing = Arc::new(Outgoing {
        half: tokio::sync::Mutex::new(write),
        tls: OnceLock::new(),
    });
    let incoming = Incoming {
        half: read,
        outgoing: Arc::clone(&outgoing),
        tls: None,
        plain: Vec::new(),
        checks_records,
    };
    (incoming, outgoing)
}

impl Incoming {
    pub(super) fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }

    /// One TDS or SMP packet, header included; `None` when the other side has gone.
    pub(super) async fn unit(&mut self) -> io::Result<Option<Vec<u8>>> {
        if self.tls.is_none() {
            return self.framed(HEADER, |header| Ok(unit_length(header)?)).await;
        }
        loop {
            if let Some(unit) = self.cut()? {
                return Ok(Some(unit));
            }
            let Some(chunk) = self.record().await? else {
                return Ok(None);
            };
            let is_packet = unit_length(&chunk) == Ok(chunk.len());
            if self.checks_records && !chunk.is_empty() && !is_packet {
                return Err(Violation::RecordNotOnePacket.into());
            }
            self.plain.extend(chunk);
        }
    }

    /// Reads a header and what it says follows; `None` at the end of the stream.
    async fn framed(
        &mut self,
        header: usize,
        length: impl Fn(&[u8]) -> io::Result<usize>,
    ) -> io::Result<Option<Vec<u8>>> {
        let mut bytes = vec![0; header];
        let (first, others) = bytes.split_at_mut(1);
        match self.half.read(first).await {
            Ok(0) => return Ok(None),
            Ok(_) => self.half.read_exact(others).await?,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
            Err(error) => return Err(error),
        };
        bytes.resize(length(&bytes)?, 0);
        let rest = bytes.get_mut(header..).unwrap_or_default();
        self.half.read_exact(rest).await?;
        Ok(Some(bytes))
    }

    /// Takes the first packet off the decrypted bytes, if it is whole.
    fn cut(&mut self) -> io::Result<Option<Vec<u8>>> {
        if self.plain.len() < HEADER {
            return Ok(None);
        }
        let length = unit_length(&self.plain)?;
        if self.plain.len() < length {
            return Ok(None);
        }
        let rest = self.plain.split_off(length);
        Ok(Some(std::mem::replace(&mut self.plain, rest)))
    }

    /// One TLS record as it came.
    async fn sealed_record(&mut self) -> io::Result<Option<Vec<u8>>> {
        let length = |header: &[u8]| match *header {
            [_, _, _, high, low] => {
                Ok(RECORD_HEADER + usize::from(u16::from_be_bytes([high, low])))
            }
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        };
        self.framed(RECORD_HEADER, length).await
    }

    /// Reads one TLS record and decrypts it; `None` at the end of the stream.
    async fn record(&mut self) -> io::Result<Option<Vec<u8>>> {
        let (Some(tls), Some(record)) = (self.tls.clone(), self.sealed_record().await?) else {
            return Ok(None);
        };
        let opened = opened(&mut locked(&tls), &record);
        // What TLS itself has to say to that.
        self.outgoing.send(&[]).await?;
        opened
    }

    /// One packet of the login, before any SMP.
    async fn packet(&mut self, kind: u8) -> io::Result<Packet> {
        let gone = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let packet = Packet::of(self.unit().await?.ok_or_else(gone)?)?;
        if packet.kind == kind {
            Ok(packet)
        } else {
            Err(Violation::UnexpectedMessage(packet.kind).into())
        }
    }

    /// A message of the login.
    pub(super) async fn message(&mut self, kind: u8) -> io::Result<Message> {
        let (mut data, mut longest) = (Vec::new(), 0);
        loop {
            let packet = self.packet(kind).await?;
            longest = longest.max(packet.wire_len());
            data.extend_from_slice(&packet.data);
            if packet.is_last() {
                let spid = packet.spid;
                return Ok(Message {
                    data,
                    longest,
                    spid,
                });
            }
            if data.len() > LOGIN_LIMIT {
                return Err(Violation::Malformed("a login of more than 128 KiB").into());
            }
        }
    }

    /// The TLS handshake of TDS 7 as a server.
    pub(super) async fn wrapped_tls(&mut self, config: Arc<ServerConfig>) -> io::Result<TlsFacts> {
        let tls = ServerConnection::new(config).map_err(io::Error::other)?;
        self.wrapped(tls.into()).await
    }

    /// The TLS handshake of TDS 7, inside PRELOGIN packets: one message for each flight.
    pub(super) async fn wrapped(&mut self, mut tls: Connection) -> io::Result<TlsFacts> {
        let kind = kind::PRELOGIN;
        loop {
            let flight = drained(&mut tls)?;
            if !flight.is_empty() {
                self.outgoing.send_message(kind, 0, &flight).await?;
            }
            if !tls.is_handshaking() {
                return Ok(self.seal(tls));
            }
            let packet = self.packet(kind).await?;
            if let Err(error) = fed(&mut tls, &packet.data) {
                let alert = drained(&mut tls)?;
                self.outgoing.send_message(kind, 0, &alert).await?;
                return Err(error);
            }
        }
    }

    /// The TLS handshake of TDS 8.0.
    pub(super) async fn strict_tls(&mut self, config: Arc<ServerConfig>) -> io::Result<TlsFacts> {
        let mut tls = Connection::from(ServerConnection::new(config).map_err(io::Error::other)?);
        while tls.is_handshaking() {
            let record = self.sealed_record().await?;
            let result = fed(&mut tls, &record.ok_or(io::ErrorKind::UnexpectedEof)?);
            let flight = drained(&mut tls)?;
            self.outgoing.send(&flight).await?;
            result?;
        }
        Ok(self.seal(tls))
    }

    fn seal(&mut self, tls: Connection) -> TlsFacts {
        let facts = TlsFacts {
            server_name: match &tls {
                Connection::Server(tls) => tls.server_name().map(str::to_owned),
                Connection::Client(_) => None,
            },
        };
        let tls = Arc::new(Mutex::new(tls));
        // Set once: the handshake runs once for each connection.
        let _ = self.outgoing.tls.set(Arc::clone(&tls));
        self.tls = Some(tls);
        facts
    }
}

//! The byte stream of one connection, in the clear or in TLS, read packet by packet.
//!
//! TLS records are cut here, before rustls sees them, because Azure takes what one record holds for
//! one packet: a record with half a packet or with two of them ends the connection there. rustls'
//! own stream would hide that.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use rustls::{ServerConfig, ServerConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::packet::{HEADER, LOGIN_PACKET, Packet, kind, message};
use super::record::Violation;

/// Bytes of a TLS record's header.
const RECORD_HEADER: usize = 5;
/// First byte of an SMP packet.
pub(super) const SMP: u8 = 0x53;
/// Bytes of an SMP packet's header.
pub(super) const SMP_HEADER: usize = 16;
/// More than any login has.
const LOGIN_LIMIT: usize = 128 * 1024;

type Tls = Arc<Mutex<ServerConnection>>;

fn locked(tls: &Tls) -> MutexGuard<'_, ServerConnection> {
    tls.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What TLS wants to send.
fn drained(tls: &mut ServerConnection) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while tls.wants_write() {
        tls.write_tls(&mut bytes)?;
    }
    Ok(bytes)
}

/// Takes in TLS bytes.
fn fed(tls: &mut ServerConnection, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        tls.read_tls(&mut bytes)?;
        tls.process_new_packets()
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    }
    Ok(())
}

/// The sending side; sessions of one connection share it.
pub(super) struct Outgoing {
    half: tokio::sync::Mutex<OwnedWriteHalf>,
    tls: OnceLock<Tls>,
}

impl Outgoing {
    /// Sends bytes, through TLS when there is TLS.
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

    /// Sends what TLS itself has to say.
    async fn send_own(&self) -> io::Result<()> {
        let mut half = self.half.lock().await;
        let Some(tls) = self.tls.get() else {
            return Ok(());
        };
        let sealed = drained(&mut locked(tls))?;
        half.write_all(&sealed).await
    }

    /// Says goodbye to the client's reading side.
    pub(super) async fn close(&self) -> io::Result<()> {
        if let Some(tls) = self.tls.get() {
            locked(tls).send_close_notify();
            self.send_own().await?;
        }
        self.half.lock().await.shutdown().await
    }
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

/// What is known of a connection's TLS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsFacts {
    /// Server name that the client sent.
    pub server_name: Option<String>,
    /// `TLSv1_2` or `TLSv1_3`.
    pub version: Option<String>,
    /// TLS from the first byte on, as in TDS 8.0.
    pub strict: bool,
    /// The client offered ALPN `tds/8.0`.
    pub alpn: bool,
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

    /// One TDS or SMP packet, header included; `None` when the client has gone.
    pub(super) async fn unit(&mut self) -> io::Result<Option<Vec<u8>>> {
        let unit = self.next_unit().await?;
        if let Some(unit) = &unit {
            tracing::trace!(header = ?unit.get(..HEADER), "reads a packet");
        }
        Ok(unit)
    }

    async fn next_unit(&mut self) -> io::Result<Option<Vec<u8>>> {
        if self.tls.is_none() {
            return self.unit_in_clear().await;
        }
        loop {
            if let Some(unit) = cut(&mut self.plain)? {
                return Ok(Some(unit));
            }
            let Some(chunk) = self.record().await? else {
                return Ok(None);
            };
            if chunk.is_empty() {
                continue;
            }
            if self.checks_records && unit_length(&chunk) != Some(chunk.len()) {
                return Err(Violation::RecordNotOnePacket.into());
            }
            self.plain.extend(chunk);
        }
    }

    async fn unit_in_clear(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut unit = vec![0; HEADER];
        match self.half.read(&mut unit[..1]).await? {
            0 => return Ok(None),
            _ => self.half.read_exact(&mut unit[1..]).await?,
        };
        let length = unit_length(&unit).ok_or(Violation::Malformed("a packet's length"))?;
        unit.resize(length, 0);
        self.half.read_exact(&mut unit[HEADER..]).await?;
        Ok(Some(unit))
    }

    /// Reads one TLS record and decrypts it; `None` at the end of the stream.
    async fn record(&mut self) -> io::Result<Option<Vec<u8>>> {
        let Some(tls) = self.tls.clone() else {
            return Ok(None);
        };
        let mut record = vec![0; RECORD_HEADER];
        match self.half.read(&mut record[..1]).await {
            Ok(0) => return Ok(None),
            Ok(_) => self.half.read_exact(&mut record[1..]).await?,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
            Err(error) => return Err(error),
        };
        let length = usize::from(u16::from_be_bytes([record[3], record[4]]));
        record.resize(RECORD_HEADER + length, 0);
        self.half.read_exact(&mut record[RECORD_HEADER..]).await?;
        let opened = opened(&mut locked(&tls), &record);
        self.outgoing.send_own().await?;
        opened
    }

    /// One packet of the login, before any SMP.
    pub(super) async fn packet(&mut self) -> io::Result<Packet> {
        let gone = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let unit = self.unit().await?.ok_or_else(gone)?;
        let packet = Packet::of(unit).ok_or(Violation::Malformed("a packet's length"))?;
        Ok(packet)
    }

    /// A message of the login: its data, and the length of its longest packet.
    pub(super) async fn message(&mut self, kind: u8) -> io::Result<(Vec<u8>, usize)> {
        let mut data = Vec::new();
        let mut longest = 0;
        loop {
            let packet = self.packet().await?;
            if packet.kind != kind {
                return Err(Violation::UnexpectedMessage(packet.kind).into());
            }
            longest = longest.max(packet.wire_len());
            data.extend_from_slice(&packet.data);
            if packet.is_last() {
                return Ok((data, longest));
            }
            if data.len() > LOGIN_LIMIT {
                return Err(Violation::Malformed("a login of more than 128 KiB").into());
            }
        }
    }

    /// The TLS handshake of TDS 7, inside PRELOGIN packets: one message for each flight.
    pub(super) async fn wrapped_tls(&mut self, config: Arc<ServerConfig>) -> io::Result<TlsFacts> {
        let mut tls = ServerConnection::new(config).map_err(io::Error::other)?;
        while tls.is_handshaking() {
            let packet = self.packet().await?;
            if packet.kind != kind::PRELOGIN {
                return Err(Violation::UnexpectedMessage(packet.kind).into());
            }
            let result = fed(&mut tls, &packet.data);
            let flight = drained(&mut tls)?;
            if !flight.is_empty() {
                let flight = message(kind::PRELOGIN, 0, &flight, LOGIN_PACKET);
                self.outgoing.send(&flight).await?;
            }
            result?;
        }
        Ok(self.sealed(tls, false))
    }

    /// The TLS handshake of TDS 8.0.
    pub(super) async fn strict_tls(&mut self, config: Arc<ServerConfig>) -> io::Result<TlsFacts> {
        let mut tls = ServerConnection::new(config).map_err(io::Error::other)?;
        while tls.is_handshaking() {
            let mut record = vec![0; RECORD_HEADER];
            self.half.read_exact(&mut record).await?;
            let length = usize::from(u16::from_be_bytes([record[3], record[4]]));
            record.resize(RECORD_HEADER + length, 0);
            self.half.read_exact(&mut record[RECORD_HEADER..]).await?;
            let result = fed(&mut tls, &record);
            let flight = drained(&mut tls)?;
            self.outgoing.send(&flight).await?;
            result?;
        }
        Ok(self.sealed(tls, true))
    }

    fn sealed(&mut self, tls: ServerConnection, strict: bool) -> TlsFacts {
        let facts = TlsFacts {
            server_name: tls.server_name().map(str::to_owned),
            version: tls.protocol_version().map(|version| format!("{version:?}")),
            strict,
            alpn: tls.alpn_protocol().is_some(),
        };
        let tls = Arc::new(Mutex::new(tls));
        // Set once: the handshake runs once for each connection.
        let _ = self.outgoing.tls.set(Arc::clone(&tls));
        self.tls = Some(tls);
        facts
    }
}

/// What one record holds; `None` when it says goodbye.
fn opened(tls: &mut ServerConnection, record: &[u8]) -> io::Result<Option<Vec<u8>>> {
    fed(tls, record)?;
    let state = tls
        .process_new_packets()
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    let mut chunk = vec![0; state.plaintext_bytes_to_read()];
    if chunk.is_empty() && state.peer_has_closed() {
        return Ok(None);
    }
    tls.reader().read_exact(&mut chunk)?;
    Ok(Some(chunk))
}

/// Length of the packet that these bytes begin with, header included.
fn unit_length(bytes: &[u8]) -> Option<usize> {
    let header = bytes.first_chunk::<HEADER>()?;
    let (length, least) = if header[0] == SMP {
        let length = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
        (usize::try_from(length).ok()?, SMP_HEADER)
    } else {
        (
            usize::from(u16::from_be_bytes([header[2], header[3]])),
            HEADER,
        )
    };
    (length >= least && length <= 1 << 16).then_some(length)
}

/// Takes the first packet off these bytes, if it is whole.
fn cut(plain: &mut Vec<u8>) -> io::Result<Option<Vec<u8>>> {
    if plain.len() < HEADER {
        return Ok(None);
    }
    let length = unit_length(plain).ok_or(Violation::Malformed("a packet's length"))?;
    if plain.len() < length {
        return Ok(None);
    }
    let rest = plain.split_off(length);
    Ok(Some(std::mem::replace(plain, rest)))
}

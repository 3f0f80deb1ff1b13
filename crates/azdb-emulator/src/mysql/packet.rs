//! Packets of a login, whose contents are `mysql_common`'s.

use std::io;

use mysql_common::packets::{ErrPacket, ServerError, SqlState};
use mysql_common::proto::MySerialize;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::record::MysqlRefusal;

/// Longest packet of a login: a token, and much more.
const MAX_LOGIN_PACKET: usize = 1 << 20;

/// A packet: its number and what it says.
#[derive(Debug)]
pub(super) struct Packet {
    pub(super) number: u8,
    pub(super) payload: Vec<u8>,
}

/// Reads the next packet of a login.
pub(super) async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Packet> {
    let mut header = [0; 4];
    stream.read_exact(&mut header).await?;
    let (length, number) = parse(header);
    if length > MAX_LOGIN_PACKET {
        return Err(invalid("a packet that is too long for a login"));
    }
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload).await?;
    Ok(Packet { number, payload })
}

/// Length and number of a packet.
pub(super) fn parse([a, b, c, number]: [u8; 4]) -> (usize, u8) {
    let length = u32::from_le_bytes([a, b, c, 0]);
    (usize::try_from(length).unwrap_or(usize::MAX), number)
}

/// Writes a packet.
pub(super) async fn write<S: AsyncWrite + Unpin>(
    stream: &mut S,
    number: u8,
    payload: &[u8],
) -> io::Result<()> {
    let length = u32::try_from(payload.len()).map_err(io::Error::other)?;
    let [a, b, c, _] = length.to_le_bytes();
    let packet = [&[a, b, c, number], payload].concat();
    stream.write_all(&packet).await?;
    stream.flush().await
}

pub(super) fn payload(packet: &impl MySerialize) -> Vec<u8> {
    let mut payload = Vec::new();
    packet.serialize(&mut payload);
    payload
}

impl MysqlRefusal {
    pub(super) fn payload(&self) -> Vec<u8> {
        let state = self.sqlstate.as_bytes().try_into().unwrap_or(*b"HY000");
        let text = self.message.as_bytes();
        let error = ServerError::new(self.code, Some(SqlState::new(state)), text);
        payload(&ErrPacket::Error(error))
    }
}

pub(super) fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

//! Packets and the few fields of a login.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

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

/// The payload of an ERR packet.
pub(super) fn error(code: u16, sqlstate: &str, message: &str) -> Vec<u8> {
    let mut payload = vec![0xff];
    payload.extend(code.to_le_bytes());
    payload.push(b'#');
    payload.extend(sqlstate.bytes());
    payload.extend(message.bytes());
    payload
}

pub(super) fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// What is left of a payload.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn take(&mut self, count: usize) -> io::Result<&'a [u8]> {
        let (taken, rest) = self
            .0
            .split_at_checked(count)
            .ok_or_else(|| invalid("a packet that ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn byte(&mut self) -> io::Result<u8> {
        Ok(self.take(1)?.iter().sum())
    }

    pub(super) fn word(&mut self) -> io::Result<u32> {
        let bytes = self.take(4)?;
        Ok(bytes
            .iter()
            .rev()
            .fold(0, |word, byte| word << 8 | u32::from(*byte)))
    }

    /// The text up to a NUL, or to the end.
    pub(super) fn text(&mut self) -> String {
        let end = self.0.iter().position(|byte| *byte == 0);
        let (text, rest) = match end {
            Some(end) => (&self.0[..end], &self.0[end + 1..]),
            None => (self.0, &[][..]),
        };
        self.0 = rest;
        String::from_utf8_lossy(text).into_owned()
    }

    /// Bytes behind a length in MySQL's variable form.
    pub(super) fn counted(&mut self) -> io::Result<&'a [u8]> {
        let count = match self.byte()? {
            252 => {
                let bytes = self.take(2)?;
                bytes
                    .iter()
                    .rev()
                    .fold(0, |count, byte| count << 8 | usize::from(*byte))
            }
            253..=255 => return Err(invalid("a length that no login has")),
            short => usize::from(short),
        };
        self.take(count)
    }
}

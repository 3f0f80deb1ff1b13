//! A session of the upstream, in MySQL's protocol: login, rows, a file, prepared selects.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::super::app_of_mysql::{CAPABILITIES, CLEAR, SSL};
use super::super::messages::Stream;
use super::super::packets::{HEADER, Packets, put};
use super::{BLOCK, SEND, Shared};

/// Bytes of a row's packet, as many as of a row of PostgreSQL's.
const ROW: usize = 102;
const OK: &[u8] = &[0, 0, 0, 2, 0, 0, 0];
const END: &[u8] = &[0xfe, 0, 0, 2, 0];
/// A column `abalance` of a type, for example 3 for an INT.
const COLUMN: &[u8] = b"\x03def\0\0\0\x08abalance\0\x0c\x3f\0\x0b\0\0\0\x03\0\0\0\0\0";

/// A block of rows.
pub(super) fn rows() -> Vec<u8> {
    let mut block = Vec::with_capacity(BLOCK);
    for number in 0..BLOCK / ROW {
        let row = format!("{number:<0$}", ROW - HEADER - 1);
        let length = u8::try_from(row.len()).unwrap_or_default();
        put(&mut block, 3, &[&[length], row.as_bytes()]);
    }
    block
}

/// A block of a file, in packets of as many bytes as are sent at a time.
pub(crate) fn file() -> Vec<u8> {
    let mut block = Vec::with_capacity(BLOCK);
    let piece = vec![b'x'; SEND - HEADER];
    for _ in 0..BLOCK / SEND {
        put(&mut block, 2, &[&piece]);
    }
    block
}

/// Serves one app. Ends without a word when the other side does.
pub(super) async fn serve(mut socket: TcpStream, shared: &Shared) -> io::Result<()> {
    let mut bytes = Vec::new();
    put(&mut bytes, 0, &[&greeting()]);
    socket.write_all(&bytes).await?;
    // The request for TLS and not a byte more: behind it comes the handshake.
    let mut request = [0; HEADER + 32];
    socket.read_exact(&mut request).await?;
    let stream = shared.acceptor.accept(socket).await?;
    shared.note(stream.get_ref().1);
    let mut session = Session {
        packets: Packets::new(stream),
        shared,
    };
    session.log_in().await?;
    session.run().await
}

fn greeting() -> Vec<u8> {
    let [a, b, c, d] = (CAPABILITIES | SSL).to_le_bytes();
    let mut payload = b"\x0a8.0.40-bench\0\x01\0\0\0abcdefgh\0".to_vec();
    payload.extend([a, b, 45, 2, 0, c, d, 21]);
    payload.extend([0; 10]);
    payload.extend(b"ijklmnopqrst\0mysql_native_password\0");
    payload
}

struct Session<'a, S> {
    packets: Packets<S>,
    shared: &'a Shared,
}

impl<S: Stream> Session<'_, S> {
    async fn log_in(&mut self) -> io::Result<()> {
        self.packets.next().await?;
        self.say(&[(3, &[&[0xfe], CLEAR].concat())]).await?;
        let secret = self.packets.next().await?;
        let secret = secret
            .strip_suffix(b"\0")
            .and_then(|text| std::str::from_utf8(text).ok());
        if secret.is_some_and(|secret| self.shared.may_enter(secret)) {
            return self.say(&[(5, OK)]).await;
        }
        self.say(&[(5, b"\xff\x15\x04#28000neither the password nor a token")])
            .await?;
        Err(io::ErrorKind::PermissionDenied.into())
    }

    async fn run(&mut self) -> io::Result<()> {
        loop {
            let command = self.packets.next().await?;
            match &command[..] {
                [1, ..] => return self.packets.stream.shutdown().await,
                [3, sql @ ..] => self.query(sql).await?,
                [0x16, ..] => {
                    let prepared = &[0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0];
                    let answer: [(u8, &[u8]); 5] =
                        [(1, prepared), (2, COLUMN), (3, END), (4, COLUMN), (5, END)];
                    self.say(&answer).await?;
                }
                [0x17, ..] => {
                    let row = &[0, 0, 0, 0, 0, 0];
                    let answer: [(u8, &[u8]); 5] =
                        [(1, &[1]), (2, COLUMN), (3, END), (4, row), (5, END)];
                    self.say(&answer).await?;
                }
                _ => self.say(&[(1, OK)]).await?,
            }
        }
    }

    async fn query(&mut self, sql: &[u8]) -> io::Result<()> {
        if sql == b"select 1" {
            let answer: [(u8, &[u8]); 5] =
                [(1, &[1]), (2, COLUMN), (3, END), (4, b"\x011"), (5, END)];
            return self.say(&answer).await;
        }
        let sql = String::from_utf8_lossy(sql);
        let Some(blocks) = sql.strip_prefix("SELECT ") else {
            self.say(&[(1, b"\xfbrows")]).await?;
            let arrived = self.packets.skim_file().await?.to_le_bytes();
            let ok = [&[0, 0xfe], &arrived[..], &[0, 2, 0, 0, 0]].concat();
            return self.say(&[(3, &ok)]).await;
        };
        self.say(&[(1, &[1]), (2, COLUMN), (3, END)]).await?;
        let blocks: u64 = blocks.parse().map_err(io::Error::other)?;
        for _ in 0..blocks {
            for rows in self.shared.rows.chunks(SEND) {
                self.packets.send(rows).await?;
            }
        }
        self.say(&[(4, END)]).await
    }

    async fn say(&mut self, answer: &[(u8, &[u8])]) -> io::Result<()> {
        let mut bytes = Vec::new();
        for (number, payload) in answer {
            put(&mut bytes, *number, &[payload]);
        }
        self.packets.send(&bytes).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_whole_in_packets_and_as_long_as_postgresqls() {
        for block in [rows(), file()] {
            assert_eq!(block.len(), BLOCK);
        }
        assert!(
            rows()
                .chunks(ROW)
                .all(|row| row.starts_with(b"\x62\0\0\x03\x61"))
        );
        assert!(
            file()
                .chunks(SEND)
                .all(|piece| piece.starts_with(b"\xfc\x1f\0\x02"))
        );
    }
}

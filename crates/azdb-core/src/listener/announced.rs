//! What a load balancer says of a connection in front of it: a header of the PROXY protocol, in both versions.
//!
//! ```text
//!   balancer --header, whatever its app says--> us
//!                |
//!                +-- says who          Peer::Announced      `allow` is asked of that one
//!                +-- LOCAL, UNKNOWN    Peer::Tcp            the balancer itself
//!                '-- is none           Peer::Unannounced    told so, in its protocol
//! ```
//!
//! Source: HAProxy's "The PROXY protocol", sections 2.1 and 2.2.
//!
//! # Invariants
//!
//! * No byte behind the header is read.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use ppp::{HeaderResult, v1, v2};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::socket::{AppSocket, Peer};

/// How long a balancer may take to say who comes: it does so with the first packet.
const PATIENCE: Duration = Duration::from_secs(2);

/// First bytes of a header; no app's first byte is one of them, whatever it speaks.
const FIRST: [u8; 2] = *b"P\r";

/// Length of the shortest header of both versions, `PROXY UNKNOWN\r\n`.
const SHORTEST: usize = 15;
/// Length of the longest of version 1.
const LONGEST_LINE: usize = 107;
/// Longest of version 2 that is read. Addresses take at most 216 bytes; behind them may stand what a balancer knows besides.
const LONGEST: usize = 4096;

/// Who comes on a connection of the balancer at `balancer`.
///
/// # Errors
///
/// [`io::ErrorKind::InvalidData`] for what begins as a header and is none, and whatever the socket reports: nobody is left to be told.
pub(super) async fn hear(socket: &mut AppSocket, balancer: SocketAddr) -> io::Result<Peer> {
    let hearing = async {
        match socket.next_byte().await? {
            Some(byte) if FIRST.contains(&byte) => Ok(match read(socket).await? {
                Announced::Of(addr) => Peer::Announced(addr),
                Announced::BalancersOwn => Peer::Tcp(balancer),
            }),
            Some(_) => Ok(Peer::Unannounced(balancer)),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    };
    match tokio::time::timeout(PATIENCE, hearing).await {
        Ok(heard) => heard,
        // Where the server speaks first, an app without a header waits for us.
        Err(_) => Ok(Peer::Unannounced(balancer)),
    }
}

/// Whose a connection is, as its header has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Announced {
    /// Of whoever came from this address.
    Of(SocketAddr),
    /// The balancer's own, which looks whether we are there; or it does not know whose.
    BalancersOwn,
}

/// Reads a header, up to its last byte.
///
/// # Errors
///
/// [`io::ErrorKind::InvalidData`] for what is none, and whatever the socket reports.
async fn read(socket: &mut (impl AsyncRead + Unpin)) -> io::Result<Announced> {
    let mut header = vec![0; SHORTEST];
    socket.read_exact(&mut header).await?;
    if header.starts_with(v2::PROTOCOL_PREFIX) {
        read_binary(socket, &mut header).await?;
    } else {
        read_line(socket, &mut header).await?;
    }
    understand(&header).ok_or_else(none)
}

/// Reads on up to the length that stands in the header.
async fn read_binary(
    socket: &mut (impl AsyncRead + Unpin),
    header: &mut Vec<u8>,
) -> io::Result<()> {
    header.push(socket.read_u8().await?);
    let length = header.last_chunk().copied().map_or(0, u16::from_be_bytes);
    let so_far = header.len();
    let whole = so_far.saturating_add(length.into());
    if whole > LONGEST {
        return Err(none());
    }
    header.resize(whole, 0);
    let rest = header.get_mut(so_far..).unwrap_or_default();
    socket.read_exact(rest).await.map(drop)
}

/// Reads on up to the end of the line, byte by byte: nothing behind it is ours.
async fn read_line(socket: &mut (impl AsyncRead + Unpin), header: &mut Vec<u8>) -> io::Result<()> {
    while !header.ends_with(v1::PROTOCOL_SUFFIX.as_bytes()) {
        if header.len() >= LONGEST_LINE || !header.starts_with(v1::PROTOCOL_PREFIX.as_bytes()) {
            return Err(none());
        }
        header.push(socket.read_u8().await?);
    }
    Ok(())
}

fn none() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "no header of the PROXY protocol",
    )
}

fn understand(header: &[u8]) -> Option<Announced> {
    let (source, port) = match HeaderResult::parse(header) {
        HeaderResult::V1(line) => match line.ok()?.addresses {
            v1::Addresses::Tcp4(tcp) => (tcp.source_address.into(), tcp.source_port),
            v1::Addresses::Tcp6(tcp) => (tcp.source_address.into(), tcp.source_port),
            v1::Addresses::Unknown => return Some(Announced::BalancersOwn),
        },
        HeaderResult::V2(header) => {
            let header = header.ok()?;
            match (header.command, header.addresses) {
                (v2::Command::Local, _) => return Some(Announced::BalancersOwn),
                (v2::Command::Proxy, v2::Addresses::IPv4(ip)) => {
                    (ip.source_address.into(), ip.source_port)
                }
                (v2::Command::Proxy, v2::Addresses::IPv6(ip)) => {
                    (ip.source_address.into(), ip.source_port)
                }
                (v2::Command::Proxy, v2::Addresses::Unix(_) | v2::Addresses::Unspecified) => {
                    return Some(Announced::BalancersOwn);
                }
            }
        }
    };
    Some(Announced::Of(SocketAddr::new(source, port)))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BINARY: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

    /// Reads what stands in front of `behind`, which must be left.
    fn heard(header: &[u8], behind: &[u8]) -> io::Result<Announced> {
        let bytes = [header, behind].concat();
        let mut rest = &*bytes;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let announced = runtime.block_on(read(&mut rest));
        if announced.is_ok() {
            assert_eq!(rest, behind);
        }
        announced
    }

    fn binary(command: u8, family: u8, payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
        [BINARY, &[command, family], &length, payload].concat()
    }

    #[test]
    fn a_header_says_whose_a_connection_is_and_nothing_behind_it_is_read() {
        let v4 = [10, 1, 2, 3, 10, 0, 0, 9, 0x9c, 0x40, 0x15, 0x38];
        let with_more = [&v4[..], &[0xee, 0, 2, 1, 2]].concat();
        let mut v6 = [0; 36];
        v6[0..2].copy_from_slice(&[0xfd, 0]);
        v6[15] = 7;
        v6[32..34].copy_from_slice(&[0x9c, 0x40]);
        let of = |addr: &str| Announced::Of(addr.parse().unwrap());
        for (header, announced) in [
            (
                b"PROXY TCP4 10.1.2.3 10.0.0.9 40000 5432\r\n".to_vec(),
                of("10.1.2.3:40000"),
            ),
            (
                b"PROXY TCP6 fd00::7 fd00::9 40000 5432\r\n".to_vec(),
                of("[fd00::7]:40000"),
            ),
            (b"PROXY UNKNOWN\r\n".to_vec(), Announced::BalancersOwn),
            (
                b"PROXY UNKNOWN ffff:f::f ffff:f::f 1 2\r\n".to_vec(),
                Announced::BalancersOwn,
            ),
            (binary(0x21, 0x11, &v4), of("10.1.2.3:40000")),
            (binary(0x21, 0x11, &with_more), of("10.1.2.3:40000")),
            (binary(0x21, 0x21, &v6), of("[fd00::7]:40000")),
            (binary(0x20, 0, b""), Announced::BalancersOwn),
            (binary(0x20, 0x11, &v4), Announced::BalancersOwn),
            (binary(0x21, 0x31, &[0; 216]), Announced::BalancersOwn),
        ] {
            for behind in [&b""[..], b"\0\0\0\x08\x04\xd2\x16\x2f", b"\r\n"] {
                let heard = heard(&header, behind).unwrap();
                assert_eq!(heard, announced, "{}", azdb_quote::Quoted(&header));
            }
        }
    }

    #[test]
    fn what_is_no_header_or_a_longer_one_than_there_are_is_an_error() {
        let line_without_end = [&b"PROXY TCP4 "[..], &[b'1'; 200]].concat();
        for header in [
            &b"PROXY TCP4 10.1.2.3\r\n     "[..],
            b"PROXY TCP5 10.1.2.3 10.0.0.9 40000 5432\r\n",
            b"PROXY TCP4 10.1.2.3 10.0.0.9 70000 5432\r\n",
            b"POST / HTTP/1.1\r\nHost: x\r\n\r\n",
            &line_without_end,
            &binary(0x31, 0x11, &[0; 12]),
            &binary(0x21, 0x11, &[0; 11]),
            &binary(0x21, 0x11, &[0; LONGEST]),
        ] {
            let error = heard(header, b"behind").unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        }
        let cut = heard(b"PROXY TCP4 10.1.2", b"").unwrap_err();
        assert_eq!(cut.kind(), io::ErrorKind::UnexpectedEof);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(
            prefix in prop::sample::select(vec![&b"PROXY "[..], b"PROXY TCP6 ", b"PROXY UNKNOWN", BINARY, b""]),
            rest in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            let _ = heard(&[prefix, &rest].concat(), b"");
        }
    }
}

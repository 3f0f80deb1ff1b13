//! The first packets of a connection, up to a TLS stream and a StartupMessage.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::wire::{invalid, read_untyped, write_fatal};

/// ALPN protocol name, registered for PostgreSQL.
pub(super) const ALPN: &[u8] = b"postgresql";

/// First byte of a TLS ClientHello, and of no PostgreSQL packet.
const TLS_HANDSHAKE: u8 = 0x16;

const SSL_REQUEST: u32 = 80_877_103;
const GSSENC_REQUEST: u32 = 80_877_104;
pub(super) const CANCEL_REQUEST: u32 = 80_877_102;

/// What a connection turned out to be.
pub(super) enum Opening {
    /// A session that wants to log in.
    Login(Box<TlsStream<TcpStream>>, Startup),
    /// A request to cancel another session's statement, and its stream when that has to be closed
    /// in TLS: clients take a bare end for an attack.
    Cancel(CancelKey, Option<Box<TlsStream<TcpStream>>>),
    /// It was told why not, or broke the protocol so early that nothing is said.
    Over,
}

/// The process id and secret bytes of a CancelRequest.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct CancelKey {
    pub(super) process: i32,
    pub(super) secret: Vec<u8>,
}

/// A StartupMessage.
pub(super) struct Startup {
    pub(super) major: u16,
    pub(super) minor: u16,
    /// In the client's order.
    pub(super) parameters: Vec<(String, String)>,
}

impl Startup {
    /// The value of a parameter; empty counts as absent, as in PostgreSQL.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(key, _)| key == name);
        found
            .map(|(_, value)| value.as_str())
            .filter(|v| !v.is_empty())
    }

    fn parse(version: u32, body: &[u8]) -> io::Result<Self> {
        let mut parameters = Vec::new();
        let mut rest = body;
        while let Some((name, after)) = cstring(rest) {
            if name.is_empty() {
                break;
            }
            let Some((value, after)) = cstring(after) else {
                return Err(invalid("layout of a startup packet"));
            };
            let name = String::from_utf8_lossy(name).into_owned();
            let value = String::from_utf8_lossy(value).into_owned();
            parameters.push((name, value));
            rest = after;
        }
        if rest != [0] {
            return Err(invalid("layout of a startup packet"));
        }
        let [a, b, c, d] = version.to_be_bytes();
        Ok(Self {
            major: u16::from_be_bytes([a, b]),
            minor: u16::from_be_bytes([c, d]),
            parameters,
        })
    }
}

/// Splits at the first NUL.
fn cstring(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    let (text, rest) = bytes.split_at(end);
    Some((text, rest.get(1..)?))
}

/// A packet without type byte.
enum First {
    Ssl,
    GssEnc,
    Cancel(CancelKey),
    Startup(Startup),
}

async fn read_first<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<First> {
    let (code, body) = read_untyped(stream).await?;
    match (code, body.as_slice()) {
        (SSL_REQUEST, []) => Ok(First::Ssl),
        (GSSENC_REQUEST, []) => Ok(First::GssEnc),
        (CANCEL_REQUEST, [a, b, c, d, secret @ ..]) if (4..=256).contains(&secret.len()) => {
            Ok(First::Cancel(CancelKey {
                process: i32::from_be_bytes([*a, *b, *c, *d]),
                secret: secret.to_vec(),
            }))
        }
        (SSL_REQUEST | GSSENC_REQUEST | CANCEL_REQUEST, _) => Err(invalid("length of a request")),
        (version, body) => Startup::parse(version, body).map(First::Startup),
    }
}

/// Reads first packets until it is clear what the connection wants.
pub(super) async fn open(
    mut stream: TcpStream,
    peer: SocketAddr,
    acceptor: &TlsAcceptor,
) -> io::Result<Opening> {
    let mut first = [0];
    if stream.peek(&mut first).await? == 0 {
        return Ok(Opening::Over);
    }
    if first == [TLS_HANDSHAKE] {
        let stream = acceptor.accept(stream).await?;
        // PostgreSQL 17+: direct TLS needs ALPN, so that no other protocol can be tricked into it.
        if stream.get_ref().1.alpn_protocol() != Some(ALPN) {
            return Ok(Opening::Over);
        }
        return encrypted(stream).await;
    }

    let mut gss_answered = false;
    loop {
        match read_first(&mut stream).await? {
            First::Ssl => {
                stream.write_all(b"S").await?;
                // Nothing but these eight bytes was read, so bytes stuffed in behind the request are
                // part of the handshake and break it (CVE-2021-23214).
                return encrypted(acceptor.accept(stream).await?).await;
            }
            First::GssEnc if gss_answered => return Ok(Opening::Over),
            First::GssEnc => {
                stream.write_all(b"N").await?;
                gss_answered = true;
            }
            First::Cancel(key) => return Ok(Opening::Cancel(key, None)),
            First::Startup(startup) => {
                refuse_plaintext(&mut stream, peer, &startup).await?;
                return Ok(Opening::Over);
            }
        }
    }
}

async fn encrypted(mut stream: TlsStream<TcpStream>) -> io::Result<Opening> {
    match read_first(&mut stream).await? {
        First::Startup(startup) => Ok(Opening::Login(Box::new(stream), startup)),
        First::Cancel(key) => Ok(Opening::Cancel(key, Some(Box::new(stream)))),
        First::Ssl | First::GssEnc => Ok(Opening::Over),
    }
}

/// What Azure says to a client that did not ask for TLS.
async fn refuse_plaintext(
    stream: &mut TcpStream,
    peer: SocketAddr,
    startup: &Startup,
) -> io::Result<()> {
    let user = startup.parameter("user").unwrap_or_default();
    let database = startup.parameter("database").unwrap_or(user);
    let message = format!(
        "no pg_hba.conf entry for host \"{}\", user \"{user}\", database \"{database}\", no encryption",
        peer.ip()
    );
    write_fatal(stream, "28000", &message).await
}

//! Our stream before a peer that is rustls with its own buffers, over a line on which every receive and every send is decided by
//! the test.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod ends;
mod handshakes;
mod line;
mod oracle;
mod reading;
mod writing;

use std::future::Future;
use std::io::{Read as _, Write as _};
use std::pin::pin;
use std::task::Waker;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{Connection, RootCertStore, SupportedProtocolVersion};

use super::*;
use crate::tls::provider;
use line::{Line, Wire};

const VERSIONS: [&SupportedProtocolVersion; 2] = [&rustls::version::TLS12, &rustls::version::TLS13];

/// Which end is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Client,
    Server,
}

/// Configurations of both ends, that trust each other.
fn configs(version: &'static SupportedProtocolVersion) -> (ClientConfig, ServerConfig) {
    let names = vec!["localhost".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let server = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    (client, server)
}

fn localhost() -> ServerName<'static> {
    ServerName::try_from("localhost").unwrap()
}

/// Polls once. What is pending is polled again by the test.
fn polled<T>(future: impl Future<Output = T>) -> Poll<T> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// A connection that has shaken hands.
struct Pair {
    ours: TlsStream<Wire>,
    peer: Connection,
    line: Line,
}

impl Pair {
    /// Each end, in each version.
    fn every() -> impl Iterator<Item = Self> {
        let ends = [End::Client, End::Server];
        ends.into_iter()
            .flat_map(|end| VERSIONS.map(|version| Self::of(end, configs(version))))
    }

    fn of(end: End, (client, server): (ClientConfig, ServerConfig)) -> Self {
        let (client, server) = (Arc::new(client), Arc::new(server));
        let (mut peer, line) = (peer_of(end, &client, &server), Line::default());
        let ours = match end {
            End::Client => shaken(
                TlsStream::connect(client, localhost(), line.wire()),
                &mut peer,
                &line,
            ),
            End::Server => shaken(TlsStream::accept(server, line.wire()), &mut peer, &line),
        };
        let ours = ours.unwrap();
        let mut pair = Self { ours, peer, line };
        pair.peer_hears();
        assert!(!pair.peer.is_handshaking());
        // Tickets.
        let bytes = pair.peer_flight();
        pair.line.send(&bytes);
        assert!(matches!(pair.read(1), Poll::Pending));
        pair
    }

    /// Reads what comes, with room for so much.
    fn read(&mut self, room: usize) -> Poll<io::Result<Vec<u8>>> {
        let mut bytes = vec![0; room];
        let mut buf = ReadBuf::new(&mut bytes);
        let mut cx = Context::from_waker(Waker::noop());
        let reading = Pin::new(&mut self.ours).poll_read(&mut cx, &mut buf);
        reading.map_ok(|()| buf.filled().to_vec())
    }

    /// Everything that can be read.
    fn read_all(&mut self, room: usize) -> Vec<u8> {
        let mut all = Vec::new();
        while let Poll::Ready(bytes) = self.read(room) {
            let bytes = bytes.unwrap();
            assert!(!bytes.is_empty(), "an end");
            all.extend(bytes);
        }
        all
    }

    fn write(&mut self, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut cx = Context::from_waker(Waker::noop());
        Pin::new(&mut self.ours).poll_write(&mut cx, bytes)
    }

    fn flush(&mut self) -> Poll<io::Result<()>> {
        let mut cx = Context::from_waker(Waker::noop());
        Pin::new(&mut self.ours).poll_flush(&mut cx)
    }

    fn shut(&mut self) -> Poll<io::Result<()>> {
        let mut cx = Context::from_waker(Waker::noop());
        Pin::new(&mut self.ours).poll_shutdown(&mut cx)
    }

    /// Records of the peer's with this in them.
    fn peer_says(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.peer.writer().write_all(bytes).unwrap();
        self.peer_flight()
    }

    fn peer_flight(&mut self) -> Vec<u8> {
        flight_of(&mut self.peer)
    }

    /// What the peer reads of all that we have sent.
    fn peer_hears(&mut self) -> Vec<u8> {
        let sent = self.line.sent();
        hear(&mut self.peer, &sent).unwrap()
    }

    /// An idle connection owns no buffer.
    fn assert_owns_nothing(&mut self) {
        let records = &mut self.ours.records;
        assert!(records.partial().is_empty());
        assert_eq!(records.behind(), 0);
        assert_eq!(records.capacity(), 0);
    }
}

fn peer_of(end: End, client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> Connection {
    let mut peer: Connection = match end {
        End::Client => rustls::ServerConnection::new(Arc::clone(server))
            .unwrap()
            .into(),
        End::Server => rustls::ClientConnection::new(Arc::clone(client), localhost())
            .unwrap()
            .into(),
    };
    peer.set_buffer_limit(None);
    peer
}

fn flight_of(peer: &mut Connection) -> Vec<u8> {
    let mut flight = Vec::new();
    while peer.wants_write() {
        peer.write_tls(&mut flight).unwrap();
    }
    flight
}

/// The plaintext in these bytes.
fn hear(peer: &mut Connection, mut bytes: &[u8]) -> Result<Vec<u8>, rustls::Error> {
    let mut heard = Vec::new();
    while !bytes.is_empty() {
        let count = peer.read_tls(&mut bytes).unwrap();
        peer.process_new_packets()?;
        // The error is "no more for now".
        let _ = peer.reader().read_to_end(&mut heard);
        if count == 0 {
            break;
        }
    }
    Ok(heard)
}

/// Shakes hands, in receives of whatever the peer says at once.
fn shaken<T>(
    shaking: impl Future<Output = io::Result<T>>,
    peer: &mut Connection,
    line: &Line,
) -> io::Result<T> {
    let mut shaking = pin!(shaking);
    for _ in 0..100 {
        if let Poll::Ready(outcome) = polled(shaking.as_mut()) {
            return outcome;
        }
        line.send(&flight_of(peer));
        let _ = hear(peer, &line.sent());
        line.send(&flight_of(peer));
    }
    panic!("a handshake without end");
}

/// The plaintexts' lengths are not to be seen, but the records' are.
fn lengths_of_records(mut bytes: &[u8]) -> Vec<usize> {
    let mut lengths = Vec::new();
    while let [_, _, _, high, low, rest @ ..] = bytes {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        lengths.push(length);
        bytes = &rest[length..];
    }
    assert!(bytes.is_empty());
    lengths
}

/// Bytes that differ from their neighbours.
fn pattern(length: usize) -> Vec<u8> {
    (0..length)
        .map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[1])
        .collect()
}

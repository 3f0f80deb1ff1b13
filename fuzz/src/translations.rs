//! Sessions of older apps of SQL Server, translated: how reads cut them makes no difference, what comes out is packets, and it is not
//! much more than what goes in.

use azdb_wire::tds::{Dialect, Header, Terms, Translator, Untranslatable, Version, frame_length};

/// What an app may read: the words of LOGIN7.
const VERSIONS: [u32; 5] = [
    0x7000_0000,
    0x7100_0000,
    0x7100_0001,
    0x7209_0002,
    0x730a_0003,
];
/// Types of requests.
const KINDS: [u8; 8] = [0x01, 0x03, 0x07, 0x0e, 0x06, 0x11, 0x03, 0x07];
const PACKET_SIZE: usize = 512;
/// Bytes that come out for one that goes in: eight for a bit of NBCROW, in packets.
const GROWTH: usize = 80;
const ALLOWANCE: usize = 4096;

/// Who says a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    App,
    Upstream,
}

/// The first byte is what the app reads, the second how long a value may be; then come packets.
pub fn run(data: &[u8]) {
    let [version, limit, rest @ ..] = data else {
        return;
    };
    let app = Version::from_login(VERSIONS[usize::from(*version) % VERSIONS.len()]);
    let terms = Terms {
        dialect: Dialect::between(app, Version::V7_4).expect("an older app"),
        packet_size: PACKET_SIZE,
        collation: [9, 4, 0xd0, 0, 0x34],
        value_limit: usize::from(*limit),
    };
    let packets = packets(rest);
    let whole = played(&terms, &packets, usize::MAX);
    let cut = played(&terms, &packets, 1);
    // A session with what cannot be translated is over, wherever that is seen.
    let is_over = whole.error.is_some() || cut.error.is_some();
    assert!(is_over || whole == cut, "cut");
    let came: usize = packets.iter().map(|(_, bytes)| bytes.len()).sum();
    for mut out in [&whole.to_app[..], &whole.to_upstream] {
        assert!(out.len() <= GROWTH * came + ALLOWANCE, "much");
        while let Some(length) = frame_length(out).expect("a packet") {
            assert!(length <= PACKET_SIZE, "a packet of {length}");
            out = out.get(length..).expect("a whole packet");
        }
        assert!(out.is_empty(), "half a header");
    }
}

/// What has come of a session.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    to_app: Vec<u8>,
    to_upstream: Vec<u8>,
    error: Option<Untranslatable>,
}

fn played(terms: &Terms, packets: &[(Side, Vec<u8>)], size: usize) -> Outcome {
    let mut translator = Translator::new(terms);
    let (mut to_app, mut to_upstream) = (Vec::new(), Vec::new());
    let mut error = None;
    let pieces = packets.iter().flat_map(|(side, packet)| {
        let pieces = packet.chunks(size.min(packet.len()));
        pieces.map(move |piece| (*side, piece))
    });
    for (side, piece) in pieces {
        let done = match side {
            Side::App => translator.from_app(piece, &mut to_upstream),
            Side::Upstream => translator.from_upstream(piece, &mut to_app),
        };
        if let Err(told) = done {
            error = Some(told);
            break;
        }
    }
    if error.is_none() {
        translator.upstream_ended(&mut to_app);
    }
    Outcome {
        to_app,
        to_upstream,
        error,
    }
}

/// Each packet begins with its side, its type and its bits of status in one byte, and its length in two.
fn packets(mut data: &[u8]) -> Vec<(Side, Vec<u8>)> {
    let mut packets = Vec::new();
    while let [head, low, high, rest @ ..] = data {
        let length =
            usize::from(u16::from_le_bytes([*low, *high])) % (PACKET_SIZE - Header::LEN + 1);
        let (payload, behind) = rest.split_at(rest.len().min(length));
        let (side, kind) = match head & 0x80 {
            0 => (Side::App, KINDS[usize::from(head & 0x07)]),
            _ => (Side::Upstream, 0x04),
        };
        let status = match side {
            Side::App => (head >> 3 & 0x03) | (head >> 2 & 0x08),
            Side::Upstream => head & 1,
        };
        let header = Header {
            kind,
            status,
            length: u16::try_from(payload.len() + Header::LEN).expect("not so much"),
            spid: 51,
            id: 1,
        };
        packets.push((side, [&header.encode()[..], payload].concat()));
        data = behind;
    }
    packets
}

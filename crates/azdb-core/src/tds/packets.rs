//! Packets and messages of a login over a leg.

use std::io;

use azdb_wire::tds::{Header, PacketError, kind, push_message};

use crate::way::{Framing, Leg, Share, Stream};

/// How far a leg may be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// As far as it likes: what is read too far is of the same stream.
    Ahead,
    /// To the packet's end: what lies behind it may be another stream's.
    Exactly,
}

/// Why a message was not read.
#[derive(Debug)]
pub(super) enum NoMessage {
    /// The connection broke or ended.
    Lost(io::Error),
    /// A packet is none.
    Bad(PacketError),
    /// A packet of another kind, known by its header: nothing says that the rest of it will come.
    Kind,
    /// It is longer than the most that is read.
    TooLong,
    /// It is in more packets than its bytes are worth.
    TooManyPackets,
}

/// Most packets of a message: those of the longest one in packets of the least size that can be agreed on (512 bytes), twice.
const MOST_PACKETS: usize = 1024;

impl From<io::Error> for NoMessage {
    fn from(error: io::Error) -> Self {
        Self::Lost(error)
    }
}

/// One packet.
pub(super) struct Packet {
    pub(super) header: Header,
    pub(super) payload: Vec<u8>,
}

/// Reads one packet of one of these kinds, and of at most `most` bytes of payload.
pub(super) async fn read_packet<S: Stream>(
    leg: &mut Leg<S>,
    reading: Reading,
    kinds: &[u8],
    most: usize,
) -> Result<Packet, NoMessage> {
    fill(leg, reading, Header::LEN).await?;
    let Some(header) = leg.unread().first_chunk() else {
        return Err(NoMessage::Lost(io::ErrorKind::UnexpectedEof.into()));
    };
    let header = Header::parse(*header).map_err(NoMessage::Bad)?;
    if !kinds.contains(&header.kind) {
        return Err(NoMessage::Kind);
    }
    if header.payload() > most {
        return Err(NoMessage::TooLong);
    }
    let length = usize::from(header.length);
    fill(leg, reading, length).await?;
    let payload = leg.unread().get(Header::LEN..length);
    let payload = payload.unwrap_or_default().to_vec();
    leg.consume(length);
    Ok(Packet { header, payload })
}

/// Reads one message of this kind, of however many packets, and at most `most` bytes of payload. The header is that of its last
/// packet.
pub(super) async fn read_message<S: Stream>(
    leg: &mut Leg<S>,
    reading: Reading,
    kind: u8,
    most: usize,
) -> Result<Packet, NoMessage> {
    let mut message = read_packet(leg, reading, &[kind], most).await?;
    let mut count = 1;
    while !message.header.is_last() {
        count += 1;
        if count > MOST_PACKETS {
            return Err(NoMessage::TooManyPackets);
        }
        let left = most.saturating_sub(message.payload.len());
        let next = read_packet(leg, reading, &[kind], left).await?;
        message.payload.extend_from_slice(&next.payload);
        message.header = next.header;
    }
    Ok(message)
}

async fn fill<S: Stream>(leg: &mut Leg<S>, reading: Reading, count: usize) -> io::Result<()> {
    match reading {
        Reading::Ahead => leg.fill(count).await,
        Reading::Exactly => leg.fill_exactly(count).await,
    }
}

/// Handshakes inside PRELOGIN packets.
pub(super) struct InPrelogin;

impl Framing for InPrelogin {
    fn wrap(flight: &[u8], out: &mut Vec<u8>) {
        push_message(kind::PRELOGIN, 0, flight, out);
    }

    /// Servers of 7.1 and older use the type of their answers.
    async fn unwrap<S: Stream>(leg: &mut Leg<S>) -> io::Result<Share> {
        let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what);
        let (kinds, most) = ([kind::PRELOGIN, kind::RESPONSE], usize::from(u16::MAX));
        match read_packet(leg, Reading::Exactly, &kinds, most).await {
            Ok(Packet { header, payload }) => Ok(Share {
                payload,
                is_last: header.is_last(),
            }),
            Err(NoMessage::Lost(error)) => Err(error),
            Err(NoMessage::Bad(error)) => Err(bad(&error.to_string())),
            Err(NoMessage::Kind | NoMessage::TooLong | NoMessage::TooManyPackets) => {
                Err(bad("a packet that is not part of the handshake"))
            }
        }
    }
}

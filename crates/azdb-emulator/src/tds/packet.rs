//! Packets and messages: an 8-byte header, then data; several packets of one type make a message.

use super::record::Violation;
use super::version::Version;

/// Bytes of a packet's header.
pub(super) const HEADER: usize = 8;
/// First byte of an SMP packet.
pub(super) const SMP: u8 = 0x53;
/// Bytes of an SMP packet's header.
pub(super) const SMP_HEADER: usize = 16;
/// Longest packet before a size has been agreed on, header included. Azure resets a connection whose
/// LOGIN7 has a longer one.
pub(super) const LOGIN_PACKET: usize = 4096;

/// Message types.
pub(super) mod kind {
    pub(crate) const BATCH: u8 = 0x01;
    pub(crate) const RPC: u8 = 0x03;
    pub(crate) const RESPONSE: u8 = 0x04;
    pub(crate) const ATTENTION: u8 = 0x06;
    pub(crate) const BULK: u8 = 0x07;
    pub(crate) const TRANSACTION: u8 = 0x0e;
    pub(crate) const LOGIN7: u8 = 0x10;
    pub(crate) const PRELOGIN: u8 = 0x12;
}

/// Bits of a packet's status.
pub(super) mod status {
    /// Last packet of its message.
    pub(crate) const END: u8 = 0x01;
    /// The client takes the message back.
    pub(crate) const IGNORE: u8 = 0x02;
    /// Put the session back to its state after login first.
    pub(crate) const RESET: u8 = 0x08;
    /// As above, but leave the transaction alone.
    pub(crate) const RESET_KEEP_TRANSACTION: u8 = 0x10;
}

/// One packet of the other side.
#[derive(Debug)]
pub(super) struct Packet {
    pub(super) kind: u8,
    pub(super) status: u8,
    pub(super) spid: u16,
    pub(super) data: Vec<u8>,
}

impl Packet {
    /// Of a whole packet, header included.
    pub(super) fn of(mut bytes: Vec<u8>) -> Result<Self, Violation> {
        let &[kind, status, _, _, high, low, _, _] = bytes
            .first_chunk::<HEADER>()
            .ok_or(Violation::Malformed("a packet's length"))?;
        bytes.drain(..HEADER);
        Ok(Self {
            kind,
            status,
            spid: u16::from_be_bytes([high, low]),
            data: bytes,
        })
    }

    pub(super) fn is_last(&self) -> bool {
        self.status & status::END != 0 || self.kind == kind::ATTENTION
    }

    /// Length on the wire.
    pub(super) fn wire_len(&self) -> usize {
        self.data.len() + HEADER
    }

    /// From TDS 7.3 on the server insists on full packets of the agreed size.
    pub(super) fn check_size(&self, agreed: usize, version: Version) -> Result<(), Violation> {
        let size = self.wire_len();
        let is_short = size < agreed && version.wants_full_packets();
        if size > agreed || (!self.is_last() && is_short) {
            return Err(Violation::PacketSize);
        }
        Ok(())
    }
}

/// Length of the TDS or SMP packet that these bytes begin with, header included.
pub(super) fn unit_length(bytes: &[u8]) -> Result<usize, Violation> {
    let malformed = Violation::Malformed("a packet's length");
    let &[first, _, a, b, c, d, e, f] = bytes.first_chunk::<HEADER>().ok_or(malformed)?;
    let (length, least) = if first == SMP {
        let length = u32::from_le_bytes([c, d, e, f]);
        (usize::try_from(length).map_err(|_| malformed)?, SMP_HEADER)
    } else {
        (usize::from(u16::from_be_bytes([a, b])), HEADER)
    };
    if (least..=1 << 16).contains(&length) {
        Ok(length)
    } else {
        Err(malformed)
    }
}

/// One packet as it goes out. `number` counts within the message.
pub(super) fn packet(kind: u8, last: bool, spid: u16, number: u8, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len() + HEADER).unwrap_or(u16::MAX);
    let mut bytes = Vec::with_capacity(data.len() + HEADER);
    bytes.extend([kind, if last { status::END } else { 0 }]);
    bytes.extend(length.to_be_bytes());
    bytes.extend(spid.to_be_bytes());
    bytes.extend([number, 0]);
    bytes.extend_from_slice(data);
    bytes
}

/// A whole message as packets of at most `size` bytes.
pub(super) fn packets(
    kind: u8,
    spid: u16,
    data: &[u8],
    size: usize,
) -> impl Iterator<Item = Vec<u8>> {
    let room = size - HEADER;
    let count = data.len().div_ceil(room).max(1);
    (1..=count).map(move |at| {
        // It wraps.
        let [number, ..] = at.to_le_bytes();
        let part = data.get((at - 1) * room..).unwrap_or_default();
        let part = part.get(..room).unwrap_or(part);
        packet(kind, at == count, spid, number, part)
    })
}

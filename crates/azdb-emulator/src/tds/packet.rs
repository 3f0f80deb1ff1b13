//! Packets and messages: an 8-byte header, then data; several packets of one type make a message.

/// Bytes of a packet's header.
pub(super) const HEADER: usize = 8;

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

/// One packet of a client.
#[derive(Debug)]
pub(super) struct Packet {
    pub(super) kind: u8,
    pub(super) status: u8,
    pub(super) data: Vec<u8>,
}

impl Packet {
    /// Of a whole packet, header included; `None` when it is shorter than its header.
    pub(super) fn of(mut bytes: Vec<u8>) -> Option<Self> {
        let &[kind, status, ..] = bytes.first_chunk::<HEADER>()?;
        bytes.drain(..HEADER);
        Some(Self {
            kind,
            status,
            data: bytes,
        })
    }

    pub(super) fn is_last(&self) -> bool {
        self.status & status::END != 0
    }

    /// Length on the wire.
    pub(super) fn wire_len(&self) -> usize {
        self.data.len() + HEADER
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

/// A whole message, cut into packets of at most `size` bytes.
pub(super) fn message(kind: u8, spid: u16, data: &[u8], size: usize) -> Vec<u8> {
    let room = size - HEADER;
    let count = data.len().div_ceil(room).max(1);
    let mut bytes = Vec::with_capacity(data.len() + count * HEADER);
    let mut number = 1_u8;
    let mut rest = data;
    loop {
        let (now, later) = rest.split_at(rest.len().min(room));
        bytes.extend(packet(kind, later.is_empty(), spid, number, now));
        if later.is_empty() {
            return bytes;
        }
        rest = later;
        number = number.wrapping_add(1);
    }
}

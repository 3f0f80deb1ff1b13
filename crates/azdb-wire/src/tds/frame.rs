//! Packets: 8 bytes in front of everything, and 16 of SMP in front of those when MARS is on.
//!
//! ```text
//!   type: 1 | status: 1 | length: 2, big-endian, all of it | spid: 2, big-endian | id: 1 | window: 1 | payload
//!   0x53 | flags: 1 | session: 2 | length: 4, all of it | sequence: 4 | window: 4 | a packet, if flags say DATA
//! ```
//!
//! Source: MS-TDS 2.2.3.1 for the first, MC-SMP 2.2 for the second, whose numbers are little-endian.

use alloc::vec::Vec;

/// Types of messages, the first byte of each packet.
pub mod kind {
    /// A batch of SQL.
    pub const SQL_BATCH: u8 = 0x01;
    /// The login of Sybase and SQL Server 6.5.
    pub const OLD_LOGIN: u8 = 0x02;
    /// A remote procedure call.
    pub const RPC: u8 = 0x03;
    /// Everything that a server says, but TLS handshakes.
    pub const RESPONSE: u8 = 0x04;
    /// "Stop", without a payload.
    pub const ATTENTION: u8 = 0x06;
    /// Rows of a bulk load.
    pub const BULK_LOAD: u8 = 0x07;
    /// A token, when the server asked for it with FEDAUTHINFO.
    pub const FED_AUTH_TOKEN: u8 = 0x08;
    /// A request to the transaction manager.
    pub const TRANSACTION: u8 = 0x0e;
    /// LOGIN7.
    pub const LOGIN7: u8 = 0x10;
    /// A blob of SSPI.
    pub const SSPI: u8 = 0x11;
    /// PRELOGIN, and TLS handshakes inside packets.
    pub const PRELOGIN: u8 = 0x12;
    /// First byte of a packet of SMP, the multiplexing under MARS.
    pub const SMP: u8 = 0x53;
}

/// Bytes of a packet until the login has agreed on another size. LOGIN7 keeps to it whatever it asks for: Azure SQL resets the
/// connection otherwise.
pub const LOGIN_PACKET: usize = 4096;

/// A packet's length word cannot say more.
pub const MAX_PACKET: usize = 65_535;

/// The header of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// One of [`kind`].
    pub kind: u8,
    /// Bit 0 is the end of the message.
    pub status: u8,
    /// Of the whole packet, these 8 bytes included.
    pub length: u16,
    /// The server's number for the session.
    pub spid: u16,
    /// Counts packets of a message; nobody looks at it.
    pub id: u8,
}

/// Bytes that are no packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// Shorter than its own header.
    #[error("a packet of {0} bytes")]
    Length(u16),
    /// SMP packets hold at least their own header, and at most that and one packet.
    #[error("an SMP packet of {0} bytes")]
    SmpLength(u32),
}

impl Header {
    /// Bytes of a header.
    pub const LEN: usize = 8;
    /// Status bit of a message's last packet.
    pub const LAST: u8 = 0x01;
    /// Status bit of a message that its sender has taken back.
    pub const IGNORE: u8 = 0x02;
    /// Status bit of a request in front of which the server is to reset the session.
    pub const RESET: u8 = 0x08;

    /// Reads a header.
    ///
    /// # Errors
    ///
    /// [`PacketError::Length`] when the packet is shorter than that.
    pub fn parse(bytes: [u8; Self::LEN]) -> Result<Self, PacketError> {
        let [kind, status, l0, l1, s0, s1, id, _window] = bytes;
        let length = u16::from_be_bytes([l0, l1]);
        if usize::from(length) < Self::LEN {
            return Err(PacketError::Length(length));
        }
        Ok(Self {
            kind,
            status,
            length,
            spid: u16::from_be_bytes([s0, s1]),
            id,
        })
    }

    /// The header's bytes.
    pub fn encode(self) -> [u8; Self::LEN] {
        let [l0, l1] = self.length.to_be_bytes();
        let [s0, s1] = self.spid.to_be_bytes();
        [self.kind, self.status, l0, l1, s0, s1, self.id, 0]
    }

    /// Whether the message ends with this packet.
    pub fn is_last(self) -> bool {
        self.status & Self::LAST != 0
    }

    /// Bytes behind the header.
    pub fn payload(self) -> usize {
        usize::from(self.length).saturating_sub(Self::LEN)
    }
}

/// The header of an SMP packet (MC-SMP 2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SmpHeader {
    /// 1 SYN, 2 ACK, 4 FIN, 8 DATA.
    pub flags: u8,
    /// The session inside the session.
    pub sid: u16,
    /// Of the whole packet, these 16 bytes included.
    pub length: u32,
}

impl SmpHeader {
    /// Bytes of a header.
    pub const LEN: usize = 16;
    /// Flag of a packet that holds one packet of TDS.
    pub const DATA: u8 = 8;

    /// Reads a header.
    ///
    /// # Errors
    ///
    /// [`PacketError::SmpLength`] when it is shorter than that, or holds more than a packet of TDS can have.
    pub fn parse(bytes: [u8; Self::LEN]) -> Result<Self, PacketError> {
        let [_smid, flags, s0, s1, l0, l1, l2, l3, ..] = bytes;
        let length = u32::from_le_bytes([l0, l1, l2, l3]);
        let most = Self::LEN.saturating_add(MAX_PACKET);
        match usize::try_from(length) {
            Ok(bytes) if (Self::LEN..=most).contains(&bytes) => Ok(Self {
                flags,
                sid: u16::from_le_bytes([s0, s1]),
                length,
            }),
            _ => Err(PacketError::SmpLength(length)),
        }
    }
}

/// The length of the packet, TDS or SMP, that `bytes` begin with; `None` while too little of it is there to tell.
///
/// # Errors
///
/// [`PacketError`] when it is none.
pub fn frame_length(bytes: &[u8]) -> Result<Option<usize>, PacketError> {
    match bytes {
        [kind::SMP, ..] => bytes
            .first_chunk()
            .map(|header| SmpHeader::parse(*header))
            .transpose()
            .map(|header| header.and_then(|header| usize::try_from(header.length).ok())),
        _ => bytes
            .first_chunk()
            .map(|header| Header::parse(*header))
            .transpose()
            .map(|header| header.map(|header| usize::from(header.length))),
    }
}

/// Cuts a message into packets of at most [`LOGIN_PACKET`] bytes: headers with their share of the payload.
pub fn packets(kind: u8, spid: u16, payload: &[u8]) -> impl Iterator<Item = ([u8; 8], &[u8])> {
    const SHARE: usize = LOGIN_PACKET - Header::LEN;
    let mut rest = Some(payload);
    let mut id = 0u8;
    core::iter::from_fn(move || {
        let (share, behind) = match rest?.split_at_checked(SHARE) {
            Some((share, behind @ [_, ..])) => (share, Some(behind)),
            _ => (rest?, None),
        };
        rest = behind;
        id = id.wrapping_add(1);
        let length = share.len().saturating_add(Header::LEN);
        let header = Header {
            kind,
            status: if behind.is_none() { Header::LAST } else { 0 },
            length: u16::try_from(length).unwrap_or(u16::MAX),
            spid,
            id,
        };
        Some((header.encode(), share))
    })
}

/// Appends a message to `out`, in packets of at most [`LOGIN_PACKET`] bytes.
pub fn push_message(kind: u8, spid: u16, payload: &[u8], out: &mut Vec<u8>) {
    for (header, share) in packets(kind, spid, payload) {
        out.extend_from_slice(&header);
        out.extend_from_slice(share);
    }
}

//! The untyped packets that an app may begin with.
//!
//! All are `int32 length (itself included)`, `int32 code`, payload; big endian.

use super::login::Startup;
use crate::reader::Reader;

/// Longest first packet, in bytes, length word included. The server's own `MAX_STARTUP_PACKET_LENGTH`.
pub const MAX_FIRST: usize = 10_000;

/// "May we speak TLS?"
pub const SSL_REQUEST: [u8; 8] = request(1234, 5679);
/// "May we speak GSSAPI encryption?"
pub const GSSENC_REQUEST: [u8; 8] = request(1234, 5680);
/// The code that begins a CancelRequest's payload.
pub const CANCEL_REQUEST: u32 = code(1234, 5678);

pub(super) const fn code(high: u16, low: u16) -> u32 {
    ((high as u32) << 16) | low as u32
}

const fn request(high: u16, low: u16) -> [u8; 8] {
    let [h1, h0] = high.to_be_bytes();
    let [l1, l0] = low.to_be_bytes();
    [0, 0, 0, 8, h1, h0, l1, l0]
}

/// A first packet, borrowed from the bytes it was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum First<'a> {
    /// SSLRequest. Answered with one byte, `S` or `N`.
    Tls,
    /// GSSENCRequest. Answered with one byte, `G` or `N`.
    GssEnc,
    /// CancelRequest. Never answered.
    Cancel(CancelRequest<'a>),
    /// StartupMessage.
    Startup(Startup<'a>),
}

/// A request to interrupt another session.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CancelRequest<'a> {
    /// Process id and key, 8 to 260 bytes: exactly the payload of the other session's BackendKeyData.
    pub key: &'a [u8],
}

impl core::fmt::Debug for CancelRequest<'_> {
    /// The key is a secret of its session.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "CancelRequest({} bytes)", self.key.len())
    }
}

/// A protocol version as it stands in a StartupMessage: 3.0, 3.2, or one that asks what the server knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version(pub u32);

impl Version {
    /// 3.0, spoken since PostgreSQL 7.4.
    pub const V3_0: Self = Self(code(3, 0));

    /// The half that both sides must agree on.
    pub const fn major(self) -> u16 {
        (self.0 >> 16) as u16
    }

    /// The half that the server may negotiate down.
    pub const fn minor(self) -> u16 {
        (self.0 & 0xffff) as u16
    }
}

impl core::fmt::Display for Version {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}.{}", self.major(), self.minor())
    }
}

/// Why bytes are not a first packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FirstError {
    /// The length word is out of range: not PostgreSQL at all, or an attack.
    #[error("length {0} is not one of a first packet")]
    Length(u32),
    /// Another major version.
    #[error("unsupported protocol version {0}")]
    Version(Version),
    /// A request of the 1234 family that nobody has defined.
    #[error("unknown request code {0}")]
    Request(u32),
    /// The payload does not have the form that its code demands.
    #[error("malformed {0}")]
    Malformed(&'static str),
}

/// How long the packet is that begins with `prefix`, length word included.
///
/// # Errors
///
/// [`FirstError::Length`] below 8 bytes or above [`MAX_FIRST`].
pub fn first_length(prefix: [u8; 4]) -> Result<usize, FirstError> {
    let length = u32::from_be_bytes(prefix);
    match usize::try_from(length) {
        Ok(bytes @ 8..=MAX_FIRST) => Ok(bytes),
        _ => Err(FirstError::Length(length)),
    }
}

impl<'a> First<'a> {
    /// Reads one whole first packet, length word included.
    ///
    /// # Errors
    ///
    /// As [`FirstError`] says.
    pub fn parse(packet: &'a [u8]) -> Result<Self, FirstError> {
        let mut reader = Reader::new(packet);
        let prefix = reader.array().ok_or(FirstError::Malformed("length word"))?;
        if first_length(prefix)? != packet.len() {
            return Err(FirstError::Length(u32::from_be_bytes(prefix)));
        }
        let code = reader.u32_be();
        let code = code.ok_or(FirstError::Malformed("request code"))?;
        let payload = reader.rest();
        if packet == SSL_REQUEST {
            Ok(Self::Tls)
        } else if packet == GSSENC_REQUEST {
            Ok(Self::GssEnc)
        } else if code == CANCEL_REQUEST {
            // 4 bytes of process id, then a key of 4 bytes (3.0) or 4 to 256 bytes (3.2).
            match payload.len() {
                8..=260 => Ok(Self::Cancel(CancelRequest { key: payload })),
                _ => Err(FirstError::Malformed("CancelRequest")),
            }
        } else {
            match Version(code) {
                version if version.major() == 3 => {
                    Startup::parse(version, payload).map(Self::Startup)
                }
                version if version.major() == 1234 => Err(FirstError::Request(code)),
                version => Err(FirstError::Version(version)),
            }
        }
    }
}

//! The untyped packets that an app may begin with.
//!
//! All are `int32 length (itself included)`, `int32 code`, payload; big endian.

use super::startup::Startup;

/// Longest first packet, in bytes, length word included. The server's own `MAX_STARTUP_PACKET_LENGTH`.
pub const MAX_FIRST: usize = 10_000;

/// "May we speak TLS?"
pub const SSL_REQUEST: [u8; 8] = request(1234, 5679);
/// "May we speak GSSAPI encryption?"
pub const GSSENC_REQUEST: [u8; 8] = request(1234, 5680);
/// The code that begins a CancelRequest's payload.
pub const CANCEL_REQUEST: u32 = code(1234, 5678);

const fn code(high: u16, low: u16) -> u32 {
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
        let Some((&prefix, rest)) = packet.split_first_chunk::<4>() else {
            return Err(FirstError::Malformed("length word"));
        };
        if first_length(prefix)? != packet.len() {
            return Err(FirstError::Length(u32::from_be_bytes(prefix)));
        }
        let Some((&word, payload)) = rest.split_first_chunk::<4>() else {
            return Err(FirstError::Malformed("request code"));
        };
        let code = u32::from_be_bytes(word);
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

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "a test may fail loudly"
)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn packet(code: u32, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len() + 8).unwrap();
        [&length.to_be_bytes(), &code.to_be_bytes(), payload].concat()
    }

    #[test]
    fn requests_are_known_by_their_codes() {
        assert_eq!(SSL_REQUEST, *b"\x00\x00\x00\x08\x04\xd2\x16\x2f");
        assert_eq!(First::parse(&SSL_REQUEST), Ok(First::Tls));
        assert_eq!(First::parse(&GSSENC_REQUEST), Ok(First::GssEnc));
    }

    #[test]
    fn cancel_keys_are_4_to_256_bytes_beside_the_pid() {
        for length in 8..=260 {
            let key: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
            let packet = packet(CANCEL_REQUEST, &key);
            assert_eq!(
                First::parse(&packet),
                Ok(First::Cancel(CancelRequest { key: &key }))
            );
        }
        for length in [0, 4, 7, 261] {
            let packet = packet(CANCEL_REQUEST, &alloc::vec![0; length]);
            assert_eq!(
                First::parse(&packet),
                Err(FirstError::Malformed("CancelRequest"))
            );
        }
    }

    #[test]
    fn an_http_request_has_no_legal_length() {
        assert_eq!(first_length(*b"GET "), Err(FirstError::Length(0x4745_5420)));
        assert_eq!(first_length([0, 0, 0, 7]), Err(FirstError::Length(7)));
        assert_eq!(
            first_length([0, 0, 0x27, 0x11]),
            Err(FirstError::Length(10_001))
        );
        assert_eq!(first_length([0, 0, 0x27, 0x10]), Ok(MAX_FIRST));
    }

    #[test]
    fn other_majors_and_unknown_requests_are_told_apart() {
        let version_2 = packet(code(2, 0), b"\0");
        assert_eq!(
            First::parse(&version_2),
            Err(FirstError::Version(Version(code(2, 0))))
        );
        let unknown = packet(code(1234, 1), b"");
        assert_eq!(
            First::parse(&unknown),
            Err(FirstError::Request(code(1234, 1)))
        );
        // An SSLRequest with a payload is not an SSLRequest.
        let stuffed = packet(code(1234, 5679), b"x");
        assert!(matches!(
            First::parse(&stuffed),
            Err(FirstError::Request(_))
        ));
    }
}

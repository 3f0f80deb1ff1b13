//! What a server asks for before it lets anyone in, and the answer that holds the secret.
//!
//! ```text
//!   R | length: 4 | code: 4, big-endian | salt, SASL mechanisms each ended by NUL, or a SASL message
//!   p | length: 4 | secret | NUL
//! ```
//!
//! Source: the messages Authentication… and PasswordMessage in chapter 54.7 of the PostgreSQL documentation; RFC 5802 for SCRAM.

use alloc::vec::Vec;

use super::frame::{Header, MessageError, tag};
use crate::reader::Reader;

/// Longest secret that PostgreSQL reads, in bytes.
///
/// Its `PG_MAX_AUTH_TOKEN_LENGTH` is 65,535 for the length word, which counts itself and the final NUL. One byte more, and
/// the server drops the connection without a word.
pub const MAX_SECRET: usize = 65_530;

/// An authentication request, the body of message `R`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authentication<'a> {
    /// Welcome.
    Ok,
    /// The password, as it is.
    Cleartext,
    /// The password, hashed with this salt.
    Md5 {
        /// Drawn by the server.
        salt: [u8; 4],
    },
    /// A choice of SASL mechanisms.
    Sasl(Vec<&'a [u8]>),
    /// The server's next SASL message.
    SaslContinue(&'a [u8]),
    /// The server's last SASL message: its own proof.
    SaslFinal(&'a [u8]),
    /// Kerberos, GSSAPI, SSPI, or something newer.
    Other(u32),
}

impl<'a> Authentication<'a> {
    /// Reads the body of message `R`.
    ///
    /// # Errors
    ///
    /// [`MessageError::Malformed`] when it is too short for its kind.
    pub fn parse(body: &'a [u8]) -> Result<Self, MessageError> {
        Self::read(Reader::new(body)).ok_or(MessageError::Malformed("authentication request"))
    }

    fn read(mut reader: Reader<'a>) -> Option<Self> {
        Some(match reader.u32_be()? {
            0 => Self::Ok,
            3 => Self::Cleartext,
            5 => Self::Md5 {
                salt: reader.array()?,
            },
            10 => {
                let mut mechanisms = Vec::new();
                loop {
                    match reader.cstring()? {
                        [] => break Self::Sasl(mechanisms),
                        name => mechanisms.push(name),
                    }
                }
            }
            11 => Self::SaslContinue(reader.rest()),
            12 => Self::SaslFinal(reader.rest()),
            other => Self::Other(other),
        })
    }

    /// The request's name in words for people.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Cleartext => "cleartext password",
            Self::Md5 { .. } => "MD5 password",
            Self::Sasl(_) | Self::SaslContinue(_) | Self::SaslFinal(_) => "SCRAM password",
            Self::Other(7..=9) => "GSSAPI or SSPI",
            Self::Other(_) => "unknown",
        }
    }
}

/// The secret does not fit in a PasswordMessage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("secret of {0} bytes, the server reads at most {MAX_SECRET}")]
pub struct SecretTooLong(pub usize);

/// Bytes of the PasswordMessage for a secret of `secret` bytes, so that its buffer never has to grow and leave a copy behind.
///
/// # Errors
///
/// [`SecretTooLong`] above [`MAX_SECRET`].
pub const fn password_message_len(secret: usize) -> Result<usize, SecretTooLong> {
    match secret {
        0..=MAX_SECRET => Ok(secret.saturating_add(Header::LEN + 1)),
        _ => Err(SecretTooLong(secret)),
    }
}

/// Appends the PasswordMessage for `secret` to `out`, whose capacity the caller has reserved.
///
/// # Errors
///
/// [`SecretTooLong`] above [`MAX_SECRET`].
pub fn encode_password(secret: &[u8], out: &mut Vec<u8>) -> Result<(), SecretTooLong> {
    let total = password_message_len(secret.len())?;
    let length = u32::try_from(total.saturating_sub(1)).unwrap_or(u32::MAX);
    out.push(tag::PASSWORD);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(secret);
    out.push(0);
    Ok(())
}

/// The part of a SCRAM server-first message that costs the client time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScramFirst {
    /// Rounds of PBKDF2 that the server asks for.
    pub iterations: u32,
}

impl ScramFirst {
    /// Most rounds that are worked off for a server, as in `postgres-protocol`; PostgreSQL asks for 4096.
    pub const MAX_ITERATIONS: u32 = 100_000;

    /// Reads `r=…,s=…,i=…` (RFC 5802).
    ///
    /// # Errors
    ///
    /// [`MessageError::Malformed`] when there is no count, or one outside 1..=[`ScramFirst::MAX_ITERATIONS`].
    pub fn parse(message: &[u8]) -> Result<Self, MessageError> {
        let count = message
            .split(|byte| *byte == b',')
            .find_map(|attribute| attribute.strip_prefix(b"i="))
            .and_then(|digits| core::str::from_utf8(digits).ok())
            .and_then(|digits| digits.parse().ok());
        match count {
            Some(iterations @ 1..=Self::MAX_ITERATIONS) => Ok(Self { iterations }),
            _ => Err(MessageError::Malformed("SCRAM iteration count")),
        }
    }
}

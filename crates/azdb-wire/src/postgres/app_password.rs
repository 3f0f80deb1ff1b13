//! What a server asks of an app before it lets it in, and the app's proofs.
//!
//! ```text
//!   R | length: 4 | 10 | mechanisms, each ended by NUL | NUL        R | length: 4 | 11 or 12 | SASL message
//!   p | length: 4 | mechanism, NUL | length: 4 | SASL message        p | length: 4 | SASL message
//!
//!   client-first    n,,n=,r=<its nonce>                 n: no channel binding; y: it would; p=<name>: it does
//!   server-first    r=<both nonces>,s=<salt>,i=<rounds>
//!   client-final    c=<header and binding>,r=<both nonces>,p=<proof>
//!   server-final    v=<our proof>
//! ```
//!
//! Source: chapter 54.3 of the PostgreSQL documentation; RFC 5802 section 7, RFC 7677.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::frame::{MessageError, tag};
use crate::reader::Reader;

/// SCRAM without channel binding.
pub const SCRAM_SHA_256: &str = "SCRAM-SHA-256";
/// SCRAM with channel binding.
pub const SCRAM_SHA_256_PLUS: &str = "SCRAM-SHA-256-PLUS";
/// The one kind of channel binding that PostgreSQL's clients know (RFC 5929).
pub const END_POINT: &[u8] = b"tls-server-end-point";

const MALFORMED: MessageError = MessageError::Malformed("SCRAM message");

/// AuthenticationSASL.
pub fn encode_sasl_request(mechanisms: &[&str]) -> Vec<u8> {
    let mut data = Vec::with_capacity(64);
    for mechanism in mechanisms {
        data.extend_from_slice(mechanism.as_bytes());
        data.push(0);
    }
    data.push(0);
    request(10, &data)
}

/// AuthenticationSASLContinue.
pub fn encode_sasl_continue(message: &[u8]) -> Vec<u8> {
    request(11, message)
}

/// AuthenticationSASLFinal.
pub fn encode_sasl_final(message: &[u8]) -> Vec<u8> {
    request(12, message)
}

/// AuthenticationMD5Password.
pub fn encode_md5_request(salt: [u8; 4]) -> Vec<u8> {
    request(5, &salt)
}

fn request(code: u32, data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let mut out = Vec::with_capacity(data.len().saturating_add(9));
    out.push(tag::AUTHENTICATION);
    out.extend_from_slice(&length.saturating_add(8).to_be_bytes());
    out.extend_from_slice(&code.to_be_bytes());
    out.extend_from_slice(data);
    out
}

/// SASLInitialResponse, the body of message `p`.
#[derive(Debug, PartialEq, Eq)]
pub struct SaslInitial<'a> {
    /// The mechanism that the app has chosen.
    pub mechanism: &'a [u8],
    /// Its first message.
    pub message: &'a [u8],
}

impl<'a> SaslInitial<'a> {
    /// Reads the body.
    ///
    /// # Errors
    ///
    /// [`MessageError::Malformed`].
    pub fn parse(body: &'a [u8]) -> Result<Self, MessageError> {
        let read = || {
            let mut reader = Reader::new(body);
            let mechanism = reader.cstring()?;
            let length = reader.u32_be()?;
            let message = reader.rest();
            let is_whole = usize::try_from(length) == Ok(message.len());
            is_whole.then_some(Self { mechanism, message })
        };
        read().ok_or(MessageError::Malformed("SASLInitialResponse"))
    }
}

/// What an app says of channel binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding<'a> {
    /// It knows of none.
    Unknown,
    /// It would bind, and believes that we cannot: somebody may have cut our offer out.
    NotOffered,
    /// It binds, in this way.
    Named(&'a [u8]),
}

/// An app's first message.
#[derive(Debug, PartialEq, Eq)]
pub struct ClientFirst<'a> {
    /// Up to the second comma, which is part of it: the app says it again in its last message.
    pub header: &'a [u8],
    /// What the header says.
    pub binding: Binding<'a>,
    /// The rest.
    pub bare: &'a [u8],
    /// Drawn by the app.
    pub nonce: &'a [u8],
}

impl<'a> ClientFirst<'a> {
    /// Reads the message. PostgreSQL's clients leave the user's name out, and what stands there counts for nothing.
    ///
    /// # Errors
    ///
    /// [`MessageError::Malformed`], also for a name to act as, and for an extension that must be understood.
    pub fn parse(message: &'a [u8]) -> Result<Self, MessageError> {
        let mut commas = message
            .iter()
            .enumerate()
            .filter(|(_, byte)| **byte == b',')
            .map(|(at, _)| at.saturating_add(1));
        let (Some(_), Some(end)) = (commas.next(), commas.next()) else {
            return Err(MALFORMED);
        };
        let (header, bare) = message.split_at_checked(end).ok_or(MALFORMED)?;
        let binding = match header {
            b"n,," => Binding::Unknown,
            b"y,," => Binding::NotOffered,
            [b'p', b'=', name @ .., b',', b','] => Binding::Named(name),
            _ => return Err(MALFORMED),
        };
        let mut attributes = bare.split(|byte| *byte == b',');
        let (name, nonce) = (attributes.next(), attributes.next());
        let nonce = nonce.and_then(|nonce| nonce.strip_prefix(b"r="));
        match (name, nonce) {
            (Some([b'n', b'=', ..]), Some(nonce)) if is_nonce(nonce) => Ok(Self {
                header,
                binding,
                bare,
                nonce,
            }),
            _ => Err(MALFORMED),
        }
    }
}

/// An app's last message.
#[derive(Debug, PartialEq, Eq)]
pub struct ClientFinal<'a> {
    /// What the proof is made of, in part.
    pub without_proof: &'a [u8],
    /// Header and binding, in base64.
    pub binding: &'a [u8],
    /// Both nonces.
    pub nonce: &'a [u8],
    /// In base64.
    pub proof: &'a [u8],
}

impl<'a> ClientFinal<'a> {
    /// Reads the message.
    ///
    /// # Errors
    ///
    /// [`MessageError::Malformed`].
    pub fn parse(message: &'a [u8]) -> Result<Self, MessageError> {
        let proof = message.rsplit(|byte| *byte == b',').next();
        let proof = proof
            .and_then(|proof| proof.strip_prefix(b"p="))
            .ok_or(MALFORMED)?;
        // The comma and "p=" stand in front of it.
        let end = message.len().checked_sub(proof.len().saturating_add(3));
        let without_proof = end.and_then(|end| message.get(..end)).ok_or(MALFORMED)?;
        let mut attributes = without_proof.split(|byte| *byte == b',');
        let binding = attributes
            .next()
            .and_then(|first| first.strip_prefix(b"c="));
        let nonce = attributes
            .next()
            .and_then(|second| second.strip_prefix(b"r="));
        match (binding, nonce) {
            (Some(binding), Some(nonce)) => Ok(Self {
                without_proof,
                binding,
                nonce,
                proof,
            }),
            _ => Err(MALFORMED),
        }
    }
}

/// What is behind the tag of a PasswordMessage: text, and a NUL at its end.
///
/// # Errors
///
/// [`MessageError::Malformed`].
pub fn parse_password(body: &[u8]) -> Result<&[u8], MessageError> {
    match body {
        [password @ .., 0] if !password.contains(&0) => Ok(password),
        _ => Err(MessageError::Malformed("PasswordMessage")),
    }
}

/// Printable, and without a comma (RFC 5802: `printable`).
fn is_nonce(nonce: &[u8]) -> bool {
    !nonce.is_empty()
        && nonce
            .iter()
            .all(|byte| matches!(byte, 0x21..=0x7e) && *byte != b',')
}

/// Our answer to [`ClientFirst`]; `nonce` is both.
pub fn server_first(nonce: &str, salt: &str, iterations: u32) -> String {
    format!("r={nonce},s={salt},i={iterations}")
}

/// Our answer to [`ClientFinal`].
pub fn server_final(proof: &str) -> String {
    format!("v={proof}")
}

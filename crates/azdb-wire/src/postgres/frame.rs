//! Tag and length: the form of every message after the first packets.
//!
//! ```text
//!   tag: 1 | length: 4, big-endian, itself included | body: length - 4 bytes
//! ```
//!
//! Source: "Message Formats", chapter 54.7 of the PostgreSQL documentation.

/// Longest message that is read during a login, in bytes, tag and length included.
///
/// Servers send parameter reports and notices of a few hundred bytes there; this is room for an error with a long context.
pub const MAX_LOGIN_MESSAGE: usize = 64 * 1024;

/// Message tags that the proxy looks at.
pub mod tag {
    /// Authentication request.
    pub const AUTHENTICATION: u8 = b'R';
    /// CommandComplete.
    pub const COMMAND_COMPLETE: u8 = b'C';
    /// CopyBothResponse: data both ways, for replication.
    pub const COPY_BOTH: u8 = b'W';
    /// CopyInResponse: the server waits for data.
    pub const COPY_IN: u8 = b'G';
    /// BackendKeyData.
    pub const BACKEND_KEY_DATA: u8 = b'K';
    /// ErrorResponse.
    pub const ERROR_RESPONSE: u8 = b'E';
    /// NegotiateProtocolVersion.
    pub const NEGOTIATE_PROTOCOL_VERSION: u8 = b'v';
    /// NoticeResponse.
    pub const NOTICE_RESPONSE: u8 = b'N';
    /// NotificationResponse.
    pub const NOTIFICATION: u8 = b'A';
    /// ParameterStatus.
    pub const PARAMETER_STATUS: u8 = b'S';
    /// PasswordMessage, and every other answer to an authentication request.
    pub const PASSWORD: u8 = b'p';
    /// ReadyForQuery.
    pub const READY_FOR_QUERY: u8 = b'Z';
}

/// Terminate, by which a client leaves.
pub const TERMINATE: [u8; Header::LEN] = *b"X\0\0\0\x04";

/// The first five bytes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// What the message is.
    pub tag: u8,
    /// Bytes of the body behind the header.
    pub body: usize,
}

impl Header {
    /// Bytes of a header.
    pub const LEN: usize = 5;

    /// Reads a header.
    ///
    /// # Errors
    ///
    /// [`MessageError::Length`] when the length word does not even count itself.
    pub fn parse([tag, length @ ..]: [u8; Self::LEN]) -> Result<Self, MessageError> {
        let length = u32::from_be_bytes(length);
        match usize::try_from(length)
            .ok()
            .and_then(|bytes| bytes.checked_sub(4))
        {
            Some(body) => Ok(Self { tag, body }),
            None => Err(MessageError::Length { tag, length }),
        }
    }
}

/// Why bytes are not a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// The length word is impossible, or longer than a login needs.
    #[error("message `{}` of length {length}", tag.escape_ascii())]
    Length {
        /// The message's tag.
        tag: u8,
        /// Its length word.
        length: u32,
    },
    /// The body does not have the form that its tag demands.
    #[error("malformed {0}")]
    Malformed(&'static str),
}

/// What stands at the front of a buffer.
#[derive(Debug, PartialEq, Eq)]
pub enum Next<'a> {
    /// A whole message.
    Message {
        /// What it is.
        tag: u8,
        /// What it says.
        body: &'a [u8],
        /// Its bytes as they came, header included.
        raw: &'a [u8],
    },
    /// Not all of it yet: the buffer must hold this many bytes.
    NeedBytes(usize),
}

/// Looks for one whole message of a login at the front of `buffer`.
///
/// # Errors
///
/// [`MessageError::Length`] when it is, or would become, longer than [`MAX_LOGIN_MESSAGE`].
pub fn next_message(buffer: &[u8]) -> Result<Next<'_>, MessageError> {
    let Some(&header) = buffer.first_chunk::<{ Header::LEN }>() else {
        return Ok(Next::NeedBytes(Header::LEN));
    };
    let Header { tag, body } = Header::parse(header)?;
    let total = body.saturating_add(Header::LEN);
    if total > MAX_LOGIN_MESSAGE {
        let [_, length @ ..] = header;
        return Err(MessageError::Length {
            tag,
            length: u32::from_be_bytes(length),
        });
    }
    match buffer.split_at_checked(total) {
        Some((raw, _)) => {
            let body = raw.get(Header::LEN..).unwrap_or_default();
            Ok(Next::Message { tag, body, raw })
        }
        None => Ok(Next::NeedBytes(total)),
    }
}

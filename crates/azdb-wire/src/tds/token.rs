//! The tokens of a login's answer, as a server of 7.4 writes them (MS-TDS 2.2.7).

use alloc::vec::Vec;

use super::cursor::Cursor;
use super::feature::Features;
use super::version::Width;

/// First bytes of tokens.
pub mod tag {
    /// What a procedure returned.
    pub const RETURN_STATUS: u8 = 0x79;
    /// An error.
    pub const ERROR: u8 = 0xaa;
    /// A message that is none.
    pub const INFO: u8 = 0xab;
    /// "You are in".
    pub const LOGIN_ACK: u8 = 0xad;
    /// Features that the server grants.
    pub const FEATURE_EXT_ACK: u8 = 0xae;
    /// A change of database, language, packet size, or of the server itself.
    pub const ENV_CHANGE: u8 = 0xe3;
    /// What a client needs to resume a session.
    pub const SESSION_STATE: u8 = 0xe4;
    /// A blob of SSPI.
    pub const SSPI: u8 = 0xed;
    /// Whom to ask for a token.
    pub const FED_AUTH_INFO: u8 = 0xee;
    /// The end of a statement.
    pub const DONE: u8 = 0xfd;
    /// The end of a procedure.
    pub const DONE_PROC: u8 = 0xfe;
    /// The end of a statement in a procedure; Synapse says it before LOGINACK.
    pub const DONE_IN_PROC: u8 = 0xff;
}

/// Types of ENVCHANGE that a proxy must know.
pub mod change {
    /// New packet size, as decimal digits.
    pub const PACKET_SIZE: u8 = 4;
    /// Where the mirror of this database is: the client would go there by itself.
    pub const MIRROR: u8 = 13;
    /// "Log in over there".
    pub const ROUTING: u8 = 20;
    /// The same, with a database.
    pub const ENHANCED_ROUTING: u8 = 21;
}

/// One token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token<'a> {
    /// ENVCHANGE.
    Change {
        /// One of [`change`], or another.
        kind: u8,
        /// New and old value.
        values: &'a [u8],
        /// The whole token.
        raw: &'a [u8],
    },
    /// INFO or ERROR.
    Report(Report<'a>),
    /// LOGINACK.
    LoginAck {
        /// 1 is Transact-SQL.
        interface: u8,
        /// In network order.
        version: [u8; 4],
        /// Program name and version.
        program: &'a [u8],
    },
    /// FEATUREEXTACK.
    Features(Features<'a>),
    /// DONE, DONEPROC or DONEINPROC.
    Done(Done),
    /// Anything else that may stand in a login.
    Other {
        /// Its first byte.
        tag: u8,
        /// The whole token.
        raw: &'a [u8],
    },
}

/// An ERROR or INFO token. Text is UTF-16LE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report<'a> {
    /// Whether it is an ERROR.
    pub is_error: bool,
    /// For example 18456.
    pub number: u32,
    /// Says more about the cause to whoever has the source.
    pub state: u8,
    /// Severity: above 10 is an error, from 20 on it ends the connection.
    pub class: u8,
    /// What people read.
    pub message: &'a [u8],
    /// Who says it.
    pub server: &'a [u8],
    /// In which procedure.
    pub procedure: &'a [u8],
    /// In which line of it.
    pub line: u32,
}

/// The end of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// Which of the three.
    pub tag: u8,
    /// Bit 0 more to come, bit 1 an error.
    pub status: u16,
    /// Of which statement.
    pub command: u16,
    /// Rows, if status says that it counts.
    pub rows: u64,
}

/// Bytes that are no token of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is cut off.
    #[error("a token {0:#04x} that is cut off")]
    Truncated(u8),
    /// It does not belong here.
    #[error("token {0:#04x} in the answer to a login")]
    Unexpected(u8),
}

/// The tokens of an answer, up to the first that is none.
#[derive(Debug, Clone, Copy)]
pub struct Tokens<'a> {
    rest: &'a [u8],
}

impl<'a> Tokens<'a> {
    /// Of the payload of a whole message.
    pub fn of(payload: &'a [u8]) -> Self {
        Self { rest: payload }
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Result<Token<'a>, TokenError>;

    fn next(&mut self) -> Option<Self::Item> {
        let tag = *self.rest.first()?;
        let (token, rest) = match split(tag, self.rest) {
            Ok(Some(split)) => split,
            Ok(None) => return self.fail(TokenError::Truncated(tag)),
            Err(error) => return self.fail(error),
        };
        self.rest = rest;
        Some(Ok(token))
    }
}

impl<'a> Tokens<'a> {
    fn fail(&mut self, error: TokenError) -> Option<Result<Token<'a>, TokenError>> {
        self.rest = &[];
        Some(Err(error))
    }
}

/// `Ok(None)` is a token that is cut off.
fn split(tag: u8, bytes: &[u8]) -> Result<Option<(Token<'_>, &[u8])>, TokenError> {
    let mut cursor = Cursor(bytes);
    cursor.byte();
    let token = match tag {
        tag::ENV_CHANGE => counted(&mut cursor).and_then(|body| {
            let (kind, values) = body.split_first()?;
            let raw = bytes.get(..body.len().saturating_add(3))?;
            Some(Token::Change {
                kind: *kind,
                values,
                raw,
            })
        }),
        tag::ERROR | tag::INFO => counted(&mut cursor).and_then(|body| report(tag, body)),
        tag::LOGIN_ACK => counted(&mut cursor).and_then(login_ack),
        tag::FEATURE_EXT_ACK => Features::split(cursor.0).map(|(features, rest)| {
            cursor.0 = rest;
            Token::Features(features)
        }),
        tag::DONE | tag::DONE_PROC | tag::DONE_IN_PROC => done(tag, &mut cursor),
        tag::RETURN_STATUS => cursor
            .take(4)
            .and_then(|_| bytes.get(..5))
            .map(|raw| Token::Other { tag, raw }),
        tag::SSPI => counted(&mut cursor)
            .and_then(|body| bytes.get(..body.len().saturating_add(3)))
            .map(|raw| Token::Other { tag, raw }),
        tag::SESSION_STATE | tag::FED_AUTH_INFO => cursor
            .long()
            .and_then(|length| cursor.take(length))
            .and_then(|body| bytes.get(..body.len().saturating_add(5)))
            .map(|raw| Token::Other { tag, raw }),
        _ => return Err(TokenError::Unexpected(tag)),
    };
    Ok(token.map(|token| (token, cursor.0)))
}

/// A body with its length in two bytes in front.
fn counted<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let length = usize::from(cursor.u16()?);
    cursor.take(length)
}

fn report(tag: u8, body: &[u8]) -> Option<Token<'_>> {
    let mut cursor = Cursor(body);
    Some(Token::Report(Report {
        is_error: tag == tag::ERROR,
        number: cursor.u32()?,
        state: cursor.byte()?,
        class: cursor.byte()?,
        message: cursor.us_varchar()?,
        server: cursor.b_varchar()?,
        procedure: cursor.b_varchar()?,
        line: cursor.u32()?,
    }))
}

fn login_ack(body: &[u8]) -> Option<Token<'_>> {
    let mut cursor = Cursor(body);
    Some(Token::LoginAck {
        interface: cursor.byte()?,
        version: cursor.array()?,
        program: cursor.0,
    })
}

fn done<'a>(tag: u8, cursor: &mut Cursor<'a>) -> Option<Token<'a>> {
    Some(Token::Done(Done {
        tag,
        status: cursor.u16()?,
        command: cursor.u16()?,
        rows: cursor.array().map(u64::from_le_bytes)?,
    }))
}

/// Appends a body with its length in two bytes in front; a body that is longer than they can say is left out.
pub(super) fn push_counted(tag: u8, body: &[u8], out: &mut Vec<u8>) {
    if let Ok(length) = u16::try_from(body.len()) {
        out.push(tag);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(body);
    }
}

impl Report<'_> {
    /// Appends the token to `out`.
    pub fn encode(&self, width: Width, out: &mut Vec<u8>) {
        let units = |text: &[u8]| text.len().checked_div(2).unwrap_or_default();
        let mut body = Vec::new();
        body.extend_from_slice(&self.number.to_le_bytes());
        body.extend_from_slice(&[self.state, self.class]);
        let message = u16::try_from(units(self.message)).unwrap_or(u16::MAX);
        body.extend_from_slice(&message.to_le_bytes());
        body.extend_from_slice(self.message);
        for name in [self.server, self.procedure] {
            body.push(u8::try_from(units(name)).unwrap_or(u8::MAX));
            body.extend_from_slice(name);
        }
        match width {
            Width::Wide => body.extend_from_slice(&self.line.to_le_bytes()),
            Width::Narrow => {
                let line = u16::try_from(self.line).unwrap_or(u16::MAX);
                body.extend_from_slice(&line.to_le_bytes());
            }
        }
        let tag = if self.is_error { tag::ERROR } else { tag::INFO };
        push_counted(tag, &body, out);
    }
}

impl Done {
    /// The end of a login that did not come to pass.
    pub const ERROR: Self = Self {
        tag: tag::DONE,
        status: 0x0002,
        command: 0,
        rows: 0,
    };

    /// Appends the token to `out`.
    pub fn encode(self, width: Width, out: &mut Vec<u8>) {
        out.push(self.tag);
        out.extend_from_slice(&self.status.to_le_bytes());
        out.extend_from_slice(&self.command.to_le_bytes());
        match width {
            Width::Wide => out.extend_from_slice(&self.rows.to_le_bytes()),
            Width::Narrow => {
                let rows = u32::try_from(self.rows).unwrap_or(u32::MAX);
                out.extend_from_slice(&rows.to_le_bytes());
            }
        }
    }
}

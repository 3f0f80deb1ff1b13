//! The tokens of a login's answer (MS-TDS 2.2.7).

use alloc::vec::Vec;

use super::feature::Features;
use super::text::{b_varchar, us_varchar};
use super::version::{Version, Width};
use crate::reader::Reader;

/// First bytes of tokens.
pub mod tag {
    /// Where keywords of a statement begin.
    pub const OFFSET: u8 = 0x78;
    /// What a procedure returned.
    pub const RETURN_STATUS: u8 = 0x79;
    /// The columns of a result.
    pub const COLUMNS: u8 = 0x81;
    /// The tables of a result.
    pub const TABLE_NAMES: u8 = 0xa4;
    /// From which tables its columns are.
    pub const COLUMN_INFO: u8 = 0xa5;
    /// By which columns it is ordered.
    pub const ORDER: u8 = 0xa9;
    /// What a procedure gave an output parameter.
    pub const RETURN_VALUE: u8 = 0xac;
    /// An error.
    pub const ERROR: u8 = 0xaa;
    /// A message that is none.
    pub const INFO: u8 = 0xab;
    /// "You are in".
    pub const LOGIN_ACK: u8 = 0xad;
    /// Features that the server grants.
    pub const FEATURE_EXT_ACK: u8 = 0xae;
    /// A row.
    pub const ROW: u8 = 0xd1;
    /// A row with a bit for each NULL in front.
    pub const ROW_WITH_NULLS: u8 = 0xd2;
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
    /// New database.
    pub const DATABASE: u8 = 1;
    /// New language of messages.
    pub const LANGUAGE: u8 = 2;
    /// New packet size, as decimal digits.
    pub const PACKET_SIZE: u8 = 4;
    /// New collation, in five bytes.
    pub const COLLATION: u8 = 7;
    /// A transaction has been rolled back.
    pub const ROLLED_BACK: u8 = 10;
    /// Where the mirror of this database is: the client would go there by itself.
    pub const MIRROR: u8 = 13;
    /// A transaction is a distributed one now. Its length counts the type alone.
    pub const PROMOTED: u8 = 15;
    /// The session is what it was behind its login.
    pub const RESET: u8 = 18;
    /// "Log in over there".
    pub const ROUTING: u8 = 20;
    /// The same, with a database.
    pub const ENHANCED_ROUTING: u8 = 21;
}

/// One token of a stream: MS-TDS calls the parts of an answer so. None of them is an access token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamToken<'a> {
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
pub enum StreamTokenError {
    /// It is cut off.
    #[error("a token {0:#04x} that is cut off")]
    Truncated(u8),
    /// It does not belong here.
    #[error("token {0:#04x} in the answer to a login")]
    Unexpected(u8),
}

/// The tokens of an answer to a login, up to the first that is none.
#[derive(Debug, Clone, Copy)]
pub struct StreamTokens<'a> {
    reader: Reader<'a>,
    width: Width,
}

impl<'a> StreamTokens<'a> {
    /// Of the payload of a whole message, in the widths of the version that was asked for; from LOGINACK on they are those of the
    /// version that it names.
    pub fn of(payload: &'a [u8], asked: Width) -> Self {
        Self {
            reader: Reader::new(payload),
            width: asked,
        }
    }
}

impl<'a> Iterator for StreamTokens<'a> {
    type Item = Result<StreamToken<'a>, StreamTokenError>;

    fn next(&mut self) -> Option<Self::Item> {
        let tag = *self.reader.rest().first()?;
        let token = match read(tag, &mut self.reader, self.width) {
            Ok(token) => token.ok_or(StreamTokenError::Truncated(tag)),
            Err(error) => Err(error),
        };
        if let Ok(StreamToken::LoginAck { version, .. }) = token {
            self.width = Version::from_ack(version).width();
        }
        if token.is_err() {
            // Nobody knows where the next one begins.
            self.reader = Reader::new(&[]);
        }
        Some(token)
    }
}

/// Reads one token, its tag included. `Ok(None)` is a token that is cut off.
pub(super) fn read<'a>(
    tag: u8,
    reader: &mut Reader<'a>,
    width: Width,
) -> Result<Option<StreamToken<'a>>, StreamTokenError> {
    Ok(match tag {
        tag::ENV_CHANGE => return env_change(reader),
        tag::ERROR | tag::INFO => return fields(tag, reader, |body| report(tag, body, width)),
        tag::LOGIN_ACK => return fields(tag, reader, login_ack),
        tag::FEATURE_EXT_ACK => features(reader),
        tag::DONE | tag::DONE_PROC | tag::DONE_IN_PROC => done(reader, width),
        tag::RETURN_STATUS => other(tag, reader, |body| body.bytes(4u8)),
        tag::SSPI => other(tag, reader, counted),
        tag::SESSION_STATE | tag::FED_AUTH_INFO => other(tag, reader, |body| {
            let length = body.u32_le()?;
            body.bytes(length)
        }),
        _ => return Err(StreamTokenError::Unexpected(tag)),
    })
}

/// A body with its length in two bytes in front.
fn counted<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let length = reader.u16_le()?;
    reader.bytes(length)
}

/// The body of a token that begins with its tag and a length in two bytes.
pub(super) fn body<'a>(reader: &mut Reader<'a>) -> Option<Reader<'a>> {
    reader.u8()?;
    counted(reader).map(Reader::new)
}

/// The fields of a body with its length in front. Those that do not fit in there are no token, however much comes behind it.
fn fields<'a>(
    tag: u8,
    reader: &mut Reader<'a>,
    read: impl FnOnce(Reader<'a>) -> Option<StreamToken<'a>>,
) -> Result<Option<StreamToken<'a>>, StreamTokenError> {
    match body(reader) {
        None => Ok(None),
        Some(body) => read(body).map(Some).ok_or(StreamTokenError::Truncated(tag)),
    }
}

/// A token that is passed on as it came.
fn other<'a>(
    tag: u8,
    reader: &mut Reader<'a>,
    body: impl FnOnce(&mut Reader<'a>) -> Option<&'a [u8]>,
) -> Option<StreamToken<'a>> {
    let raw = reader.raw(|reader| {
        reader.u8()?;
        body(reader)
    })?;
    Some(StreamToken::Other { tag, raw })
}

fn env_change<'a>(reader: &mut Reader<'a>) -> Result<Option<StreamToken<'a>>, StreamTokenError> {
    let raw = reader.raw(|reader| {
        let counted = body(reader)?;
        if counted.rest() == [change::PROMOTED] {
            let length = reader.u32_le()?;
            reader.bytes(length)?;
            reader.u8()?;
        }
        Some(())
    });
    let Some(raw) = raw else {
        return Ok(None);
    };
    fields(tag::ENV_CHANGE, &mut Reader::new(raw), |mut body| {
        Some(StreamToken::Change {
            kind: body.u8()?,
            values: body.rest(),
            raw,
        })
    })
}

fn report(tag: u8, mut body: Reader<'_>, width: Width) -> Option<StreamToken<'_>> {
    Some(StreamToken::Report(Report {
        is_error: tag == tag::ERROR,
        number: body.u32_le()?,
        state: body.u8()?,
        class: body.u8()?,
        message: us_varchar(&mut body)?,
        server: b_varchar(&mut body)?,
        procedure: b_varchar(&mut body)?,
        line: match width {
            Width::Wide => body.u32_le()?,
            Width::Narrow => u32::from(body.u16_le()?),
        },
    }))
}

fn login_ack(mut body: Reader<'_>) -> Option<StreamToken<'_>> {
    Some(StreamToken::LoginAck {
        interface: body.u8()?,
        version: body.array()?,
        program: body.rest(),
    })
}

fn features<'a>(reader: &mut Reader<'a>) -> Option<StreamToken<'a>> {
    reader.u8()?;
    Features::read(reader).map(StreamToken::Features)
}

fn done<'a>(reader: &mut Reader<'a>, width: Width) -> Option<StreamToken<'a>> {
    Some(StreamToken::Done(Done {
        tag: reader.u8()?,
        status: reader.u16_le()?,
        command: reader.u16_le()?,
        rows: match width {
            Width::Wide => reader.u64_le()?,
            Width::Narrow => u64::from(reader.u32_le()?),
        },
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
    /// Status: `rows` counts.
    pub const COUNT: u16 = 0x0010;

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

//! Putting a session back to what it was behind its login, so that another app can have it, and the proof that it is.
//!
//! ```text
//!   -> SQLBatch, RESETCONNECTION: set transaction isolation level read committed
//!   <- ENVCHANGE 18 .. DONE
//! ```
//!
//! The server resets before it runs the batch: transactions are rolled back, temporary tables and cursors dropped, locks and prepared statements
//! given up, options and the context of the session as they were. The batch is what the reset of SQL Server leaves out; that of Azure SQL does not.
//!
//! Source: MS-TDS 2.2.3.1.2 (status bits), 2.2.7.9 (ENVCHANGE).
//!
//! # Invariants
//!
//! * Clean is what says so with ENVCHANGE 18, brings no error, ends with one DONE that leaves no transaction open, and has nothing behind it.
//! * What it says of database, language and collation is what the login said.

use alloc::vec::Vec;

use super::auth::LoginAnswer;
use super::frame::{Header, kind};
use super::text::{b_varbyte, b_varchar, push_utf16, utf16_len};
use super::token::{Done, StreamToken, StreamTokenError, StreamTokens, change, tag};
use super::version::{Version, Width};
use crate::reader::Reader;

/// What the batch says.
const BATCH: &str = "set transaction isolation level read committed";
/// ALL_HEADERS of a request outside of any transaction: its own length, and of the one header length, type, descriptor, and how many requests
/// are under way.
const HEADERS: [u8; 22] = [
    22, 0, 0, 0, 18, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0,
];
/// SQL Server 2012, with which TDS 7.4 has come. What speaks that and calls itself older is no SQL Server.
const SQL_SERVER_2012: u8 = 11;

/// Most bytes of an answer that may be one to a reset.
pub const MAX_RESET_ANSWER: usize = 16 * 1024;

/// Why sessions behind a login are not reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoReset {
    /// ENVCHANGE 18 has come with TDS 7.2.
    #[error("TDS {0} has no word for a reset that has been done")]
    Version(Version),
    /// Its app may want it to be taken up again, with a state that is not that of the session then.
    #[error("the session could be resumed")]
    Resumable,
    /// A dedicated pool of Synapse says that it is SQL Server 2008 R2, in the version of SQL Server 2012.
    #[error("the upstream is a data warehouse")]
    Warehouse,
}

/// Why a session is not what it was behind its login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotClean {
    /// The answer cannot be read.
    #[error(transparent)]
    Unreadable(#[from] StreamTokenError),
    /// The server does not say that it has reset.
    #[error("the answer does not say that the session was reset")]
    Unsaid,
    /// An error.
    #[error("error {0}")]
    Error(u32),
    /// It does not end as it should.
    #[error("the answer ends in {0:#06x}")]
    End(u16),
    /// It goes on behind its end, or does not end.
    #[error("the answer has no single end")]
    NoEnd,
    /// A change that a reset does not bring, or to another value than that of the login.
    #[error("a change of kind {0} that makes another session of it")]
    Changed(u8),
    /// It does not belong there.
    #[error("token {0:#04x} in the answer to a reset")]
    Unexpected(u8),
}

/// The request: one packet, of at most 512 bytes, which is the least size that can be agreed on.
pub fn reset_request() -> Vec<u8> {
    let length = Header::LEN
        .saturating_add(HEADERS.len())
        .saturating_add(utf16_len(BATCH));
    let header = Header {
        kind: kind::SQL_BATCH,
        status: Header::LAST | Header::RESET,
        length: u16::try_from(length).unwrap_or(u16::MAX),
        spid: 0,
        id: 1,
    };
    let mut packet = Vec::with_capacity(length);
    packet.extend_from_slice(&header.encode());
    packet.extend_from_slice(&HEADERS);
    push_utf16(BATCH, &mut packet);
    packet
}

impl LoginAnswer<'_> {
    /// Whether a session behind this answer can be reset, and be seen to be.
    ///
    /// # Errors
    ///
    /// [`NoReset`].
    pub fn allows_reset(&self) -> Result<(), NoReset> {
        let spoken = self.version.unwrap_or(self.asked());
        if spoken.width() == Width::Narrow {
            return Err(NoReset::Version(spoken));
        }
        for token in self.tokens().map_while(Result::ok) {
            match token {
                StreamToken::Features(features) if features.promise_to_resume() => {
                    return Err(NoReset::Resumable);
                }
                StreamToken::LoginAck { program, .. } if is_older_than_2012(program) => {
                    return Err(NoReset::Warehouse);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The last value that the login gave a property of the session.
    fn value_of(&self, property: u8) -> Option<&[u8]> {
        let values = self.tokens().map_while(Result::ok);
        values
            .filter_map(|token| new_value(&token, property))
            .last()
    }

    /// Whether `payload`, a whole message, is the answer to a reset that has been done, in a session behind this login.
    ///
    /// # Errors
    ///
    /// [`NotClean`].
    pub fn judge_reset(&self, payload: &[u8]) -> Result<(), NotClean> {
        let width = self.version.unwrap_or(self.asked()).width();
        let (mut is_reset, mut end) = (false, None);
        for token in StreamTokens::of(payload, width) {
            let token = token?;
            if end.is_some() {
                return Err(NotClean::NoEnd);
            }
            match token {
                StreamToken::Change {
                    kind: change::RESET,
                    values: [0, 0],
                    ..
                } if !is_reset => is_reset = true,
                StreamToken::Change {
                    kind: change::ROLLED_BACK,
                    ..
                } => {}
                StreamToken::Change { kind, .. } => {
                    let new = new_value(&token, kind);
                    if new.is_none() || new != self.value_of(kind) {
                        return Err(NotClean::Changed(kind));
                    }
                }
                StreamToken::Report(report) if report.is_error => {
                    return Err(NotClean::Error(report.number));
                }
                StreamToken::Report(_) => {}
                StreamToken::Done(done) => end = Some(done),
                StreamToken::LoginAck { .. } => return Err(NotClean::Unexpected(tag::LOGIN_ACK)),
                StreamToken::Features(_) => {
                    return Err(NotClean::Unexpected(tag::FEATURE_EXT_ACK));
                }
                StreamToken::Other { tag, .. } => return Err(NotClean::Unexpected(tag)),
            }
        }
        match end {
            None => Err(NotClean::NoEnd),
            Some(end) if !is_plain(end) => Err(NotClean::End(end.status)),
            Some(_) if !is_reset => Err(NotClean::Unsaid),
            Some(_) => Ok(()),
        }
    }
}

/// Whether it ends a batch, which is all there was, without an error and in no transaction.
fn is_plain(end: Done) -> bool {
    end.tag == tag::DONE && end.status & !Done::COUNT == 0
}

/// What a token gives a property that has a value of its own: database, language or collation.
fn new_value<'a>(token: &StreamToken<'a>, property: u8) -> Option<&'a [u8]> {
    match token {
        StreamToken::Change { kind, values, .. } if *kind == property => {
            let mut reader = Reader::new(values);
            match property {
                change::DATABASE | change::LANGUAGE => b_varchar(&mut reader),
                change::COLLATION => b_varbyte(&mut reader),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Of LOGINACK's program: a name, and a version.
fn is_older_than_2012(program: &[u8]) -> bool {
    let mut reader = Reader::new(program);
    let major = b_varchar(&mut reader).and_then(|_name| reader.u8());
    major.is_none_or(|major| major < SQL_SERVER_2012)
}

//! A session is made like new for another app, and proves it.
//!
//! ```text
//!   COM_RESET_CONNECTION              ---->
//!                                     <----  OK, number 1, and nothing else
//!   COM_QUERY: forget what was traced ---->
//!                                     <----  OK, or that nothing is ever traced
//!   COM_QUERY: a number drawn for it  ---->
//!                                     <----  that number, in the one form that a result set of the session has
//! ```
//!
//! Without the number the rest of an answer that somebody has not read could be taken for the OK. In the same row the server says what
//! it does when a user logs in and no reset does.

use alloc::vec::Vec;

use super::answer::Form;
use super::capabilities::Capabilities;
use super::frame::read_counted;
use super::notice::ErrorPacket;
use super::watch::Command;
use crate::reader::Reader;

/// Bytes of the number, in hexadecimal digits.
pub const NONCE: usize = 32;

/// Names of the columns.
const COLUMNS: [&[u8]; 3] = [b"nonce", b"init_connect", b"all_roles"];

const OK: u8 = 0x00;
const EOF: u8 = 0xfe;
/// SQL's NULL in a row of text.
const NULL: u8 = 0xfb;

/// A transaction, more results, a cursor, rows of one, a transaction that only reads.
const NOT_NEW: u16 = 0x0001 | 0x0008 | 0x0040 | 0x0080 | 0x2000;
/// The state of the session has changed, and the OK says how.
const STATE_CHANGED: u16 = 0x4000;

/// COM_RESET_CONNECTION as a payload.
pub const RESET: [u8; 1] = [Command::RESET_CONNECTION.0];

/// What the optimizer was asked to note of statements (`optimizer_trace`), their text with it, is the one thing of an app's that both
/// COM_RESET_CONNECTION and COM_CHANGE_USER leave for the next one to read. Whoever sets this has it forgotten.
pub const FORGET_TRACES: &[u8] = b"SET optimizer_trace_offset = DEFAULT";

/// Error "Unknown system variable".
const UNKNOWN_VARIABLE: u16 = 1193;

/// What a server has said that was asked for a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proved {
    /// There is more to come.
    NotYet,
    /// All of it.
    Whole(AtLogin),
}

/// What a server does when a user logs in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AtLogin {
    /// It runs statements (`init_connect`).
    pub runs: bool,
    /// It activates all roles (`activate_all_roles_on_login`) and not those that are the user's defaults.
    pub all_roles: bool,
}

/// An answer that is none of a session like new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Dirty(pub &'static str);

/// Reads the answer to a question whose answer nobody else can have asked for.
#[derive(Debug)]
pub struct Proof {
    nonce: [u8; NONCE],
    capabilities: Capabilities,
    form: Form,
    /// The number of the next packet.
    next: u8,
    awaited: Awaited,
    at_login: AtLogin,
}

#[derive(Debug, Clone, Copy)]
enum Awaited {
    Head,
    /// The definition of the column in this place.
    Column(usize),
    ColumnsEnd,
    Row,
    End,
    Nothing,
}

/// Reads the whole answer to COM_RESET_CONNECTION, or to another command that is answered by OK, in a session with these capabilities.
///
/// # Errors
///
/// [`Dirty`] for anything but an OK that says of a session in which nothing has been begun that nothing was done.
pub fn read_plain_ok(number: u8, payload: &[u8], capabilities: Capabilities) -> Result<(), Dirty> {
    const NO_OK: Dirty = Dirty("the answer is no plain OK");
    match payload {
        [OK, rest @ ..] if number == 1 => read_ok(rest, capabilities).ok_or(NO_OK),
        _ => Err(NO_OK),
    }
}

/// Reads the whole answer to [`FORGET_TRACES`]. A server that was built without traces has none to forget.
///
/// # Errors
///
/// As [`read_plain_ok`].
pub fn read_forgotten(number: u8, payload: &[u8], capabilities: Capabilities) -> Result<(), Dirty> {
    match ErrorPacket::parse(payload) {
        Ok(error) if number == 1 && error.code == UNKNOWN_VARIABLE => Ok(()),
        _ => read_plain_ok(number, payload, capabilities),
    }
}

/// What is behind the first byte of an OK.
fn read_ok(rest: &[u8], capabilities: Capabilities) -> Option<()> {
    let mut reader = Reader::new(rest);
    let ([0, 0], status, 0) = (reader.array()?, reader.u16_le()?, reader.u16_le()?) else {
        return None;
    };
    if capabilities.has(Capabilities::SESSION_TRACK) && !reader.is_empty() {
        read_counted(&mut reader)?;
        if status & STATE_CHANGED != 0 {
            read_counted(&mut reader)?;
        }
    }
    (reader.is_empty() && status & NOT_NEW == 0).then_some(())
}

impl Proof {
    /// In a session that has agreed on these; `extended` are MariaDB's above bit 31.
    pub fn new(nonce: [u8; NONCE], capabilities: Capabilities, extended: u32) -> Self {
        Self {
            nonce,
            capabilities,
            form: Form::agreed(capabilities, extended),
            next: 1,
            awaited: Awaited::Head,
            at_login: AtLogin::default(),
        }
    }

    /// The question as a payload.
    pub fn question(&self) -> Vec<u8> {
        let text = [
            b"select '",
            &self.nonce[..],
            b"' as nonce, @@global.init_connect as init_connect, @@global.activate_all_roles_on_login as all_roles",
        ];
        encode_query(&text.concat(), self.capabilities)
    }

    /// Takes a packet of the answer. Behind [`Proved::Whole`] nothing may lie.
    ///
    /// # Errors
    ///
    /// [`Dirty`].
    pub fn hear(&mut self, number: u8, payload: &[u8]) -> Result<Proved, Dirty> {
        if number != self.next {
            return Err(Dirty("a packet out of order"));
        }
        self.next = self.next.wrapping_add(1);
        let (form, capabilities) = (self.form, self.capabilities);
        let (is_right, awaited) = match self.awaited {
            Awaited::Head => (self.is_head(payload), Awaited::Column(0)),
            Awaited::Column(place) => {
                let next = place.saturating_add(1);
                let awaited = match next < COLUMNS.len() {
                    true => Awaited::Column(next),
                    false if form.no_eof => Awaited::Row,
                    false => Awaited::ColumnsEnd,
                };
                (is_column(payload, place), awaited)
            }
            Awaited::ColumnsEnd => (is_eof(payload), Awaited::Row),
            Awaited::Row => {
                let read = self.read_row(payload);
                self.at_login = read.unwrap_or_default();
                (read.is_some(), Awaited::End)
            }
            Awaited::End if form.no_eof => (is_end_ok(payload, capabilities), Awaited::Nothing),
            Awaited::End => (is_eof(payload), Awaited::Nothing),
            Awaited::Nothing => (false, Awaited::Nothing),
        };
        self.awaited = awaited;
        match (is_right, awaited) {
            (false, _) => Err(Dirty("another answer than the one that was asked for")),
            (true, Awaited::Nothing) => Ok(Proved::Whole(self.at_login)),
            (true, _) => Ok(Proved::NotYet),
        }
    }

    /// So many columns, whose definitions follow.
    fn is_head(&self, payload: &[u8]) -> bool {
        match payload {
            [columns] if !self.form.says_columns => usize::from(*columns) == COLUMNS.len(),
            [columns, 1] if self.form.says_columns => usize::from(*columns) == COLUMNS.len(),
            _ => false,
        }
    }

    /// The row of the one who knows the number.
    fn read_row(&self, payload: &[u8]) -> Option<AtLogin> {
        let (nonce, rest) = read_text(payload)?;
        let (init_connect, rest) = read_text(rest)?;
        let (all_roles, rest) = read_text(rest)?;
        let all_roles = match all_roles? {
            b"0" => false,
            b"1" => true,
            _ => return None,
        };
        let is_whole = nonce == Some(&self.nonce[..]) && rest.is_empty();
        let runs = init_connect.is_some_and(|text| !text.is_empty());
        is_whole.then_some(AtLogin { runs, all_roles })
    }
}

/// A value off the front of a row of text, `None` for SQL's NULL, and what is behind it.
fn read_text(row: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    if let [NULL, rest @ ..] = row {
        return Some((None, rest));
    }
    let mut reader = Reader::new(row);
    let text = read_counted(&mut reader)?;
    Some((Some(text), reader.rest()))
}

/// A COM_QUERY of this text as a payload.
pub fn encode_query(text: &[u8], capabilities: Capabilities) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len().saturating_add(3));
    out.push(Command::QUERY.0);
    if capabilities.has(Capabilities::QUERY_ATTRIBUTES) {
        // No parameters, in one set.
        out.extend_from_slice(&[0, 1]);
    }
    out.extend_from_slice(text);
    out
}

/// Whether a definition is that of the column in this place, which is of no table.
fn is_column(payload: &[u8], place: usize) -> bool {
    let read = |mut reader: Reader<'_>| {
        let name = COLUMNS.get(place).copied()?;
        for expected in [b"def", &b""[..], b"", b"", name, b""] {
            if read_counted(&mut reader)? != expected {
                return None;
            }
        }
        // Character set, length, type, flags, decimals: as the server likes them.
        let [0x0c, .., 0, 0]: [u8; 13] = reader.array()? else {
            return None;
        };
        Some(reader.is_empty())
    };
    read(Reader::new(payload)) == Some(true)
}

fn is_eof(payload: &[u8]) -> bool {
    match payload {
        [EOF, 0, 0, low, high] => u16::from_le_bytes([*low, *high]) & NOT_NEW == 0,
        _ => false,
    }
}

fn is_end_ok(payload: &[u8], capabilities: Capabilities) -> bool {
    match payload {
        [EOF, rest @ ..] => read_ok(rest, capabilities).is_some(),
        _ => false,
    }
}

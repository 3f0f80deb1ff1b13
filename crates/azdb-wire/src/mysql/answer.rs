//! What a server says to a command: where an answer ends, from the first bytes of its packets.
//!
//! ```text
//!   OK or EOF                                     most commands; a statement without rows
//!   columns: n | n definitions | EOF | rows | EOF    a result set; of a cursor all but "rows | EOF"
//!   OK: p, c | p definitions | EOF | c definitions | EOF    COM_STMT_PREPARE; of what there is none of, no EOF
//!   definitions | EOF                             COM_FIELD_LIST
//!   rows | EOF                                    COM_STMT_FETCH
//!   0xfb, file                                    LOAD DATA LOCAL; the app sends the file, and an answer begins anew
//!   ERR                                           instead of any packet of these; the end
//! ```
//!
//! Behind an end that says so another answer begins. With CLIENT_DEPRECATE_EOF no EOF stands behind definitions, and the last is
//! an OK. A number of columns may be told of which no definitions come: "optional" to MySQL, "cached" to MariaDB.
//!
//! Source: "Command Phase" of MySQL's source documentation, `Protocol_classic` and `Materialized_cursor` of its server, and
//! `Protocol::send_result_set_metadata` of MariaDB's.

use super::capabilities::Capabilities;
use super::frame::{MAX_PAYLOAD, read_count};
use super::watch::Command;
use crate::reader::Reader;

const OK: u8 = 0x00;
const FILE: u8 = 0xfb;
const EOF: u8 = 0xfe;
const ERR: u8 = 0xff;
/// The number of an ERR that is none, but tells how far MariaDB is with a statement.
const PROGRESS: [u8; 2] = [0xff, 0xff];

/// An EOF is shorter than this; a row that begins with the same byte is not.
const LONGER_THAN_EOF: usize = 9;

/// Server status flags.
mod status {
    pub(super) const IN_TRANSACTION: u16 = 0x0001;
    pub(super) const MORE_RESULTS: u16 = 0x0008;
    pub(super) const CURSOR_EXISTS: u16 = 0x0040;
    pub(super) const OUT_PARAMETERS: u16 = 0x1000;
}

/// The flags of an OK or an EOF.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Status(u16);

/// What the login has agreed about the form of answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Form {
    /// Result sets end in OK packets, and only their ends are marked.
    pub no_eof: bool,
    /// The head of a result set says whether definitions of its columns follow.
    pub says_columns: bool,
    /// The answer to COM_STMT_PREPARE says so, too.
    pub says_prepared: bool,
}

/// How far a server is with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// OK or EOF, and no more.
    Done,
    /// A packet of text, and no more.
    Text,
    /// OK, the head of a result set, or the wish for a file.
    Head,
    /// So many definitions of columns, and then rows.
    Columns(u16),
    /// The EOF between columns and rows.
    ColumnsEnd,
    /// Rows up to an end. Behind output parameters another answer begins, whatever their end says: MySQL's has forgotten it where
    /// it is an EOF.
    Rows {
        /// They are a procedure's output parameters.
        out: bool,
    },
    /// What COM_STMT_PREPARE has made.
    Prepared,
    /// So many more packets about a statement.
    Definitions(u32),
    /// Definitions of columns up to an end.
    Fields,
    /// Something that is not followed, unless it is an error.
    Unknown,
}

/// What a packet means for its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// There is more to come.
    More,
    /// This was all.
    End,
    /// The app is to send a file.
    WantsFile,
    /// It does not belong there.
    Astray,
}

/// The beginning of a packet: all that is looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Start {
    /// Bytes of the packet.
    length: usize,
    bytes: [u8; Self::MOST],
}

impl Form {
    /// In a session with these capabilities; `extended` are MariaDB's above bit 31.
    pub const fn agreed(capabilities: Capabilities, extended: u32) -> Self {
        const CACHED: u32 = 1 << 4;
        let optional = capabilities.has(Capabilities::OPTIONAL_METADATA);
        let cached = !capabilities.has(Capabilities::MYSQL) && extended & CACHED != 0;
        Self {
            no_eof: capabilities.has(Capabilities::DEPRECATE_EOF),
            says_columns: optional || cached,
            says_prepared: optional,
        }
    }
}

impl Status {
    /// In a transaction, or in the middle of what a cursor has to give.
    pub(super) fn is_within(self) -> bool {
        self.has(status::IN_TRANSACTION) || self.has(status::CURSOR_EXISTS)
    }

    /// The same without a cursor.
    #[must_use]
    pub(super) fn without_cursor(self) -> Self {
        Self(self.0 & !status::CURSOR_EXISTS)
    }

    fn has(self, flag: u16) -> bool {
        self.0 & flag != 0
    }
}

impl Start {
    /// Bytes that may be looked at: as many as it takes to the status of an OK, behind two counts.
    pub(super) const MOST: usize = 1 + 9 + 9 + 2;

    /// The beginning of a packet of `length` bytes; `None` while too few of them are there.
    pub(super) fn of(length: usize, payload: &[u8]) -> Option<Self> {
        let seen = payload.get(..length.min(Self::MOST))?;
        let mut bytes = [0; Self::MOST];
        bytes.get_mut(..seen.len())?.copy_from_slice(seen);
        Some(Self { length, bytes })
    }

    /// What there is of it.
    pub(super) fn seen(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&self.bytes)
    }

    /// Whether it ends a result set: no row of less than 16 MiB begins so.
    fn is_end(&self, form: Form) -> bool {
        let shorter_than = if form.no_eof {
            MAX_PAYLOAD
        } else {
            LONGER_THAN_EOF
        };
        self.seen().first() == Some(&EOF) && self.length < shorter_than
    }

    /// The flags, if this is an OK or an EOF.
    fn status(&self) -> Option<Status> {
        match self.seen() {
            [EOF, _, _, low, high] => Some(Status(u16::from_le_bytes([*low, *high]))),
            [OK | EOF, rest @ ..] => {
                let mut reader = Reader::new(rest);
                read_count(&mut reader)?;
                read_count(&mut reader)?;
                reader.u16_le().map(Status)
            }
            _ => None,
        }
    }
}

impl Answer {
    /// The answer to a command; `None` where there is none.
    pub(super) fn to(command: Command) -> Option<Self> {
        Some(match command {
            Command::QUIT | Command::SEND_LONG_DATA | Command::STMT_CLOSE => return None,
            Command::QUERY
            | Command::PROCESS_INFO
            | Command::STMT_EXECUTE
            | Command::BULK_EXECUTE => Self::Head,
            Command::STMT_PREPARE => Self::Prepared,
            Command::STMT_FETCH => Self::Rows { out: false },
            Command::FIELD_LIST => Self::Fields,
            Command::STATISTICS => Self::Text,
            Command::INIT_DB
            | Command::CREATE_DB
            | Command::DROP_DB
            | Command::REFRESH
            | Command::SHUTDOWN
            | Command::PROCESS_KILL
            | Command::DEBUG
            | Command::PING
            | Command::REGISTER_SLAVE
            | Command::STMT_RESET
            | Command::SET_OPTION
            | Command::RESET_CONNECTION => Self::Done,
            // A log of changes, which may never end, and what servers know none of.
            _ => Self::Unknown,
        })
    }

    /// Whether rows are next, of which nothing is to be known.
    pub(super) fn is_in_rows(self) -> bool {
        matches!(self, Self::Rows { .. })
    }

    /// Whether drivers take an error for the next packet when they have read some of the answer. They do not look for one among
    /// definitions.
    pub(super) fn may_fail(self) -> bool {
        matches!(self, Self::Head | Self::Rows { .. })
    }

    /// Takes a packet.
    pub(super) fn hear(&mut self, packet: &Start, form: Form, status: &mut Status) -> Heard {
        let seen = packet.seen();
        if let (false, [ERR, code @ ..]) = (*self == Self::Text, seen) {
            let is_progress = code.starts_with(&PROGRESS);
            return if is_progress { Heard::More } else { Heard::End };
        }
        if !self.has_flags(packet, form) {
            return self.step(packet, form);
        }
        match packet.status() {
            Some(new) => {
                *status = new;
                self.go_on_behind(new)
            }
            None => Heard::Astray,
        }
    }

    /// Whether a packet, which is no error, has to be an OK or an EOF.
    fn has_flags(self, packet: &Start, form: Form) -> bool {
        match self {
            Self::Done | Self::ColumnsEnd => true,
            Self::Head => packet.seen().first() == Some(&OK),
            Self::Rows { .. } | Self::Fields => packet.is_end(form),
            Self::Text
            | Self::Columns(_)
            | Self::Prepared
            | Self::Definitions(_)
            | Self::Unknown => false,
        }
    }

    /// What comes behind a packet with flags.
    fn go_on_behind(&mut self, new: Status) -> Heard {
        let is_more = match *self {
            Self::Head => new.has(status::MORE_RESULTS),
            Self::Rows { out } => out || new.has(status::MORE_RESULTS | status::OUT_PARAMETERS),
            Self::ColumnsEnd if !new.has(status::CURSOR_EXISTS) => {
                let out = new.has(status::OUT_PARAMETERS);
                *self = Self::Rows { out };
                return Heard::More;
            }
            _ => false,
        };
        if is_more {
            *self = Self::Head;
            return Heard::More;
        }
        Heard::End
    }

    /// Takes a packet that has no flags.
    fn step(&mut self, packet: &Start, form: Form) -> Heard {
        let next = match (*self, packet.seen()) {
            (Self::Head, [FILE, ..]) => return Heard::WantsFile,
            (Self::Head, head) => read_head(head, form),
            (Self::Columns(left @ 2..), _) => Some(Self::Columns(left.saturating_sub(1))),
            (Self::Columns(_), _) => Some(Self::behind_columns(form)),
            (Self::Definitions(left @ 2..), _) => Some(Self::Definitions(left.saturating_sub(1))),
            (Self::Prepared, head) => match read_prepared(head, form) {
                Some(0) => return Heard::End,
                left => left.map(Self::Definitions),
            },
            (Self::Definitions(_) | Self::Text, _) => return Heard::End,
            (Self::Rows { .. } | Self::Fields, _) => return Heard::More,
            (Self::Done | Self::ColumnsEnd | Self::Unknown, _) => None,
        };
        match next {
            Some(next) => {
                *self = next;
                Heard::More
            }
            None => Heard::Astray,
        }
    }

    fn behind_columns(form: Form) -> Self {
        if form.no_eof {
            Self::Rows { out: false }
        } else {
            Self::ColumnsEnd
        }
    }
}

/// Reads the head of a result set: what comes next.
fn read_head(head: &[u8], form: Form) -> Option<Answer> {
    let mut reader = Reader::new(head);
    let columns = read_count(&mut reader)?;
    let columns = u16::try_from(columns).ok().filter(|count| *count > 0)?;
    let are_told = match form.says_columns {
        true => reader.u8()? != 0,
        false => true,
    };
    Some(if are_told {
        Answer::Columns(columns)
    } else {
        Answer::behind_columns(form)
    })
}

/// Reads what COM_STMT_PREPARE has made: how many packets follow.
fn read_prepared(head: &[u8], form: Form) -> Option<u32> {
    let mut reader = Reader::new(head);
    let OK = reader.u8()? else { return None };
    reader.u32_le()?;
    let (columns, parameters) = (reader.u16_le()?, reader.u16_le()?);
    let _reserved_and_warnings = reader.bytes(3);
    let are_told = match form.says_prepared {
        true => reader.u8()? != 0,
        false => true,
    };
    let packets = |count: u16| match (count, are_told) {
        (0, _) => 0,
        (_, false) => u32::from(!form.no_eof),
        (_, true) => u32::from(count).saturating_add(u32::from(!form.no_eof)),
    };
    Some(packets(columns).saturating_add(packets(parameters)))
}

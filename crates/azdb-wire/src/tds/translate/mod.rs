//! Apps that read an older TDS than their upstream speaks: both directions of a session, translated while they pass.
//!
//! ```text
//!   app                                                       upstream
//!    |  packets -- packet --> Up: request, value, flow -------->  |
//!    |  <-- packet -- value, flow <-- column <-- Down: tokens --  |
//!                         |             |
//!                      literal   kind (the table of types)      dialect: what each version reads
//! ```
//!
//! Source: MS-TDS for both sides, and Microsoft's "Down-level client behavior" for types that the older one does not have.
//!
//! # Invariants
//!
//! * How reads cut the bytes makes no difference.
//! * Kept between two reads are a packet, a piece of a token (`MOST_KEPT`), and a value only where the app has to hear its length
//!   first and the upstream did not say it: at most [`Terms::value_limit`] bytes of it.
//! * What cannot be translated is an error before the app has seen any of it, never a guess.
//! * Rows are read by columns that the upstream has said in front of them, and not by what an app may remember.
//! * No transaction is left behind: the descriptor that the upstream gave last stands in every request.

mod charset;
mod column;
mod dialect;
mod down;
mod flow;
mod kind;
mod literal;
mod packet;
mod request;
mod up;
mod value;

use alloc::vec::Vec;

pub use dialect::Dialect;

use super::frame::{Header, PacketError, kind as packet_kind};
use super::text::b_varbyte;
use super::token::change;
use super::version::Width;
use crate::reader::Reader;
use down::Down;
use kind::Collation;
use packet::{Incoming, Message, Outgoing, Piece};
use up::Up;

/// Most bytes of a token, or of a short value, that wait for their rest. The longest that a server makes have 64 KiB and a little.
const MOST_KEPT: usize = 512 * 1024;
/// The descriptor of no transaction.
const NO_TRANSACTION: [u8; 8] = [0; 8];

/// What a login has settled.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// What the app reads.
    pub dialect: Dialect,
    /// Bytes of a packet, header included, on both sides.
    pub packet_size: usize,
    /// The session's own, for text that the upstream sends without one, and the app as well.
    pub collation: [u8; 5],
    /// Bytes that are held of a value whose length has to come first.
    pub value_limit: usize,
}

/// Why a session cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Untranslatable {
    /// A packet is none.
    #[error(transparent)]
    Packet(#[from] PacketError),
    /// An upstream says something else than answers.
    #[error("a packet of type {0:#04x} in an answer")]
    PacketKind(u8),
    /// Nobody knows how long it is.
    #[error("a token {0:#04x} in an answer")]
    Token(u8),
    /// A type that no server sends to clients which have not asked for it.
    #[error("a value of type {0:#04x}")]
    Type(u8),
    /// A value of this type is none.
    #[error("a value that is none of its type {0:#04x}")]
    Value(u8),
    /// More bytes come than were announced, or less.
    #[error("a value of another length than it says")]
    Length,
    /// More than half a MiB.
    #[error("a token of more than {MOST_KEPT} bytes")]
    TooLarge,
}

/// Why a step was not taken.
#[derive(Debug)]
enum Halt {
    /// Too little of what comes next is there.
    Short,
    Bad(Untranslatable),
}

impl From<Untranslatable> for Halt {
    fn from(bad: Untranslatable) -> Self {
        Self::Bad(bad)
    }
}

/// What both directions know of the session.
#[derive(Debug)]
struct Own {
    dialect: Dialect,
    collation: Collation,
    /// The upstream's number for the transaction that is open.
    transaction: [u8; 8],
    /// The app knows the columns of the answer that comes, and has asked not to hear of them.
    knows_columns: bool,
}

impl Own {
    fn width(&self) -> Width {
        match self.dialect.is_narrow() {
            true => Width::Narrow,
            false => Width::Wide,
        }
    }

    /// Appends the user type and the flags of a column, as wide as the app reads them.
    fn push_traits(&self, user_type: u32, flags: u16, out: &mut Vec<u8>) {
        let [low, high, rest @ ..] = user_type.to_le_bytes();
        out.extend_from_slice(&[low, high]);
        if !self.dialect.is_narrow() {
            out.extend_from_slice(&rest);
        }
        let flags = flags & self.dialect.column_flags();
        out.extend_from_slice(&flags.to_le_bytes());
    }

    /// Remembers what the upstream changes of its side (MS-TDS 2.2.7.9).
    fn note_change(&mut self, kind: u8, values: &[u8]) {
        let new = b_varbyte(&mut Reader::new(values));
        match (kind, new) {
            (change::COLLATION, Some(new)) => {
                self.collation = new.try_into().unwrap_or(self.collation)
            }
            // One begins, or the session joins one.
            (8 | 11, Some(new)) => self.transaction = new.try_into().unwrap_or(NO_TRANSACTION),
            // It is committed, rolled back, left, or has ended.
            (9 | 10 | 12 | 17, _) => self.transaction = NO_TRANSACTION,
            _ => {}
        }
    }
}

/// Bytes of a message that are not enough for a step.
#[derive(Debug, Default)]
struct Kept(Vec<u8>);

impl Kept {
    /// Goes through `share`, behind what was kept before, as far as `step` does.
    fn take(
        &mut self,
        share: &[u8],
        mut step: impl FnMut(&mut Reader<'_>) -> Result<(), Halt>,
    ) -> Result<(), Untranslatable> {
        let mut kept = core::mem::take(&mut self.0);
        let bytes = match kept.is_empty() {
            true => share,
            false => {
                kept.extend_from_slice(share);
                &kept
            }
        };
        let mut reader = Reader::new(bytes);
        loop {
            match step(&mut reader) {
                Ok(()) => {}
                Err(Halt::Short) => break,
                Err(Halt::Bad(bad)) => return Err(bad),
            }
        }
        let rest = reader.rest();
        if rest.len() > MOST_KEPT {
            return Err(Untranslatable::TooLarge);
        }
        // What waits for its rest grows where it is: reads of a few bytes each do not copy all of it again.
        self.0 = match rest.len() == kept.len() {
            true => kept,
            false => rest.to_vec(),
        };
        Ok(())
    }
}

/// Both directions of a session.
#[derive(Debug)]
pub struct Translator {
    own: Own,
    answers: Incoming,
    down: Down,
    to_app: Outgoing,
    /// The upstream's number for the session.
    spid: u16,
    up: Up,
}

impl Translator {
    /// For a session that begins now.
    pub fn new(terms: &Terms) -> Self {
        Self {
            own: Own {
                dialect: terms.dialect,
                collation: terms.collation,
                transaction: NO_TRANSACTION,
                knows_columns: false,
            },
            answers: Incoming::default(),
            down: Down::new(terms.value_limit),
            to_app: Outgoing::new(terms.packet_size),
            spid: 0,
            up: Up::new(terms.packet_size),
        }
    }

    /// Translates packets of the app, cut anywhere, and appends those for the upstream to `out`: each but the last of a message has
    /// exactly the size that was agreed on, as servers demand from 7.3 on.
    ///
    /// # Errors
    ///
    /// [`Untranslatable`]; nothing can be said afterwards.
    pub fn from_app(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Untranslatable> {
        self.up.take(bytes, &mut self.own, out)
    }

    /// Translates packets of the upstream, cut anywhere, and appends those for the app to `out`. With a packet's end everything has
    /// left that is not held, so that what a server says early is heard early.
    ///
    /// # Errors
    ///
    /// [`Untranslatable`]; nothing can be said afterwards.
    pub fn from_upstream(
        &mut self,
        mut bytes: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Untranslatable> {
        while let Some(piece) = self.answers.next(&mut bytes)? {
            match piece {
                Piece::Begins(header) if header.kind != packet_kind::RESPONSE => {
                    return Err(Untranslatable::PacketKind(header.kind));
                }
                Piece::Begins(header) => self.spid = header.spid,
                Piece::Share(share) => {
                    self.down.take(share, &mut self.own, &mut self.to_app)?;
                    self.to_app.cut_full(self.answer(), out);
                }
                Piece::Ends(header) => {
                    self.down.pause(&mut self.to_app);
                    if header.is_last() {
                        self.down.end(&mut self.to_app);
                    }
                    let last = header.status & Header::LAST;
                    self.to_app.cut_all(self.answer(), last, out);
                }
            }
        }
        Ok(())
    }

    /// The upstream has ended. Appends what it has said to `out`, whole or not.
    pub fn upstream_ended(&mut self, out: &mut Vec<u8>) {
        self.to_app.release();
        self.to_app.cut_all(self.answer(), 0, out);
    }

    /// Bytes that are kept between two calls, for whoever proves that they are few.
    #[cfg(test)]
    pub(in crate::tds) fn kept(&self) -> usize {
        [self.down.kept(), self.to_app.kept(), self.up.kept()]
            .iter()
            .sum()
    }

    fn answer(&self) -> Message {
        Message {
            kind: packet_kind::RESPONSE,
            spid: self.spid,
        }
    }
}

//! Long values on their way, read by read.

use super::column::LONGEST;
use super::packet::Outgoing;
use super::{Halt, Untranslatable};
use crate::reader::Reader;

/// The order of bytes in front of XML, which text does not have.
pub(super) const BYTE_ORDER_MARK: [u8; 2] = [0xff, 0xfe];

/// The rest of a value that has begun.
#[derive(Debug)]
pub(super) enum Flow {
    /// So many bytes as they are.
    Bytes { left: u32 },
    /// Chunks up to an empty one.
    Chunks { chunk: u32, what: Chunks },
}

/// What becomes of chunks.
#[derive(Debug)]
pub(super) enum Chunks {
    /// They go as they are.
    Kept,
    /// They go as the bytes of which the app was told how many come.
    Told {
        /// Bytes of all chunks that are still to come.
        left: u64,
        /// Bytes of them that the app was not told of.
        skip: usize,
    },
    /// They wait for the last one, because the app has to hear first how many bytes there are.
    Held {
        /// The place where the value begins.
        from: usize,
        /// The place where its bytes begin.
        at: usize,
        is_xml: bool,
    },
    /// The app does not get them.
    Dropped,
}

/// What a flow has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flowed {
    /// All of it is there.
    Whole,
    /// More has been held than may be. What waits from this place on is to be taken back, and the rest of it is dropped.
    TooLong { from: usize },
}

impl Flow {
    pub(super) fn of_chunks(what: Chunks) -> Self {
        Self::Chunks { chunk: 0, what }
    }

    /// Takes what there is of it off `reader`. Not more than `limit` bytes are held.
    pub(super) fn go_on(
        &mut self,
        reader: &mut Reader<'_>,
        limit: usize,
        out: &mut Outgoing,
    ) -> Result<Flowed, Halt> {
        let (chunk, what) = match self {
            Self::Bytes { left } => {
                out.waiting().extend_from_slice(take(left, reader));
                return match left {
                    0 => Ok(Flowed::Whole),
                    _ => Err(Halt::Short),
                };
            }
            Self::Chunks { chunk, what } => (chunk, what),
        };
        loop {
            if *chunk == 0 {
                let length = reader.u32_le().ok_or(Halt::Short)?;
                if let Chunks::Kept = what {
                    out.waiting().extend_from_slice(&length.to_le_bytes());
                }
                if length == 0 {
                    what.end(out)?;
                    return Ok(Flowed::Whole);
                }
                *chunk = length;
            }
            let bytes = take(chunk, reader);
            if bytes.is_empty() {
                return Err(Halt::Short);
            }
            if let Some(from) = what.go_on(bytes, limit, out)? {
                *what = Chunks::Dropped;
                return Ok(Flowed::TooLong { from });
            }
        }
    }

    /// Whether what has come of it has to wait for the rest.
    pub(super) fn is_held(&self) -> bool {
        matches!(
            self,
            Self::Chunks {
                what: Chunks::Held { .. },
                ..
            }
        )
    }

    /// The app does not get the rest of it.
    pub(super) fn drop_rest(&mut self) {
        if let Self::Chunks { what, .. } = self {
            *what = Chunks::Dropped;
        }
    }
}

impl Chunks {
    /// Takes some bytes. Where more than `limit` would be held, it says where their value begins.
    fn go_on(
        &mut self,
        bytes: &[u8],
        limit: usize,
        out: &mut Outgoing,
    ) -> Result<Option<usize>, Untranslatable> {
        match self {
            Self::Dropped => {}
            Self::Kept => out.waiting().extend_from_slice(bytes),
            Self::Told { left, skip } => {
                let lies = Untranslatable::Length;
                *left = left.checked_sub(bytes.len() as u64).ok_or(lies)?;
                let (_, told) = bytes.split_at_checked(*skip).unwrap_or((bytes, &[]));
                *skip = skip.saturating_sub(bytes.len());
                out.waiting().extend_from_slice(told);
            }
            Self::Held { from, at, .. } => {
                let held = out.place().saturating_sub(*at);
                if held.saturating_add(bytes.len()) > limit {
                    return Ok(Some(*from));
                }
                out.waiting().extend_from_slice(bytes);
            }
        }
        Ok(None)
    }

    fn end(&self, out: &mut Outgoing) -> Result<(), Untranslatable> {
        match self {
            Self::Told { left: 1.., .. } => return Err(Untranslatable::Length),
            Self::Kept | Self::Told { .. } | Self::Dropped => {}
            Self::Held { at, is_xml, .. } => {
                let (at, waiting) = (out.in_front_of(*at), out.waiting());
                let value = waiting.get(at..).unwrap_or_default();
                if *is_xml && value.starts_with(&BYTE_ORDER_MARK) {
                    waiting.drain(at..at.saturating_add(BYTE_ORDER_MARK.len()));
                }
                let length = waiting.len().saturating_sub(at);
                let length = u32::try_from(length).unwrap_or(LONGEST);
                let front = waiting.get_mut(..at).and_then(<[u8]>::last_chunk_mut);
                if let Some(said) = front {
                    *said = length.to_le_bytes();
                }
                out.release();
            }
        }
        Ok(())
    }
}

/// Takes at most `left` bytes, and says how many are left then.
fn take<'a>(left: &mut u32, reader: &mut Reader<'a>) -> &'a [u8] {
    let most = usize::try_from(*left).unwrap_or(usize::MAX);
    let count = most.min(reader.rest().len());
    let bytes = reader.bytes(count).unwrap_or_default();
    *left = left.saturating_sub(u32::try_from(count).unwrap_or(u32::MAX));
    bytes
}

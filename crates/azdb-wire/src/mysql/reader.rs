//! Little-endian numbers and counted strings, taken from the front of a payload.

use super::packet::PacketError;

/// What is left of a payload. Each method takes from its front, or fails with the name of the whole.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> Reader<'a> {
    /// `what` names the packet in errors.
    pub(super) const fn new(payload: &'a [u8], what: &'static str) -> Self {
        Self {
            rest: payload,
            what,
        }
    }

    fn malformed(&self) -> PacketError {
        PacketError::Malformed(self.what)
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn bytes(&mut self, count: usize) -> Result<&'a [u8], PacketError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(self.malformed())?;
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], PacketError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(self.malformed())?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(super) fn u8(&mut self) -> Result<u8, PacketError> {
        self.array().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Result<u16, PacketError> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, PacketError> {
        self.array().map(u32::from_le_bytes)
    }

    /// The bytes up to a NUL.
    pub(super) fn cstring(&mut self) -> Result<&'a [u8], PacketError> {
        let end = self.rest.iter().position(|byte| *byte == 0);
        let text = self.bytes(end.ok_or(self.malformed())?)?;
        self.u8()?;
        Ok(text)
    }

    /// The bytes up to a NUL, or to the end where there is none.
    pub(super) fn cstring_or_rest(&mut self) -> &'a [u8] {
        self.cstring().unwrap_or_else(|_| {
            let rest = self.rest;
            self.rest = &[];
            rest
        })
    }

    /// Bytes behind a length of one, three, four or nine bytes.
    pub(super) fn counted(&mut self) -> Result<&'a [u8], PacketError> {
        let count = match self.u8()? {
            short @ 0..=250 => u64::from(short),
            252 => u64::from(self.u16()?),
            253 => {
                let [a, b, c] = self.array()?;
                u64::from(u32::from_le_bytes([a, b, c, 0]))
            }
            254 => u64::from_le_bytes(self.array()?),
            _ => return Err(self.malformed()),
        };
        self.bytes(usize::try_from(count).map_err(|_| self.malformed())?)
    }

    /// The same with its length in front.
    pub(super) fn counted_whole(&mut self) -> Result<&'a [u8], PacketError> {
        let before = self.rest;
        self.counted()?;
        let taken = before.len().saturating_sub(self.rest.len());
        Ok(before.get(..taken).unwrap_or_default())
    }

    /// Bytes behind a length of one byte.
    pub(super) fn short(&mut self) -> Result<&'a [u8], PacketError> {
        let count = self.u8()?;
        self.bytes(usize::from(count))
    }
}

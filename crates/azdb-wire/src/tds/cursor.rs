//! Reading fields off the front of a slice.

/// What is left of a message. Every read is `None` when the message is too short for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a>(pub(super) &'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// A count of bytes in 32 bits. On a machine where it does not fit, no message is that long either.
    pub(super) fn long(&mut self) -> Option<usize> {
        self.u32().and_then(|count| usize::try_from(count).ok())
    }

    /// `B_VARCHAR`: a count of UTF-16 units in one byte, and the units.
    pub(super) fn b_varchar(&mut self) -> Option<&'a [u8]> {
        let units = usize::from(self.byte()?);
        self.take(units.saturating_mul(2))
    }

    /// `US_VARCHAR`: a count of UTF-16 units in two bytes, and the units.
    pub(super) fn us_varchar(&mut self) -> Option<&'a [u8]> {
        let units = usize::from(self.u16()?);
        self.take(units.saturating_mul(2))
    }
}

//! Bytes, read as what to do.

/// What is left of a script.
#[derive(Debug, Clone, Copy)]
pub struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    /// The whole of it.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next byte, if there is any.
    pub fn next(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    /// The next two as a number.
    pub fn number(&mut self) -> usize {
        let (low, high) = (self.next().unwrap_or(0), self.next().unwrap_or(0));
        usize::from(u16::from_le_bytes([low, high]))
    }

    /// So many bytes, or what is left.
    pub fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (bytes, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        bytes
    }
}

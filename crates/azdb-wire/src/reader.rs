//! Fields, taken off the front of a message.

/// What is left of a message. Every read takes from its front, or is `None` and takes nothing when too little is left.
///
/// A number says in its name which end comes first: MySQL and TDS write little-endian, PostgreSQL and the outermost parts of
/// TDS big-endian. Strings with forms of their own are read where their protocol is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// Everything that has not been taken yet.
    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// As many bytes as a number says. Where that does not fit in memory, no message is that long either.
    pub(crate) fn bytes(&mut self, count: impl TryInto<usize>) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count.try_into().ok()?)?;
        self.rest = rest;
        Some(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*taken)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    pub(crate) fn u16_le(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    /// Three bytes.
    pub(crate) fn u24_le(&mut self) -> Option<u32> {
        self.array()
            .map(|[a, b, c]| u32::from_le_bytes([a, b, c, 0]))
    }

    pub(crate) fn u32_le(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64_le(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn u16_be(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u32_be(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// The bytes up to a NUL, which is taken, too.
    pub(crate) fn cstring(&mut self) -> Option<&'a [u8]> {
        let end = self.rest.iter().position(|byte| *byte == 0)?;
        let text = self.bytes(end)?;
        self.u8()?;
        Some(text)
    }

    /// The bytes up to a NUL, or to the end where there is none.
    pub(crate) fn cstring_or_rest(&mut self) -> &'a [u8] {
        self.cstring().unwrap_or_else(|| {
            let rest = self.rest;
            self.rest = &[];
            rest
        })
    }

    /// What `read` takes, as it came: for parts that are passed on whole. `None`, and nothing taken, when it fails.
    pub(crate) fn raw<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<&'a [u8]> {
        let mut ahead = *self;
        read(&mut ahead)?;
        self.bytes(self.rest.len().saturating_sub(ahead.rest.len()))
    }
}

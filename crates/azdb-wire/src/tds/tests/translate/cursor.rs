//! Fields off the front of what an app or a server has received.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Why a reader stops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stop {
    /// More has to come.
    Short,
    /// No such thing in this version.
    Bad(String),
}

pub(super) type Read<T> = Result<T, Stop>;

pub(super) fn bad<T>(what: impl Into<String>) -> Read<T> {
    Err(Stop::Bad(what.into()))
}

/// What is left to read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    pub(super) rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    pub(super) fn take(&mut self, count: usize) -> Read<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Stop::Short)?;
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        self.take(N).map(|bytes| bytes.try_into().unwrap())
    }

    pub(super) fn u8(&mut self) -> Read<u8> {
        self.array().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Read<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Read<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Read<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn len32(&mut self) -> Read<usize> {
        self.u32().map(|length| usize::try_from(length).unwrap())
    }

    pub(super) fn text(&mut self, units: usize) -> Read<String> {
        let bytes = self.take(units * 2)?;
        let units: Vec<u16> = bytes
            .chunks(2)
            .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
            .collect();
        String::from_utf16(&units).map_err(|_| Stop::Bad(format!("{units:x?} is no text")))
    }

    pub(super) fn b_varchar(&mut self) -> Read<String> {
        let units = self.u8()?;
        self.text(units.into())
    }

    pub(super) fn us_varchar(&mut self) -> Read<String> {
        let units = self.u16()?;
        self.text(units.into())
    }

    pub(super) fn parts(&mut self) -> Read<Vec<String>> {
        let count = self.u8()?;
        (0..count).map(|_| self.us_varchar()).collect()
    }
}

//! Versions of TDS, as LOGIN7 asks for them and LOGINACK grants them.
//!
//! Source: TDSVersion of LOGIN7 and of LOGINACK in MS-TDS, and what drivers were seen to take.

use core::fmt;

/// A version as the number that LOGIN7 carries (little-endian) and LOGINACK repeats (big-endian).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(u32);

/// Widths of fields that grew with 7.2: LineNumber of ERROR and INFO, row counts of DONE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// Up to 7.1: two and four bytes.
    Narrow,
    /// From 7.2: four and eight.
    Wide,
}

impl Version {
    /// SQL Server 7.0.
    pub const V7_0: Self = Self(0x7000_0000);
    /// SQL Server 2000.
    pub const V7_1: Self = Self(0x7100_0001);
    /// SQL Server 2005.
    pub const V7_2: Self = Self(0x7209_0002);
    /// SQL Server 2008.
    pub const V7_3A: Self = Self(0x730a_0003);
    /// SQL Server 2008 R2.
    pub const V7_3B: Self = Self(0x730b_0003);
    /// SQL Server 2012 and later, the version that has FEDAUTH.
    pub const V7_4: Self = Self(0x7400_0004);
    /// 7.4 inside TLS from the first byte.
    pub const V8_0: Self = Self(0x0800_0000);

    /// Reads the word of LOGIN7. MS-TDS prints the oldest ones with their bytes swapped; both spellings are taken.
    pub fn from_login(word: u32) -> Self {
        match word {
            0x0000_0070 => Self::V7_0,
            0x0000_0071 => Self(0x7100_0000),
            0x0100_0071 => Self::V7_1,
            other => Self(other),
        }
    }

    /// The word for LOGIN7.
    pub fn to_login(self) -> u32 {
        self.0
    }

    /// The bytes for LOGINACK.
    pub fn to_ack(self) -> [u8; 4] {
        self.0.to_be_bytes()
    }

    /// How wide this version's fields are.
    pub fn width(self) -> Width {
        if (0x7000_0000..0x7200_0000).contains(&self.0) {
            Width::Narrow
        } else {
            Width::Wide
        }
    }

    /// What a server of 7.4 grants when it is asked for this; `None` when the two differ in more than the number.
    ///
    /// 7.3B reads a 7.4 stream as long as no feature was asked for; later ones than we know get what we know.
    pub fn granted(self) -> Option<Self> {
        match self {
            Self::V7_3B | Self::V8_0 => Some(self),
            Self(word) if word >= Self::V7_4.0 => Some(Self::V7_4),
            _ => None,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 >> 16 {
            0x7000 => "7.0",
            0x7100 => "7.1",
            0x7209 => "7.2",
            0x730a => "7.3 (SQL Server 2008)",
            0x730b => "7.3 (SQL Server 2008 R2)",
            0x7400 => "7.4",
            0x0800 => "8.0",
            _ => return write!(f, "{:#010x}", self.0),
        })
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

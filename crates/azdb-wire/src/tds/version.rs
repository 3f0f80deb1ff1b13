//! Versions of TDS, as LOGIN7 asks for them and LOGINACK grants them.
//!
//! Source: TDSVersion of LOGIN7 and of LOGINACK in MS-TDS, and what drivers were seen to take.

use core::fmt;

/// A version as the number that LOGIN7 carries (little-endian) and LOGINACK repeats (big-endian).
#[derive(Clone, Copy, PartialEq, Eq)]
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
    /// SQL Server 2000, as it came out.
    pub const V7_1_RTM: Self = Self(0x7100_0000);
    /// SQL Server 2000, revised.
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

    /// Reads the word of LOGIN7, and takes what nobody has numbered for its next of kin. MS-TDS prints the oldest ones with their bytes
    /// swapped; both spellings are taken.
    pub fn from_login(word: u32) -> Self {
        match word {
            0x0000_0070 | 0x7000_0000..0x7100_0000 => Self::V7_0,
            0x0000_0071 | 0x7100_0000 => Self::V7_1_RTM,
            0x0100_0071 | 0x7100_0001..0x7200_0000 => Self::V7_1,
            0x7200_0000..0x7300_0000 => Self::V7_2,
            0x7300_0000..0x730b_0000 => Self::V7_3A,
            0x730b_0000..0x7400_0000 => Self::V7_3B,
            0x7400_0000.. => Self::V7_4,
            other => Self(other),
        }
    }

    /// Reads the bytes of LOGINACK, where the oldest ones are spelt in a way of their own (MS-TDS 2.2.7.14).
    pub fn from_ack(bytes: [u8; 4]) -> Self {
        match bytes {
            [7, 0, 0, 0] => Self::V7_0,
            [7, 1, 0, 0] => Self::V7_1_RTM,
            other => Self::from_login(u32::from_be_bytes(other)),
        }
    }

    /// The word for LOGIN7.
    pub fn to_login(self) -> u32 {
        self.0
    }

    /// The bytes for LOGINACK.
    pub fn to_ack(self) -> [u8; 4] {
        match self {
            Self::V7_0 => [7, 0, 0, 0],
            Self::V7_1_RTM => [7, 1, 0, 0],
            Self(word) => word.to_be_bytes(),
        }
    }

    /// How wide this version's fields are.
    pub fn width(self) -> Width {
        if (0x7000_0000..0x7200_0000).contains(&self.0) {
            Width::Narrow
        } else {
            Width::Wide
        }
    }

    /// Whether this is a version that somebody speaks: apps of this protocol begin at 7.0.
    pub fn is_known(self) -> bool {
        self.age() >= Self::V7_0.0
    }

    /// Whether this version has more than that one. 8.0 is 7.4 in another dress.
    pub fn is_after(self, other: Self) -> bool {
        self.age() > other.age()
    }

    /// What a login upstream asks for in the name of an app that has asked for this. Tokens have come with 7.4; with a password a
    /// server speaks the app's own version.
    #[must_use]
    pub fn upstream(self, with_token: bool) -> Self {
        if with_token || !Self::V7_4.is_after(self) {
            Self::V7_4
        } else {
            self
        }
    }

    fn age(self) -> u32 {
        match self {
            Self::V8_0 => Self::V7_4.0,
            Self(word) => word,
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

//! Versions of TDS: what a client asks for, and what it therefore reads and writes.

/// A version of TDS 7; later ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Version {
    /// SQL Server 7.0.
    V7_0,
    /// SQL Server 2000.
    V7_1,
    /// SQL Server 2000 with its first service pack.
    V7_1Revision1,
    /// SQL Server 2005.
    V7_2,
    /// SQL Server 2008.
    V7_3A,
    /// SQL Server 2008, whose rows may say in a bitmap what is NULL.
    V7_3B,
    /// SQL Server 2012 and later. TDS 8.0 is this in another envelope.
    V7_4,
}

impl Version {
    /// Of the number in a LOGIN7.
    pub(super) fn of(number: u32) -> Option<Self> {
        Some(match number {
            0x7000_0000 => Self::V7_0,
            0x7100_0000 => Self::V7_1,
            0x7100_0001 => Self::V7_1Revision1,
            0x7209_0002 => Self::V7_2,
            0x730a_0003 => Self::V7_3A,
            0x730b_0003 => Self::V7_3B,
            0x7400_0004 | 0x0800_0000 => Self::V7_4,
            _ => return None,
        })
    }

    /// The bytes of a LOGINACK that grants it to a client that asked with `number`.
    pub(super) fn granted(self, number: u32) -> [u8; 4] {
        match self {
            Self::V7_0 => [7, 0, 0, 0],
            Self::V7_1 => [7, 1, 0, 0],
            _ => number.to_be_bytes(),
        }
    }

    /// User types, counts of rows and lines have four and eight bytes; requests begin with headers.
    pub(super) fn is_wide(self) -> bool {
        self >= Self::V7_2
    }

    /// Types of texts say their collation.
    pub(super) fn has_collations(self) -> bool {
        self >= Self::V7_1
    }

    /// `bigint` and `sql_variant`.
    pub(super) fn has_variants(self) -> bool {
        self >= Self::V7_1
    }

    /// `varchar(max)` and its like, `xml` and types of the CLR.
    pub(super) fn has_max_types(self) -> bool {
        self >= Self::V7_2
    }

    /// `date`, `time`, `datetime2`, `datetimeoffset`, and types of the CLR of more than 8000 bytes.
    pub(super) fn has_dates(self) -> bool {
        self >= Self::V7_3A
    }

    /// A row may say in a bitmap what is NULL.
    pub(super) fn has_null_bitmaps(self) -> bool {
        self >= Self::V7_3B
    }

    /// Every packet of a request but its last must have the agreed size.
    pub(super) fn wants_full_packets(self) -> bool {
        self >= Self::V7_3A
    }
}

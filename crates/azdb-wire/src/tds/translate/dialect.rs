//! What apps of each old version read, where it differs from 7.4.

use alloc::vec::Vec;

use super::charset;
use super::kind::Collation;
use crate::tds::token::change;
use crate::tds::version::{Version, Width};

/// A version of TDS that is translated, in the order of their age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dialect {
    /// SQL Server 7.0: text has no collations, integers have no more than four bytes.
    V7_0,
    /// SQL Server 2000, as it came out: names of tables in one part.
    V7_1,
    /// SQL Server 2000, revised.
    V7_1Rev1,
    /// SQL Server 2005: row counts of 64 bits, max types, xml.
    V7_2,
    /// SQL Server 2008: `date`, `time` and their like.
    V7_3A,
}

impl Dialect {
    /// What lies between an app that reads `app` and an upstream that speaks `upstream`; `None` where the one reads what the other
    /// writes, or where nobody could help: the upstream's version is not younger, or as narrow.
    pub fn between(app: Version, upstream: Version) -> Option<Self> {
        let own = match app {
            Version::V7_0 => Self::V7_0,
            Version::V7_1_RTM => Self::V7_1,
            Version::V7_1 => Self::V7_1Rev1,
            Version::V7_2 => Self::V7_2,
            Version::V7_3A => Self::V7_3A,
            _ => return None,
        };
        (upstream.width() == Width::Wide && upstream.is_after(app)).then_some(own)
    }

    /// Fields and types are those from before SQL Server 2005, and requests begin without headers.
    pub(super) fn is_narrow(self) -> bool {
        self < Self::V7_2
    }

    /// Text says in which collation it is.
    pub(super) fn has_collations(self) -> bool {
        self > Self::V7_0
    }

    /// Integers may have eight bytes.
    pub(super) fn has_bigints(self) -> bool {
        self > Self::V7_0
    }

    /// TABNAME has each part of a name by itself.
    pub(super) fn has_table_parts(self) -> bool {
        self > Self::V7_1
    }

    /// `date`, `time`, `datetime2` and `datetimeoffset` are types of their own.
    pub(super) fn has_dates(self) -> bool {
        self > Self::V7_2
    }

    /// A type made in .NET may have more than 8000 bytes.
    pub(super) fn has_large_udts(self) -> bool {
        self > Self::V7_2
    }

    /// The flags of a column that this version knows (MS-TDS 2.2.7.4).
    pub(super) fn column_flags(self) -> u16 {
        /// fNullable, fCaseSen, usUpdateable, fIdentity, usReservedODBC.
        const OLD: u16 = 0x00df;
        /// fSparseColumnSet, of 7.3B, and fEncrypted, of 7.4.
        const NEW: u16 = 0x0c00;
        if self.is_narrow() { OLD } else { !NEW }
    }

    /// Appends what an app is told of a change, which is `raw`, while this is the session's collation.
    pub(in crate::tds) fn push_change(
        self,
        kind: u8,
        raw: &[u8],
        collation: Option<Collation>,
        out: &mut Vec<u8>,
    ) {
        match (kind, collation) {
            (change::COLLATION, Some(collation)) if !self.has_collations() => {
                charset::push_changes(collation, out);
            }
            _ if self.reads_change(kind) => out.extend_from_slice(raw),
            _ => {}
        }
    }

    /// Whether this version knows a change of this type.
    fn reads_change(self, kind: u8) -> bool {
        match kind {
            // Database, language, packet size.
            change::DATABASE | change::LANGUAGE | change::PACKET_SIZE => true,
            change::COLLATION => self.has_collations(),
            // Nobody is to follow them past us.
            change::MIRROR | change::ROUTING | change::ENHANCED_ROUTING => false,
            _ => !self.is_narrow(),
        }
    }
}

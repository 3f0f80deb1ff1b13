//! Types: how each is described, and how its values are laid out.
//!
//! ```text
//!   tag  | behind the tag                  | a value
//!   -----+---------------------------------+-------------------------------------------------
//!   30 … |                                 | so many bytes
//!   26 … | length: 1                       | length: 1 | bytes                  NULL 00
//!   6a … | length: 1 | precision | scale   | the same
//!   28   |                                 | the same
//!   29 … | scale                           | the same
//!   a7 … | length: 2 | collation: 5        | length: 2 | bytes                  NULL ffff
//!   a5 … | length: 2                       | the same
//!   a7 … | ffff | collation: 5             | total: 8 | chunks | 0: 4           NULL ff…ff
//!   a5   | ffff                            | the same
//!   f1   | schema                          | the same
//!   f0   | length: 2, in columns | names   | the same
//!   23 … | length: 4 | collation: 5        | in rows pointer | length: 4 | bytes, NULL 00
//!   22   | length: 4                       | elsewhere length: 4 | bytes         NULL ffffffff
//!   62   | length: 4                       | length: 4 | type and bytes        NULL 00000000
//! ```
//!
//! Source: TYPE_INFO and TYPE_VARBYTE of MS-TDS (2.2.5.4 to 2.2.5.6).

use super::{Halt, Untranslatable};
use crate::reader::Reader;
use crate::tds::text::{b_varchar, us_varchar};

pub(super) const IMAGE: u8 = 0x22;
pub(super) const TEXT: u8 = 0x23;
pub(super) const INTEGER: u8 = 0x26;
pub(super) const DATE: u8 = 0x28;
pub(super) const TIME: u8 = 0x29;
pub(super) const DATETIME2: u8 = 0x2a;
pub(super) const DATETIMEOFFSET: u8 = 0x2b;
pub(super) const VARIANT: u8 = 0x62;
pub(super) const NTEXT: u8 = 0x63;
pub(super) const DECIMAL: u8 = 0x6a;
pub(super) const BIGINT: u8 = 0x7f;
pub(super) const VARBINARY: u8 = 0xa5;
pub(super) const VARCHAR: u8 = 0xa7;
pub(super) const BINARY: u8 = 0xad;
pub(super) const CHAR: u8 = 0xaf;
pub(super) const NVARCHAR: u8 = 0xe7;
pub(super) const NCHAR: u8 = 0xef;
pub(super) const UDT: u8 = 0xf0;
pub(super) const XML: u8 = 0xf1;

/// The length of a type that may have any.
pub(super) const MAX: u16 = 0xffff;

/// Sort order and code page of text.
pub(super) type Collation = [u8; 5];

/// Where a type is described: it decides what is said of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In COLMETADATA, and its values stand in rows.
    Column,
    /// At a parameter of a call, with its value behind it.
    Parameter,
}

/// How values are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// So many bytes.
    Fixed(u8),
    /// A length in one byte, zero for NULL.
    Len8,
    /// A length in two bytes, ffff for NULL.
    Len16,
    /// A length in four bytes, ffffffff for NULL.
    Len32,
    /// A text pointer and a timestamp, and then a length in four bytes; no pointer for NULL.
    Pointed,
    /// A length in four bytes, zero for NULL; never long.
    Variant,
    /// A total in eight bytes, and chunks up to an empty one.
    Chunked,
}

/// A type as it is described.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TypeInfo<'a> {
    pub(super) tag: u8,
    pub(super) layout: Layout,
    /// Digits behind the second, of times.
    pub(super) scale: u8,
    /// Where text is described with one.
    pub(super) collation: Option<Collation>,
    /// Between tag and collation, or all behind the tag.
    pub(super) details: &'a [u8],
}

impl<'a> TypeInfo<'a> {
    /// Reads a type, in a version with collations or without.
    pub(super) fn read(
        reader: &mut Reader<'a>,
        place: Place,
        collations: bool,
    ) -> Result<Self, Halt> {
        let tag = reader.u8().ok_or(Halt::Short)?;
        let long = match place {
            Place::Column => Layout::Pointed,
            Place::Parameter => Layout::Len32,
        };
        let (layout, count) = match tag {
            0x1f => (Layout::Fixed(0), 0),
            0x30 | 0x32 => (Layout::Fixed(1), 0),
            0x34 => (Layout::Fixed(2), 0),
            0x38 | 0x3a | 0x3b | 0x7a => (Layout::Fixed(4), 0),
            0x3c..=0x3e | 0x7f => (Layout::Fixed(8), 0),
            DATE => (Layout::Len8, 0),
            0x24..=0x27 | TIME | DATETIME2 | DATETIMEOFFSET => (Layout::Len8, 1),
            0x2d | 0x2f | 0x68 | 0x6d..=0x6f => (Layout::Len8, 1),
            0x37 | 0x3f | 0x6a | 0x6c => (Layout::Len8, 3),
            VARBINARY | VARCHAR | BINARY | CHAR | NVARCHAR | NCHAR => (Layout::Len16, 2),
            IMAGE | TEXT | NTEXT => (long, 4),
            VARIANT => (Layout::Variant, 4),
            UDT | XML => (Layout::Chunked, 0),
            _ => return Err(Untranslatable::Type(tag).into()),
        };
        let details = match tag {
            UDT => reader.raw(|reader| udt(reader, place)),
            XML => reader.raw(xml),
            _ => reader.bytes(count),
        };
        let details = details.ok_or(Halt::Short)?;
        let collation = match is_text(tag) && collations {
            true => Some(reader.array().ok_or(Halt::Short)?),
            false => None,
        };
        let is_max = layout == Layout::Len16 && details == MAX.to_le_bytes();
        Ok(Self {
            tag,
            layout: if is_max { Layout::Chunked } else { layout },
            scale: details.first().copied().unwrap_or_default(),
            collation,
            details,
        })
    }

    /// Whether columns of this type name their table.
    pub(super) fn names_table(&self) -> bool {
        matches!(self.tag, IMAGE | TEXT | NTEXT)
    }

    /// Whether this is text, which has a collation from 7.1 on.
    pub(super) fn is_text(&self) -> bool {
        is_text(self.tag)
    }

    /// Whether this is an integer of eight bytes, which SQL Server 2000 has brought.
    pub(super) fn is_bigint(&self) -> bool {
        self.tag == BIGINT || self.tag == INTEGER && self.details == [8]
    }

    /// Whether this is one of the types that SQL Server 2008 has brought.
    pub(super) fn is_date(&self) -> bool {
        is_date(self.tag)
    }
}

fn is_text(tag: u8) -> bool {
    matches!(tag, TEXT | NTEXT | VARCHAR | CHAR | NVARCHAR | NCHAR)
}

pub(super) fn is_date(tag: u8) -> bool {
    matches!(tag, DATE | TIME | DATETIME2 | DATETIMEOFFSET)
}

/// The collection of schemas that an XML keeps to, if any.
fn xml<'a>(reader: &mut Reader<'a>) -> Option<()> {
    if reader.u8()? != 0 {
        b_varchar(reader)?;
        b_varchar(reader)?;
        us_varchar(reader)?;
    }
    Some(())
}

/// Length and assembly are said of columns alone.
fn udt(reader: &mut Reader<'_>, place: Place) -> Option<()> {
    if place == Place::Column {
        reader.u16_le()?;
    }
    for _database_schema_name in 0..3 {
        b_varchar(reader)?;
    }
    if place == Place::Column {
        us_varchar(reader)?;
    }
    Some(())
}

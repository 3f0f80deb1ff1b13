//! Columns and what procedures return: how the app is told of them.

use alloc::vec::Vec;

use super::kind::{self, Collation, Layout, Place, TypeInfo};
use super::{Halt, Own, literal};
use crate::reader::Reader;
use crate::tds::text::{b_varchar, first_units, push_utf16, us_varchar};
use crate::tds::token::{body, push_counted, tag};

/// Most bytes of a long value, and the length of its type.
pub(super) const LONGEST: u32 = 0x7fff_ffff;
/// The same of text in two bytes a character.
pub(super) const LONGEST_UTF16: u32 = 0x7fff_fffe;
/// Bytes of a value, digits and decimals of the decimal type that holds every integer of eight bytes.
const DECIMAL_OF_BIGINT: [u8; 3] = [9, 19, 0];
/// A long value that is NULL has no pointer.
pub(super) const NULL_LONG: [u8; 1] = [0];

/// How the values of a column, or of a parameter, are changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Not at all.
    None,
    /// Chunks become one long value.
    Joined {
        /// Without the mark in front of it.
        is_xml: bool,
    },
    /// A long value gets a text pointer.
    Pointed,
    /// An integer of eight bytes becomes a decimal number.
    Bigint,
    /// A date or a time becomes text.
    Literal { tag: u8, scale: u8 },
    /// It may hold a date or a time, which becomes text.
    Variant,
}

/// What an app was told of a column, or of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) layout: Layout,
    pub(super) change: Change,
    pub(super) place: Place,
}

impl Column {
    /// Appends what the app is told of a type to `out`.
    pub(super) fn describe(
        info: &TypeInfo<'_>,
        place: Place,
        own: &Own,
        out: &mut Vec<u8>,
    ) -> Self {
        let dialect = own.dialect;
        let change = match info.layout {
            Layout::Chunked if dialect.is_narrow() => Change::Joined {
                is_xml: info.tag == kind::XML,
            },
            Layout::Len32 if dialect.is_narrow() => Change::Pointed,
            Layout::Variant if !dialect.has_dates() => Change::Variant,
            _ if info.is_bigint() && !dialect.has_bigints() => Change::Bigint,
            _ if info.is_date() && !dialect.has_dates() => Change::Literal {
                tag: info.tag,
                scale: info.scale,
            },
            _ => Change::None,
        };
        let collation = info.collation.unwrap_or(own.collation);
        let collation = dialect.has_collations().then_some(collation);
        let mut push = |tag: u8, length: &[u8], collation: Option<Collation>| {
            out.push(tag);
            out.extend_from_slice(length);
            out.extend_from_slice(collation.as_ref().map_or(&[], |collation| &collation[..]));
        };
        match (change, info.tag) {
            (Change::Joined { .. }, kind::VARCHAR) => {
                push(kind::TEXT, &LONGEST.to_le_bytes(), collation)
            }
            (Change::Joined { .. }, kind::NVARCHAR | kind::XML) => {
                push(kind::NTEXT, &LONGEST_UTF16.to_le_bytes(), collation);
            }
            (Change::Joined { .. }, _) => push(kind::IMAGE, &LONGEST.to_le_bytes(), None),
            (Change::Bigint, _) => push(kind::DECIMAL, &DECIMAL_OF_BIGINT, None),
            (Change::Literal { tag, scale }, _) => {
                let bytes = literal::width(tag, scale).saturating_mul(2);
                push(kind::NVARCHAR, &bytes.to_le_bytes(), collation);
            }
            _ if is_large_udt(info, place) && !dialect.has_large_udts() => {
                push(kind::VARBINARY, &kind::MAX.to_le_bytes(), None);
            }
            _ => push(info.tag, info.details, info.collation.and(collation)),
        }
        Self {
            layout: info.layout,
            change,
            place,
        }
    }

    /// As an app described it, which changes nothing of its values.
    pub(super) fn unchanged(layout: Layout, place: Place) -> Self {
        Self {
            layout,
            change: Change::None,
            place,
        }
    }

    /// Whether the app takes this column for one of long values that has a table.
    pub(super) fn is_joined(&self) -> bool {
        matches!(self.change, Change::Joined { .. })
    }

    /// Appends a NULL of this column to `out`.
    pub(super) fn push_null(&self, out: &mut Vec<u8>) {
        let null: &[u8] = match (self.change, self.layout) {
            (Change::Joined { .. } | Change::Pointed, _) | (_, Layout::Pointed) => &NULL_LONG,
            (_, Layout::Len32) => &[0xff; 4],
            (Change::Bigint, _) => &[0],
            (Change::Literal { .. }, _) | (_, Layout::Len16) => &[0xff; 2],
            (_, Layout::Fixed(_)) => &[],
            (_, Layout::Chunked) => &[0xff; 8],
            (_, Layout::Variant) => &[0; 4],
            (_, Layout::Len8) => &[0],
        };
        out.extend_from_slice(null);
    }
}

fn is_large_udt(info: &TypeInfo<'_>, place: Place) -> bool {
    let has_max = info.details.starts_with(&kind::MAX.to_le_bytes());
    info.tag == kind::UDT && place == Place::Column && has_max
}

/// Tells the app of a column.
pub(super) fn of_result(
    reader: &mut Reader<'_>,
    own: &Own,
    out: &mut Vec<u8>,
) -> Result<Column, Halt> {
    let user_type = reader.u32_le().ok_or(Halt::Short)?;
    let flags = reader.u16_le().ok_or(Halt::Short)?;
    let info = TypeInfo::read(reader, Place::Column, true)?;
    let mut joined = Vec::new();
    let table = match info.names_table() {
        true => reader.raw(|reader| {
            joined = parts(reader)?;
            Some(())
        }),
        false => Some(&[][..]),
    };
    let table = table.ok_or(Halt::Short)?;
    let name = reader.raw(b_varchar).ok_or(Halt::Short)?;
    own.push_traits(user_type, flags, out);
    let column = Column::describe(&info, Place::Column, own, out);
    match own.dialect.is_narrow() {
        true if column.is_joined() => out.extend_from_slice(&[0, 0]),
        true if info.names_table() => push_us_varchar(&joined, out),
        _ => out.extend_from_slice(table),
    }
    out.extend_from_slice(name);
    Ok(column)
}

/// Tells the app of a value that a procedure returns.
///
/// The specification has neither the name of a table nor a text pointer here. All apps that read long values
/// by their old types (jTDS, FreeTDS, python-tds) read both, as in rows.
pub(super) fn returned(
    reader: &mut Reader<'_>,
    own: &Own,
    out: &mut Vec<u8>,
) -> Result<Column, Halt> {
    let front = reader.raw(|reader| {
        reader.u8()?;
        reader.u16_le()?;
        b_varchar(reader)?;
        reader.u8()
    });
    let front = front.ok_or(Halt::Short)?;
    let user_type = reader.u32_le().ok_or(Halt::Short)?;
    let flags = reader.u16_le().ok_or(Halt::Short)?;
    let info = TypeInfo::read(reader, Place::Parameter, true)?;
    out.extend_from_slice(front);
    own.push_traits(user_type, flags, out);
    let column = Column::describe(&info, Place::Parameter, own, out);
    if column.is_joined() || column.change == Change::Pointed {
        out.extend_from_slice(&[0, 0]);
    }
    Ok(column)
}

/// The parts of a table's name, joined with points.
fn parts(reader: &mut Reader<'_>) -> Option<Vec<u8>> {
    let mut joined = Vec::new();
    for part in 0..reader.u8()? {
        if part > 0 {
            push_utf16(".", &mut joined);
        }
        joined.extend_from_slice(us_varchar(reader)?);
    }
    Some(joined)
}

/// TABNAME with a name in one part for each table.
pub(super) fn tables(reader: &mut Reader<'_>, out: &mut Vec<u8>) -> Option<()> {
    let mut names = body(reader)?;
    let mut list = Vec::new();
    while !names.is_empty() {
        push_us_varchar(&parts(&mut names)?, &mut list);
    }
    push_counted(tag::TABLE_NAMES, &list, out);
    Some(())
}

fn push_us_varchar(text: &[u8], out: &mut Vec<u8>) {
    let text = first_units(text, usize::from(u16::MAX));
    let units = text.len().checked_div(2).unwrap_or_default();
    out.extend_from_slice(&u16::try_from(units).unwrap_or(u16::MAX).to_le_bytes());
    out.extend_from_slice(text);
}

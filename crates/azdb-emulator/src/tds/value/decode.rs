//! What clients send: types and values of parameters and of a bulk load's rows.

use bytes::Buf as _;

use super::Unread;
use super::datum::Datum;
use super::info::token;
use super::parse;
use super::sql_type::{ClrType, MAX, SqlType};
use crate::tds::cursor::{array, counted, take, text8, text16};
use crate::tds::record::Violation;
use crate::tds::token::COLLATION;
use crate::tds::version::Version;

/// A parameter of a procedure call.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::tds) struct Parameter {
    /// With its `@`, or empty.
    pub(in crate::tds) name: String,
    pub(in crate::tds) is_output: bool,
    pub(in crate::tds) kind: SqlType,
    pub(in crate::tds) value: Datum,
}

/// How a value of a type lies on the wire.
#[derive(Debug, Clone, Copy)]
pub(in crate::tds) struct Layout {
    kind: SqlType,
    length: Length,
    /// Its letters are in this server's code page.
    is_ours: bool,
}

/// Where a type is described.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tds) enum Told {
    OfParameter,
    /// A column of a bulk load: texts have the name of a table, and pointers in their rows.
    OfColumn,
}

/// How long a value is.
#[derive(Debug, Clone, Copy)]
enum Length {
    Fixed(usize),
    /// In one byte before it; 0 is NULL.
    Short,
    /// In two bytes before it; 0xFFFF is NULL.
    Long,
    /// In four bytes before it; 0xFFFFFFFF is NULL.
    Longer,
    /// As above; 0 is NULL.
    Variant,
    /// In four bytes before it, behind a text pointer and a timestamp; NULL has no pointer.
    Pointed,
    /// In chunks: a `max` type.
    Chunks,
}

const PLP_NULL: u64 = u64::MAX;

/// Reads one parameter: name, status, TYPE_INFO, value.
pub(in crate::tds) fn parameter(rest: &mut &[u8], version: Version) -> Result<Parameter, Unread> {
    let name = text8(rest)?;
    let status = rest.try_get_u8()?;
    let layout = type_info(rest, Told::OfParameter, version)?;
    let value = layout.value(rest)?;
    Ok(Parameter {
        name,
        is_output: status & 1 != 0,
        kind: layout.kind,
        value,
    })
}

/// Reads TYPE_INFO.
pub(in crate::tds) fn type_info(
    rest: &mut &[u8],
    told: Told,
    version: Version,
) -> Result<Layout, Unread> {
    let token = rest.try_get_u8()?;
    if let Some((kind, length)) = fixed(token) {
        return Ok(Layout {
            kind,
            length: Length::Fixed(length),
            is_ours: true,
        });
    }
    let mut is_ours = true;
    let mut collation = |rest: &mut &[u8]| -> Result<(), Violation> {
        if version.has_collations() {
            is_ours = array::<5>(rest)? == COLLATION;
        }
        Ok(())
    };
    let (kind, length) = match token {
        token::TEXT | token::NTEXT | token::IMAGE => {
            take(rest, 4)?;
            if token != token::IMAGE {
                collation(rest)?;
            }
            pointed(rest, token, told, version)?
        }
        token::VARCHAR | token::CHAR | token::NVARCHAR | token::NCHAR => {
            let most = rest.try_get_u16_le()?;
            collation(rest)?;
            (
                long(token, most),
                if most == MAX {
                    Length::Chunks
                } else {
                    Length::Long
                },
            )
        }
        token::VARBINARY | token::BINARY => {
            let most = rest.try_get_u16_le()?;
            (
                long(token, most),
                if most == MAX {
                    Length::Chunks
                } else {
                    Length::Long
                },
            )
        }
        token::XML => {
            if rest.try_get_u8()? == 1 {
                // Database, schema and collection.
                text8(rest)?;
                text8(rest)?;
                text16(rest)?;
            }
            (SqlType::Xml, Length::Chunks)
        }
        token::CLR => (clr(rest, told)?, Length::Chunks),
        token::VARIANT => {
            take(rest, 4)?;
            (SqlType::Variant, Length::Variant)
        }
        token => (short(token, rest)?, Length::Short),
    };
    Ok(Layout {
        kind,
        length,
        is_ours,
    })
}

/// Types whose values have no length, and how long they are.
fn fixed(token: u8) -> Option<(SqlType, usize)> {
    Some(match token {
        token::NULL => (SqlType::Int, 0),
        token::FIXED_TINYINT => (SqlType::TinyInt, 1),
        token::FIXED_BIT => (SqlType::Bit, 1),
        token::FIXED_SMALLINT => (SqlType::SmallInt, 2),
        token::FIXED_INT => (SqlType::Int, 4),
        token::FIXED_BIGINT => (SqlType::BigInt, 8),
        token::FIXED_REAL => (SqlType::Real, 4),
        token::FIXED_FLOAT => (SqlType::Float, 8),
        token::FIXED_SMALLMONEY => (SqlType::SmallMoney, 4),
        token::FIXED_MONEY => (SqlType::Money, 8),
        token::FIXED_SMALLDATETIME => (SqlType::SmallDateTime, 4),
        token::FIXED_DATETIME => (SqlType::DateTime, 8),
        _ => return None,
    })
}

/// Types whose values have their length in one byte.
fn short(token: u8, rest: &mut &[u8]) -> Result<SqlType, Unread> {
    if token == token::DATE {
        return Ok(SqlType::Date);
    }
    let is_known = matches!(
        token,
        token::TIME | token::DATETIME2 | token::DATETIMEOFFSET
    ) || matches!(
        token,
        token::INT | token::BIT | token::DECIMAL | token::NUMERIC
    ) || matches!(
        token,
        token::FLOAT | token::MONEY | token::DATETIME | token::GUID
    );
    match token {
        token::TABLE => return Err(Unread::Unknown("a table-valued parameter")),
        _ if !is_known => return Err(Unread::Unknown("a value of that data type")),
        _ => {}
    }
    let size = rest.try_get_u8()?;
    Ok(match (token, size) {
        (token::TIME, scale) => SqlType::Time(scale.min(7)),
        (token::DATETIME2, scale) => SqlType::DateTime2(scale.min(7)),
        (token::DATETIMEOFFSET, scale) => SqlType::DateTimeOffset(scale.min(7)),
        (token::INT, 8) => SqlType::BigInt,
        (token::INT, 4) => SqlType::Int,
        (token::INT, 2) => SqlType::SmallInt,
        (token::INT, _) => SqlType::TinyInt,
        (token::BIT, _) => SqlType::Bit,
        (token::FLOAT, 4) => SqlType::Real,
        (token::FLOAT, _) => SqlType::Float,
        (token::MONEY, 4) => SqlType::SmallMoney,
        (token::MONEY, _) => SqlType::Money,
        (token::DATETIME, 4) => SqlType::SmallDateTime,
        (token::DATETIME, _) => SqlType::DateTime,
        (token::GUID, _) => SqlType::UniqueIdentifier,
        _ => {
            let [precision, scale] = array(rest)?;
            if !(1..=38).contains(&precision) || scale > precision {
                return Err(Violation::Malformed("the digits of a decimal").into());
            }
            SqlType::Decimal(precision, scale)
        }
    })
}

/// Types whose values have their length in two bytes, or are of any length.
fn long(token: u8, most: u16) -> SqlType {
    let length = Some(most).filter(|most| *most != MAX);
    let wide = length.map(|length| length / 2);
    match token {
        token::CHAR => SqlType::Char(most),
        token::NCHAR => SqlType::NChar(most / 2),
        token::BINARY => SqlType::Binary(most),
        token::VARCHAR => SqlType::VarChar(length),
        token::NVARCHAR => SqlType::NVarChar(wide),
        _ => SqlType::VarBinary(length),
    }
}

/// `text`, `ntext` and `image`.
fn pointed(
    rest: &mut &[u8],
    token: u8,
    told: Told,
    version: Version,
) -> Result<(SqlType, Length), Violation> {
    let kind = match token {
        token::TEXT => SqlType::Text,
        token::NTEXT => SqlType::NText,
        _ => SqlType::Image,
    };
    if told == Told::OfParameter {
        return Ok((kind, Length::Longer));
    }
    let parts = if version.is_wide() {
        rest.try_get_u8()?
    } else {
        1
    };
    for _ in 0..parts {
        text16(rest)?;
    }
    Ok((kind, Length::Pointed))
}

/// A type of the CLR, by its name.
fn clr(rest: &mut &[u8], told: Told) -> Result<SqlType, Unread> {
    if told == Told::OfColumn {
        take(rest, 2)?;
    }
    let (_database, _schema, name) = (text8(rest)?, text8(rest)?, text8(rest)?);
    if told == Told::OfColumn {
        text16(rest)?;
    }
    let known = [ClrType::HierarchyId, ClrType::Geometry, ClrType::Geography];
    let mut known = known.into_iter();
    let found = known.find(|class| class.name().eq_ignore_ascii_case(&name));
    found
        .map(SqlType::Clr)
        .ok_or(Unread::Unknown("a type of the CLR of that name"))
}

impl Layout {
    pub(in crate::tds) fn kind(&self) -> SqlType {
        self.kind
    }

    /// Reads one value.
    pub(in crate::tds) fn value(&self, rest: &mut &[u8]) -> Result<Datum, Unread> {
        let Some(bytes) = self.bytes(rest)? else {
            return Ok(Datum::Null);
        };
        if self.kind.is_text() && !self.kind.is_wide_text() && !self.is_ours && !bytes.is_ascii() {
            return Err(Unread::Unknown("letters beyond ASCII in another collation"));
        }
        let read = match self.kind {
            SqlType::Variant => parse::variant(&bytes),
            kind => parse::value(kind, &bytes),
        };
        read.ok_or(Violation::Malformed("a value").into())
    }

    /// The bytes of a value; `None` of NULL.
    fn bytes(&self, rest: &mut &[u8]) -> Result<Option<Vec<u8>>, Violation> {
        let length = match self.length {
            Length::Fixed(0) => return Ok(None),
            Length::Fixed(length) => length,
            Length::Short => match rest.try_get_u8()? {
                0 => return Ok(None),
                length => length.into(),
            },
            Length::Long => match rest.try_get_u16_le()? {
                MAX => return Ok(None),
                length => length.into(),
            },
            Length::Longer => match rest.try_get_u32_le()? {
                u32::MAX => return Ok(None),
                length => usize::try_from(length).unwrap_or(usize::MAX),
            },
            Length::Variant => match rest.try_get_u32_le()? {
                0 => return Ok(None),
                length => usize::try_from(length).unwrap_or(usize::MAX),
            },
            Length::Pointed => match rest.try_get_u8()? {
                0 => return Ok(None),
                pointer => {
                    take(rest, usize::from(pointer) + 8)?;
                    return Ok(Some(counted(rest)?.to_vec()));
                }
            },
            Length::Chunks => return chunks(rest),
        };
        Ok(Some(take(rest, length)?.to_vec()))
    }
}

/// A value of a `max` type: chunks until an empty one.
fn chunks(rest: &mut &[u8]) -> Result<Option<Vec<u8>>, Violation> {
    if rest.try_get_u64_le()? == PLP_NULL {
        return Ok(None);
    }
    let mut value = Vec::new();
    loop {
        match counted(rest)? {
            [] => return Ok(Some(value)),
            chunk => value.extend_from_slice(chunk),
        }
    }
}

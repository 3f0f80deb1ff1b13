//! TYPE_INFO: how a type is described on the wire.

use super::column::SqlColumn;
use super::data::{decimal_length, is_fixed};
use super::sql_type::{MAX, SqlType};
use crate::tds::token::{COLLATION, text8, text16};
use crate::tds::version::Version;

/// The name of the sample's database, in which the types of the CLR are.
const DATABASE: &str = "shop";

/// Types that have the same token in both directions.
pub(super) mod token {
    pub(crate) const NULL: u8 = 0x1f;
    pub(crate) const IMAGE: u8 = 0x22;
    pub(crate) const TEXT: u8 = 0x23;
    pub(crate) const GUID: u8 = 0x24;
    pub(crate) const INT: u8 = 0x26;
    pub(crate) const DATE: u8 = 0x28;
    pub(crate) const TIME: u8 = 0x29;
    pub(crate) const DATETIME2: u8 = 0x2a;
    pub(crate) const DATETIMEOFFSET: u8 = 0x2b;
    pub(crate) const FIXED_TINYINT: u8 = 0x30;
    pub(crate) const FIXED_BIT: u8 = 0x32;
    pub(crate) const FIXED_SMALLINT: u8 = 0x34;
    pub(crate) const FIXED_INT: u8 = 0x38;
    pub(crate) const FIXED_SMALLDATETIME: u8 = 0x3a;
    pub(crate) const FIXED_REAL: u8 = 0x3b;
    pub(crate) const FIXED_MONEY: u8 = 0x3c;
    pub(crate) const FIXED_DATETIME: u8 = 0x3d;
    pub(crate) const FIXED_FLOAT: u8 = 0x3e;
    pub(crate) const VARIANT: u8 = 0x62;
    pub(crate) const NTEXT: u8 = 0x63;
    pub(crate) const BIT: u8 = 0x68;
    pub(crate) const DECIMAL: u8 = 0x6a;
    pub(crate) const NUMERIC: u8 = 0x6c;
    pub(crate) const FLOAT: u8 = 0x6d;
    pub(crate) const MONEY: u8 = 0x6e;
    pub(crate) const DATETIME: u8 = 0x6f;
    pub(crate) const FIXED_SMALLMONEY: u8 = 0x7a;
    pub(crate) const FIXED_BIGINT: u8 = 0x7f;
    pub(crate) const VARBINARY: u8 = 0xa5;
    pub(crate) const VARCHAR: u8 = 0xa7;
    pub(crate) const BINARY: u8 = 0xad;
    pub(crate) const CHAR: u8 = 0xaf;
    pub(crate) const NVARCHAR: u8 = 0xe7;
    pub(crate) const NCHAR: u8 = 0xef;
    pub(crate) const CLR: u8 = 0xf0;
    pub(crate) const XML: u8 = 0xf1;
    pub(crate) const TABLE: u8 = 0xf3;
}

/// Where a description stands.
#[derive(Clone, Copy)]
pub(super) enum Place<'a> {
    Column(&'a SqlColumn),
    Parameter,
}

/// Writes the description of a type, which a client of this version knows.
pub(super) fn info(bytes: &mut Vec<u8>, kind: SqlType, place: Place<'_>, version: Version) {
    if let Place::Column(column) = place
        && column.required
        && is_fixed(kind)
    {
        bytes.push(fixed(kind));
        return;
    }
    bytes.push(flexible(kind));
    match kind {
        SqlType::Bit | SqlType::TinyInt => bytes.push(1),
        SqlType::SmallInt => bytes.push(2),
        SqlType::Int | SqlType::Real | SqlType::SmallMoney | SqlType::SmallDateTime => {
            bytes.push(4);
        }
        SqlType::BigInt | SqlType::Float | SqlType::Money | SqlType::DateTime => bytes.push(8),
        SqlType::Decimal(precision, scale) => {
            bytes.extend([decimal_length(precision), precision, scale]);
        }
        SqlType::Date => {}
        SqlType::Time(scale) | SqlType::DateTime2(scale) | SqlType::DateTimeOffset(scale) => {
            bytes.push(scale);
        }
        SqlType::UniqueIdentifier => bytes.push(16),
        SqlType::Char(length) => characters(bytes, length, version),
        SqlType::NChar(length) => characters(bytes, length * 2, version),
        SqlType::VarChar(length) => characters(bytes, length.unwrap_or(MAX), version),
        SqlType::NVarChar(length) => {
            let length = length.map_or(MAX, |length| length * 2);
            characters(bytes, length, version);
        }
        SqlType::Binary(length) => bytes.extend(length.to_le_bytes()),
        SqlType::VarBinary(length) => bytes.extend(length.unwrap_or(MAX).to_le_bytes()),
        SqlType::Text | SqlType::NText | SqlType::Image => pointed(bytes, kind, place, version),
        SqlType::Xml => bytes.push(0),
        SqlType::Variant => bytes.extend(8009_u32.to_le_bytes()),
        SqlType::Clr(class) => {
            let is_column = matches!(place, Place::Column(_));
            if is_column {
                bytes.extend(class.longest().unwrap_or(MAX).to_le_bytes());
            }
            for name in [DATABASE, "sys", class.name()] {
                text8(bytes, name);
            }
            if is_column {
                text16(bytes, &class.assembly());
            }
        }
    }
}

impl SqlType {
    /// Its token where it takes NULL.
    pub(in crate::tds) fn token(self) -> u8 {
        flexible(self)
    }

    /// Its token where it takes no NULL.
    pub(in crate::tds) fn fixed_token(self) -> u8 {
        fixed(self)
    }
}

/// The token of a type that takes no NULL.
pub(super) fn fixed(kind: SqlType) -> u8 {
    match kind {
        SqlType::Bit => token::FIXED_BIT,
        SqlType::TinyInt => token::FIXED_TINYINT,
        SqlType::SmallInt => token::FIXED_SMALLINT,
        SqlType::Int => token::FIXED_INT,
        SqlType::BigInt => token::FIXED_BIGINT,
        SqlType::Real => token::FIXED_REAL,
        SqlType::Float => token::FIXED_FLOAT,
        SqlType::SmallMoney => token::FIXED_SMALLMONEY,
        SqlType::Money => token::FIXED_MONEY,
        SqlType::SmallDateTime => token::FIXED_SMALLDATETIME,
        SqlType::DateTime => token::FIXED_DATETIME,
        kind => flexible(kind),
    }
}

/// The token of a type that takes NULL.
fn flexible(kind: SqlType) -> u8 {
    match kind {
        SqlType::Bit => token::BIT,
        SqlType::TinyInt | SqlType::SmallInt | SqlType::Int | SqlType::BigInt => token::INT,
        SqlType::Real | SqlType::Float => token::FLOAT,
        SqlType::SmallMoney | SqlType::Money => token::MONEY,
        SqlType::Decimal(..) => token::DECIMAL,
        SqlType::SmallDateTime | SqlType::DateTime => token::DATETIME,
        SqlType::Date => token::DATE,
        SqlType::Time(_) => token::TIME,
        SqlType::DateTime2(_) => token::DATETIME2,
        SqlType::DateTimeOffset(_) => token::DATETIMEOFFSET,
        SqlType::UniqueIdentifier => token::GUID,
        SqlType::Char(_) => token::CHAR,
        SqlType::NChar(_) => token::NCHAR,
        SqlType::Binary(_) => token::BINARY,
        SqlType::VarChar(_) => token::VARCHAR,
        SqlType::NVarChar(_) => token::NVARCHAR,
        SqlType::VarBinary(_) => token::VARBINARY,
        SqlType::Text => token::TEXT,
        SqlType::NText => token::NTEXT,
        SqlType::Image => token::IMAGE,
        SqlType::Xml => token::XML,
        SqlType::Variant => token::VARIANT,
        SqlType::Clr(_) => token::CLR,
    }
}

fn characters(bytes: &mut Vec<u8>, length: u16, version: Version) {
    bytes.extend(length.to_le_bytes());
    if version.has_collations() {
        bytes.extend(COLLATION);
    }
}

/// `text`, `ntext` and `image`, with the table that they come from. The specification has no table for
/// a parameter; jTDS, FreeTDS and python-tds read one there, too.
fn pointed(bytes: &mut Vec<u8>, kind: SqlType, place: Place<'_>, version: Version) {
    let most: u32 = if kind == SqlType::NText {
        0x7fff_fffe
    } else {
        0x7fff_ffff
    };
    bytes.extend(most.to_le_bytes());
    if kind != SqlType::Image && version.has_collations() {
        bytes.extend(COLLATION);
    }
    let table = match place {
        Place::Column(column) => column.table.as_deref(),
        Place::Parameter => None,
    };
    if !version.is_wide() {
        let name = table.map(|table| format!("dbo.{table}"));
        return text16(bytes, &name.unwrap_or_default());
    }
    let parts = table.map_or_else(|| vec![""], |table| vec!["dbo", table]);
    bytes.push(u8::try_from(parts.len()).unwrap_or(u8::MAX));
    for part in parts {
        text16(bytes, part);
    }
}

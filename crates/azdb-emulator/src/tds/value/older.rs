//! What clients of older versions get in place of types that these have not.
//!
//! | type | to whom | instead |
//! |---|---|---|
//! | `date`, `time`, `datetime2`, `datetimeoffset` | 7.2 and older | `nvarchar` as long as the literal |
//! | CLR types of any length | 7.2 and older | `varbinary(max)` |
//! | `varchar(max)`, `nvarchar(max)`, `varbinary(max)` | 7.1 and older | `text`, `ntext`, `image` |
//! | `xml` | 7.1 and older | `ntext` |
//! | other CLR types | 7.1 and older | `varbinary` |
//! | `bigint` | 7.0 | `decimal(19,0)` |
//! | `sql_variant` | 7.0 | `nvarchar(4000)` |

use std::borrow::Cow;

use super::datum::Datum;
use super::sql_type::{LONGEST_WIDE, SqlType};
use crate::tds::version::Version;

impl SqlType {
    /// The type that a client of this version is told of.
    pub(super) fn told(self, version: Version) -> Self {
        let mut told = self;
        if !version.has_dates() {
            told = told.without_dates();
        }
        if !version.has_max_types() {
            told = told.without_max_types();
        }
        match told {
            Self::BigInt if !version.has_variants() => Self::Decimal(19, 0),
            Self::Variant if !version.has_variants() => Self::NVarChar(Some(LONGEST_WIDE)),
            told => told,
        }
    }

    fn without_dates(self) -> Self {
        let literal = |length: u16, scale: u8| {
            let fraction = if scale == 0 { 0 } else { u16::from(scale) + 1 };
            Self::NVarChar(Some(length + fraction))
        };
        match self {
            Self::Date => literal(10, 0),
            Self::Time(scale) => literal(8, scale),
            Self::DateTime2(scale) => literal(19, scale),
            Self::DateTimeOffset(scale) => literal(26, scale),
            Self::Clr(class) if class.longest().is_none() => Self::VarBinary(None),
            kind => kind,
        }
    }

    fn without_max_types(self) -> Self {
        match self {
            Self::VarChar(None) => Self::Text,
            Self::NVarChar(None) | Self::Xml => Self::NText,
            Self::VarBinary(None) => Self::Image,
            Self::Clr(class) => Self::VarBinary(class.longest()),
            kind => kind,
        }
    }
}

impl Datum {
    /// A value of type `kind` as a client of this version gets it.
    pub(super) fn told(&self, kind: SqlType, version: Version) -> Option<Cow<'_, Self>> {
        match self {
            Self::Variant(inner) if version.has_variants() => {
                let (kind, value) = &**inner;
                let told = value.told(*kind, version)?.into_owned();
                let told = Self::Variant(Box::new((kind.told(version), told)));
                Some(Cow::Owned(told))
            }
            Self::Moment(_) | Self::Variant(_) if kind.told(version).is_text() => {
                self.shown(kind).map(Self::Text).map(Cow::Owned)
            }
            _ => Some(Cow::Borrowed(self)),
        }
    }
}

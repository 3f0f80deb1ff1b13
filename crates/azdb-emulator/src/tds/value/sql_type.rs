//! The types of SQL Server.

use crate::sample::Type;

/// A type of SQL Server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tds) enum SqlType {
    Bit,
    TinyInt,
    SmallInt,
    Int,
    BigInt,
    Real,
    Float,
    SmallMoney,
    Money,
    /// Digits in all, and behind the point.
    Decimal(u8, u8),
    SmallDateTime,
    DateTime,
    Date,
    /// Digits behind the second's point, as in the next two.
    Time(u8),
    DateTime2(u8),
    DateTimeOffset(u8),
    UniqueIdentifier,
    /// With its length, as in the next ones: characters, or bytes. `None` is `max`.
    Char(u16),
    NChar(u16),
    Binary(u16),
    VarChar(Option<u16>),
    NVarChar(Option<u16>),
    VarBinary(Option<u16>),
    Text,
    NText,
    Image,
    Xml,
    Variant,
    Clr(ClrType),
}

/// A type of the CLR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tds) enum ClrType {
    HierarchyId,
    Geometry,
    Geography,
}

/// What stands in a length for `max`, and what a value of a short type has for NULL.
pub(super) const MAX: u16 = u16::MAX;

/// The longest `varchar` and `varbinary` with a length, in bytes.
pub(super) const LONGEST: u16 = 8000;

/// The longest `nvarchar` with a length, in characters.
pub(super) const LONGEST_WIDE: u16 = 4000;

impl ClrType {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::HierarchyId => "hierarchyid",
            Self::Geometry => "geometry",
            Self::Geography => "geography",
        }
    }

    /// The most bytes of a value; `None` where there is no such limit.
    pub(super) fn longest(self) -> Option<u16> {
        match self {
            Self::HierarchyId => Some(892),
            Self::Geometry | Self::Geography => None,
        }
    }

    /// Its class and assembly, as columns say them.
    pub(in crate::tds) fn assembly(self) -> String {
        let class = match self {
            Self::HierarchyId => "SqlHierarchyId",
            Self::Geometry => "SqlGeometry",
            Self::Geography => "SqlGeography",
        };
        format!(
            "Microsoft.SqlServer.Types.{class}, Microsoft.SqlServer.Types, Version=11.0.0.0, \
             Culture=neutral, PublicKeyToken=89845dcd8080cc91"
        )
    }
}

impl SqlType {
    /// Reads a type as it is written, in words: `nvarchar ( max )`.
    pub(in crate::tds) fn read(words: &[&str]) -> Option<Self> {
        let (name, arguments) = match words {
            [name] => (*name, None),
            [name, "(", only, ")"] => (*name, Some((*only, None))),
            [name, "(", first, ",", second, ")"] => (*name, Some((*first, Some(*second)))),
            ["double", "precision"] => ("float", None),
            _ => return None,
        };
        Some(match (name, arguments) {
            ("decimal" | "numeric" | "dec", _) => decimal(arguments)?,
            (_, Some((_, Some(_)))) => return None,
            (name, Some((argument, None))) => Self::read_with(name, argument)?,
            (name, None) => Self::read_alone(name)?,
        })
    }

    fn read_alone(name: &str) -> Option<Self> {
        Some(match name {
            "bit" => Self::Bit,
            "tinyint" => Self::TinyInt,
            "smallint" => Self::SmallInt,
            "int" | "integer" => Self::Int,
            "bigint" => Self::BigInt,
            "real" => Self::Real,
            "float" => Self::Float,
            "smallmoney" => Self::SmallMoney,
            "money" => Self::Money,
            "smalldatetime" => Self::SmallDateTime,
            "datetime" => Self::DateTime,
            "date" => Self::Date,
            "time" => Self::Time(7),
            "datetime2" => Self::DateTime2(7),
            "datetimeoffset" => Self::DateTimeOffset(7),
            "uniqueidentifier" => Self::UniqueIdentifier,
            "text" => Self::Text,
            "ntext" => Self::NText,
            "image" => Self::Image,
            "xml" => Self::Xml,
            "sql_variant" => Self::Variant,
            "sysname" => Self::NVarChar(Some(128)),
            "hierarchyid" => Self::Clr(ClrType::HierarchyId),
            "geometry" => Self::Clr(ClrType::Geometry),
            "geography" => Self::Clr(ClrType::Geography),
            // In `cast`, which is where the sample knows them, these are thirty characters long.
            "char" | "nchar" | "binary" | "varchar" | "nvarchar" | "varbinary" => {
                Self::read_with(name, "30")?
            }
            _ => return None,
        })
    }

    fn read_with(name: &str, argument: &str) -> Option<Self> {
        let scale = || argument.parse().ok().filter(|scale| *scale <= 7);
        let length = |most| argument.parse().ok().filter(|n| (1..=most).contains(n));
        let open = |most| match argument {
            "max" => Some(None),
            _ => length(most).map(Some),
        };
        Some(match name {
            "time" => Self::Time(scale()?),
            "datetime2" => Self::DateTime2(scale()?),
            "datetimeoffset" => Self::DateTimeOffset(scale()?),
            "char" => Self::Char(length(LONGEST)?),
            "nchar" => Self::NChar(length(LONGEST_WIDE)?),
            "binary" => Self::Binary(length(LONGEST)?),
            "varchar" => Self::VarChar(open(LONGEST)?),
            "nvarchar" => Self::NVarChar(open(LONGEST_WIDE)?),
            "varbinary" => Self::VarBinary(open(LONGEST)?),
            "float" => match argument.parse().ok()? {
                1..=24 => Self::Real,
                25..=53 => Self::Float,
                _ => return None,
            },
            _ => return None,
        })
    }

    /// Its name, without a length.
    pub(in crate::tds) fn name(self) -> &'static str {
        match self {
            Self::Bit => "bit",
            Self::TinyInt => "tinyint",
            Self::SmallInt => "smallint",
            Self::Int => "int",
            Self::BigInt => "bigint",
            Self::Real => "real",
            Self::Float => "float",
            Self::SmallMoney => "smallmoney",
            Self::Money => "money",
            Self::Decimal(..) => "decimal",
            Self::SmallDateTime => "smalldatetime",
            Self::DateTime => "datetime",
            Self::Date => "date",
            Self::Time(_) => "time",
            Self::DateTime2(_) => "datetime2",
            Self::DateTimeOffset(_) => "datetimeoffset",
            Self::UniqueIdentifier => "uniqueidentifier",
            Self::Char(_) => "char",
            Self::NChar(_) => "nchar",
            Self::Binary(_) => "binary",
            Self::VarChar(_) => "varchar",
            Self::NVarChar(_) => "nvarchar",
            Self::VarBinary(_) => "varbinary",
            Self::Text => "text",
            Self::NText => "ntext",
            Self::Image => "image",
            Self::Xml => "xml",
            Self::Variant => "sql_variant",
            Self::Clr(class) => class.name(),
        }
    }

    /// The type of a variable that holds its values.
    pub(in crate::tds) fn of_variable(self) -> Self {
        match self {
            Self::Text => Self::VarChar(None),
            Self::NText => Self::NVarChar(None),
            Self::Image => Self::VarBinary(None),
            kind => kind,
        }
    }

    /// Whether its values are texts.
    pub(in crate::tds) fn is_text(self) -> bool {
        matches!(
            self,
            Self::Char(_) | Self::NChar(_) | Self::VarChar(_) | Self::NVarChar(_)
        ) || matches!(self, Self::Text | Self::NText | Self::Xml)
    }

    /// Whether its letters are in two bytes each.
    pub(super) fn is_wide_text(self) -> bool {
        matches!(
            self,
            Self::NChar(_) | Self::NVarChar(_) | Self::NText | Self::Xml
        )
    }

    /// Whether its values are days, or times of day.
    pub(in crate::tds) fn is_moment(self) -> bool {
        matches!(self, Self::SmallDateTime | Self::DateTime | Self::Date)
            || matches!(
                self,
                Self::Time(_) | Self::DateTime2(_) | Self::DateTimeOffset(_)
            )
    }

    /// Whether its values are bytes.
    pub(super) fn is_bytes(self) -> bool {
        matches!(
            self,
            Self::Binary(_) | Self::VarBinary(_) | Self::Image | Self::Clr(_)
        )
    }

    /// Whether its values go in chunks.
    pub(in crate::tds) fn is_chunked(self) -> bool {
        matches!(
            self,
            Self::VarChar(None) | Self::NVarChar(None) | Self::VarBinary(None)
        ) || matches!(self, Self::Xml | Self::Clr(_))
    }

    /// Whether its values have a text pointer in front.
    pub(super) fn is_pointed(self) -> bool {
        matches!(self, Self::Text | Self::NText | Self::Image)
    }
}

impl From<Type> for SqlType {
    fn from(kind: Type) -> Self {
        let length = |limit: Option<u32>, most| {
            let limit = u16::try_from(limit?).ok();
            limit.filter(|limit| *limit <= most)
        };
        match kind {
            Type::Bool => Self::Bit,
            Type::SmallInt => Self::SmallInt,
            Type::Int => Self::Int,
            Type::BigInt => Self::BigInt,
            Type::Numeric(precision, scale) => Self::Decimal(precision, scale),
            Type::Text(limit) => Self::NVarChar(length(limit, LONGEST_WIDE)),
            Type::Bytes(limit) => Self::VarBinary(length(limit, LONGEST)),
            Type::Timestamp => Self::DateTime2(7),
        }
    }
}

/// `decimal`, with its digits if they are written.
fn decimal(arguments: Option<(&str, Option<&str>)>) -> Option<SqlType> {
    let (precision, scale) = arguments.unwrap_or(("18", None));
    let precision = precision.parse().ok().filter(|n| (1..=38).contains(n))?;
    let scale = scale.unwrap_or("0").parse().ok()?;
    (scale <= precision).then_some(SqlType::Decimal(precision, scale))
}

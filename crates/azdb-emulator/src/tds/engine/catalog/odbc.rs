//! Types as ODBC numbers them, which is how the catalog procedures tell of them.

use super::super::super::value::SqlType;
use super::Generation;

/// What the catalog says of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Described {
    pub(super) code: i64,
    /// Digits, or characters, or bytes.
    pub(super) precision: i64,
    /// Bytes in ODBC's own form.
    pub(super) length: i64,
    pub(super) scale: Option<i64>,
    pub(super) radix: Option<i64>,
    /// Bytes of texts and bytes.
    pub(super) octets: Option<i64>,
    /// Which date or time it is.
    pub(super) sub: Option<i64>,
}

/// The length of what has none.
const LONGEST: i64 = 2_147_483_647;
const LONGEST_WIDE: i64 = 1_073_741_823;

/// A type, as a procedure of this generation tells of it to a client of this version of ODBC.
pub(super) fn described(kind: SqlType, generation: Generation, odbc: i64) -> Described {
    let number = |code, precision, length, scale| Described {
        code,
        precision,
        length,
        scale: Some(scale),
        radix: Some(10),
        octets: None,
        sub: None,
    };
    let floating = |code, precision, length| Described {
        scale: None,
        radix: Some(2),
        ..number(code, precision, length, 0)
    };
    let plain = |code, precision, length, octets| Described {
        scale: None,
        radix: None,
        octets,
        ..number(code, precision, length, 0)
    };
    let letters = |code, length: i64| plain(code, length, length, Some(length));
    let wide = |code, length: i64| plain(code, length, length * 2, Some(length * 2));
    let digits = |length: i64, scale: u8| match scale {
        0 => length,
        scale => length + 1 + i64::from(scale),
    };
    // Older drivers take a new date for the text that they get instead.
    let dated = |code, precision: i64, length, scale: u8, sub| match generation {
        Generation::Old => wide(-9, precision),
        Generation::Of2008 => Described {
            scale: Some(i64::from(scale)),
            sub,
            ..plain(code, precision, length, None)
        },
    };
    let stamp = |precision, scale| Described {
        scale: Some(scale),
        sub: Some(3),
        ..plain(if odbc >= 3 { 93 } else { 11 }, precision, 16, None)
    };
    match kind {
        SqlType::Bit => plain(-7, 1, 1, None),
        SqlType::TinyInt => number(-6, 3, 1, 0),
        SqlType::SmallInt => number(5, 5, 2, 0),
        SqlType::Int => number(4, 10, 4, 0),
        SqlType::BigInt => number(-5, 19, 8, 0),
        SqlType::Real => floating(7, 24, 4),
        SqlType::Float => floating(6, 53, 8),
        SqlType::SmallMoney => number(3, 10, 12, 4),
        SqlType::Money => number(3, 19, 21, 4),
        SqlType::Decimal(precision, scale) => {
            number(3, precision.into(), i64::from(precision) + 2, scale.into())
        }
        SqlType::SmallDateTime => stamp(16, 0),
        SqlType::DateTime => stamp(23, 3),
        SqlType::Date => Described {
            scale: None,
            ..dated(91, 10, 6, 0, Some(1))
        },
        SqlType::Time(scale) => dated(-154, digits(8, scale), 12, scale, Some(0)),
        SqlType::DateTime2(scale) => dated(93, digits(19, scale), 16, scale, Some(3)),
        SqlType::DateTimeOffset(scale) => dated(-155, digits(26, scale), 20, scale, Some(0)),
        SqlType::UniqueIdentifier => plain(-11, 36, 16, None),
        SqlType::Char(length) => letters(1, length.into()),
        SqlType::VarChar(Some(length)) => letters(12, length.into()),
        SqlType::VarChar(None) => letters(12, LONGEST),
        SqlType::NChar(length) => wide(-8, length.into()),
        SqlType::NVarChar(Some(length)) => wide(-9, length.into()),
        SqlType::NVarChar(None) => wide(-9, LONGEST_WIDE),
        SqlType::Binary(length) => letters(-2, length.into()),
        SqlType::VarBinary(Some(length)) => letters(-3, length.into()),
        SqlType::VarBinary(None) => letters(-3, LONGEST),
        SqlType::Text => letters(-1, LONGEST),
        SqlType::NText => wide(-10, LONGEST_WIDE),
        SqlType::Image => letters(-4, LONGEST),
        SqlType::Xml => match generation {
            Generation::Old => wide(-10, LONGEST_WIDE),
            Generation::Of2008 => wide(-152, LONGEST_WIDE),
        },
        SqlType::Variant => plain(-150, 8000, 8000, None),
        SqlType::Clr(_) => match generation {
            Generation::Old => letters(-4, LONGEST),
            Generation::Of2008 => letters(-151, LONGEST),
        },
    }
}

impl Described {
    /// The code that all dates and times share, or its own.
    pub(super) fn verbose(self) -> i64 {
        if self.sub.is_some() { 9 } else { self.code }
    }
}

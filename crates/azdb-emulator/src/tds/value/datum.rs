//! Values of SQL Server's types, and how one becomes a value of another type.

use super::data::bare;
use super::fitted::{filled, held, text_of};
use super::moment::{DAY_OF_1900, Moment, TICKS};
use super::sql_type::SqlType;
use crate::tds::version::Version;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::tds) enum Datum {
    Null,
    Bit(bool),
    Int(i64),
    /// Of `real`, too.
    Float(f64),
    /// So many units of the last of `scale` digits; of `money`, too.
    Decimal {
        units: i128,
        scale: u8,
    },
    Text(String),
    Bytes(Vec<u8>),
    Moment(Moment),
    /// As it is on the wire.
    Guid([u8; 16]),
    /// Of a `sql_variant`, with its own type.
    Variant(Box<(SqlType, Datum)>),
}

/// Digits of `money` behind the point.
pub(super) const MONEY_SCALE: u8 = 4;

/// Ticks of 100 ns in a minute.
const MINUTE: u64 = 60 * TICKS;

impl Datum {
    pub(in crate::tds) fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    /// A number as it is written.
    pub(in crate::tds) fn number(text: &str) -> Option<Self> {
        if let Ok(number) = text.parse() {
            return Some(Self::Int(number));
        }
        if text.contains(['e', 'E']) {
            return text.parse().ok().map(Self::Float);
        }
        let (units, scale) = decimal(text)?;
        Some(Self::Decimal { units, scale })
    }

    /// As one of type `to`, of a value of type `from`; `None` where that can't be, or not without loss.
    /// Texts and bytes are cut and filled up, as `cast` does.
    pub(in crate::tds) fn cast(&self, from: SqlType, to: SqlType) -> Option<Self> {
        match (self, to) {
            (Self::Null, _) => Some(Self::Null),
            (Self::Variant(_), SqlType::Variant) => Some(self.clone()),
            (Self::Variant(inner), _) => inner.1.cast(inner.0, to),
            (_, SqlType::Variant) => {
                let holds = !from.is_chunked() && !from.is_pointed();
                holds.then(|| Self::Variant(Box::new((from, self.clone()))))
            }
            (Self::Bytes(bytes), to) if to.is_bytes() => Some(Self::Bytes(filled(bytes, to))),
            (_, to) if to.is_text() => text_of(&self.shown(from)?, to).map(Self::Text),
            (_, SqlType::UniqueIdentifier) => self.guid(),
            _ => self.number_of(to).or_else(|| self.moment_of(to)),
        }
    }

    fn number_of(&self, to: SqlType) -> Option<Self> {
        let within = |least, most| {
            let number = i64::try_from(self.units(0)?).ok()?;
            (least..=most)
                .contains(&number)
                .then_some(Self::Int(number))
        };
        Some(match to {
            SqlType::Bit => match self {
                Self::Bit(_) => self.clone(),
                Self::Text(word) if word.eq_ignore_ascii_case("true") => Self::Bit(true),
                Self::Text(word) if word.eq_ignore_ascii_case("false") => Self::Bit(false),
                _ => Self::Bit(self.units(0)? != 0),
            },
            SqlType::TinyInt => within(0, 255)?,
            SqlType::SmallInt => within(i16::MIN.into(), i16::MAX.into())?,
            SqlType::Int => within(i32::MIN.into(), i32::MAX.into())?,
            SqlType::BigInt => within(i64::MIN, i64::MAX)?,
            #[expect(
                clippy::cast_possible_truncation,
                reason = "`real` is what it makes of it"
            )]
            SqlType::Real => Self::Float(f64::from(self.float()? as f32)),
            SqlType::Float => Self::Float(self.float()?),
            SqlType::SmallMoney => self.decimal_of(MONEY_SCALE, i32::MAX.into())?,
            SqlType::Money => self.decimal_of(MONEY_SCALE, i64::MAX.into())?,
            SqlType::Decimal(precision, scale) => {
                self.decimal_of(scale, 10_i128.pow(precision.into()) - 1)?
            }
            _ => return None,
        })
    }

    fn decimal_of(&self, scale: u8, most: i128) -> Option<Self> {
        let units = self.units(scale)?;
        // The least `money` is one further away than the greatest.
        let least = if matches!(most, 0x7fff_ffff | 0x7fff_ffff_ffff_ffff) {
            -most - 1
        } else {
            -most
        };
        (least..=most)
            .contains(&units)
            .then_some(Self::Decimal { units, scale })
    }

    /// Of an exact number, as units of its `scale`th decimal; `None` if it has more decimals.
    fn units(&self, scale: u8) -> Option<i128> {
        let (units, own) = match self {
            Self::Bit(bit) => (i128::from(*bit), 0),
            Self::Int(number) => (i128::from(*number), 0),
            Self::Decimal { units, scale } => (*units, *scale),
            Self::Text(text) => decimal(text.trim())?,
            _ => return None,
        };
        match scale.checked_sub(own) {
            Some(missing) => units.checked_mul(10_i128.checked_pow(missing.into())?),
            None => {
                let unit = 10_i128.checked_pow((own - scale).into())?;
                (units % unit == 0).then_some(units / unit)
            }
        }
    }

    fn float(&self) -> Option<f64> {
        match self {
            Self::Float(number) => Some(*number),
            // Through their digits, which is how they are rounded well.
            Self::Int(_) | Self::Decimal { .. } => self.shown(SqlType::Float)?.parse().ok(),
            Self::Text(text) => text
                .trim()
                .parse()
                .ok()
                .filter(|number: &f64| number.is_finite()),
            _ => None,
        }
    }

    fn moment_of(&self, to: SqlType) -> Option<Self> {
        let moment = match self {
            Self::Moment(moment) => *moment,
            Self::Text(text) => Moment::read(text)?,
            _ => return None,
        };
        let here = Moment {
            offset: 0,
            ..moment
        };
        Some(Self::Moment(match to {
            SqlType::Date => Moment { ticks: 0, ..here },
            SqlType::Time(scale) => Moment {
                day: DAY_OF_1900,
                ..here.rounded(scale)?
            },
            SqlType::DateTime2(scale) => here.rounded(scale)?,
            SqlType::DateTimeOffset(scale) => {
                let moment = moment.rounded(scale)?;
                moment.utc()?;
                moment
            }
            // 1753-01-01, before which nobody knows which calendar is meant.
            SqlType::DateTime if moment.day >= 639_905 => {
                let (ticks, unit) = (here.ticks, TICKS / 100);
                // Three of its units are a hundredth of a second.
                let thirds = (ticks * 3 + unit / 2) / unit;
                let shown = Moment {
                    ticks: (thirds * unit / 3 + 5000) / 10_000 * 10_000,
                    ..here
                };
                shown.rounded(7)?
            }
            SqlType::SmallDateTime
                if (DAY_OF_1900..=DAY_OF_1900 + 65_535).contains(&moment.day) =>
            {
                let ticks = (here.ticks + MINUTE / 2) / MINUTE * MINUTE;
                Moment { ticks, ..here }.rounded(7)?
            }
            _ => return None,
        }))
    }

    fn guid(&self) -> Option<Self> {
        match self {
            Self::Guid(_) => Some(self.clone()),
            Self::Text(text) => {
                let guid = uuid::Uuid::parse_str(text.trim()).ok()?;
                Some(Self::Guid(guid.to_bytes_le()))
            }
            _ => None,
        }
    }

    /// Cuts a long value of type `kind` to so many bytes, as `SET TEXTSIZE` has it.
    pub(in crate::tds) fn cut(&mut self, kind: SqlType, longest: usize) {
        match (self, kind.of_variable()) {
            (Self::Text(text), SqlType::NVarChar(None)) if text.len() * 2 > longest => {
                *text = held(text, longest / 2, false);
            }
            (Self::Text(text), SqlType::VarChar(None)) if text.len() > longest => {
                *text = held(text, longest, false);
            }
            (Self::Bytes(bytes), SqlType::VarBinary(None)) => bytes.truncate(longest),
            _ => {}
        }
    }

    /// How many bytes a value of type `kind` has; `None` of NULL.
    pub(in crate::tds) fn bytes_of(&self, kind: SqlType) -> Option<usize> {
        bare(kind, self, Version::V7_4).map(|bytes| bytes.len())
    }

    /// A value of type `kind` as text; `None` of bytes and of NULL.
    pub(super) fn shown(&self, kind: SqlType) -> Option<String> {
        Some(match self {
            Self::Null | Self::Bytes(_) => return None,
            Self::Bit(bit) => u8::from(*bit).to_string(),
            Self::Int(number) => number.to_string(),
            Self::Float(_) => return None,
            // Two digits behind the point: that is how `money` becomes text.
            Self::Decimal { units, .. } if matches!(kind, SqlType::Money | SqlType::SmallMoney) => {
                let cents = (units + units.signum() * 50) / 100;
                digits(cents, 2)
            }
            Self::Decimal { units, scale } => digits(*units, *scale),
            Self::Text(text) => text.clone(),
            Self::Guid(bytes) => {
                let guid = uuid::Uuid::from_bytes_le(*bytes);
                guid.hyphenated().to_string().to_uppercase()
            }
            Self::Moment(moment) => shown(*moment, kind)?,
            Self::Variant(inner) => inner.1.shown(inner.0)?,
        })
    }
}

/// The literal of a day, a time or both.
fn shown(moment: Moment, kind: SqlType) -> Option<String> {
    let both = |scale| {
        Some(format!(
            "{} {}",
            moment.date_text()?,
            moment.time_text(scale)
        ))
    };
    match kind {
        SqlType::Date => moment.date_text(),
        SqlType::Time(scale) => Some(moment.time_text(scale)),
        SqlType::DateTime2(scale) => both(scale),
        SqlType::DateTimeOffset(scale) => Some(both(scale)? + &moment.offset_text()),
        // Their text is in the order of the language: `Mar  2 2026  8:15AM`.
        _ => None,
    }
}

/// Digits with a point before the last `scale` of them.
fn digits(units: i128, scale: u8) -> String {
    let scale = usize::from(scale);
    let sign = if units < 0 { "-" } else { "" };
    let digits = format!("{:0width$}", units.unsigned_abs(), width = scale + 1);
    match digits.split_at_checked(digits.len() - scale) {
        Some((whole, rest)) if scale > 0 => format!("{sign}{whole}.{rest}"),
        _ => format!("{sign}{digits}"),
    }
}

/// Units and scale of a number that is written with digits, a sign and a point.
fn decimal(text: &str) -> Option<(i128, u8)> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = whole.trim_start_matches(['+', '-']);
    if !is_digits(unsigned) || !is_digits(rest) || unsigned.len() + rest.len() == 0 {
        return None;
    }
    let scale = u8::try_from(rest.len()).ok().filter(|scale| *scale <= 38)?;
    Some((format!("{whole}{rest}").parse().ok()?, scale))
}

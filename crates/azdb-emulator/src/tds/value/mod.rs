//! Values of the sample as TDS has them: decimals and timestamps are text there.
//!
//! Characters are always sent as `nvarchar`, moments as `datetime2(7)`.

mod decode;
mod encode;

use chrono::{Datelike as _, NaiveDate, NaiveDateTime, NaiveTime, Timelike as _};

use super::record::Violation;
pub(super) use decode::{Layout, Parameter, parameter, type_info};
pub(super) use encode::{column_metadata, return_value, row};

/// Why a client's value can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    Malformed(Violation),
    /// It is well-formed, and of a kind that the sample has not.
    Unknown(&'static str),
}

impl<V: Into<Violation>> From<V> for Unread {
    fn from(violation: V) -> Self {
        Self::Malformed(violation.into())
    }
}

/// Types that have the same token in both directions.
mod token {
    pub(super) const INT: u8 = 0x26;
    pub(super) const DATETIME2: u8 = 0x2a;
    pub(super) const BIT: u8 = 0x68;
    pub(super) const DECIMAL: u8 = 0x6a;
    pub(super) const VARBINARY: u8 = 0xa5;
    pub(super) const NVARCHAR: u8 = 0xe7;
}

/// The length of a `max` type, and that of NULL.
const MAX: u16 = u16::MAX;

/// Ticks of 100 ns in a second.
const TICKS: u64 = 10_000_000;

const MOMENT: &str = "%Y-%m-%d %H:%M:%S%.f";

/// The moment so many days after 0001-01-01 and ticks after midnight.
fn moment_text(day: u64, ticks: u64) -> Option<String> {
    let day = NaiveDate::from_num_days_from_ce_opt(i32::try_from(day).ok()? + 1)?;
    let seconds = u32::try_from(ticks / TICKS).ok()?;
    let nanos = u32::try_from(ticks % TICKS * 100).ok()?;
    let time = NaiveTime::from_num_seconds_from_midnight_opt(seconds, nanos)?;
    Some(day.and_time(time).format(MOMENT).to_string())
}

/// Days since 0001-01-01 and ticks since midnight.
fn moment(text: &str) -> Option<(u32, u64)> {
    let moment = NaiveDateTime::parse_from_str(text, MOMENT).ok()?;
    let seconds = u64::from(moment.num_seconds_from_midnight());
    let day = u32::try_from(moment.num_days_from_ce() - 1).ok()?;
    Some((day, seconds * TICKS + u64::from(moment.nanosecond() / 100)))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn moments_count_from_the_first_of_january_of_year_one() {
        for (text, day, ticks) in [
            ("0001-01-01 00:00:00", 0, 0),
            ("1900-01-01 00:00:01", 693_595, TICKS),
            ("9999-12-31 23:59:59.999", 3_652_058, 863_999_990_000),
        ] {
            assert_eq!(moment(text), Some((day, ticks)));
            assert_eq!(moment_text(day.into(), ticks).unwrap(), text);
        }
        assert_eq!(moment("yesterday"), None);
        assert_eq!(moment_text(u64::MAX, 0), None);
    }
}

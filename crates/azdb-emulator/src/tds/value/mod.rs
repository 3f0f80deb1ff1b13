//! Values of the sample as TDS has them: decimals, dates and GUIDs are text there.
//!
//! Characters are always sent as `nvarchar`, times of day and offsets never.

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

/// Days from 0001-01-01 to 1900-01-01, where `datetime` begins to count.
const DAYS_TO_1900: i64 = 693_595;

/// Ticks of 100 ns in a second.
const TICKS: u64 = 10_000_000;

/// The date so many days after 0001-01-01.
fn date(day: i64) -> Option<NaiveDate> {
    NaiveDate::from_num_days_from_ce_opt(i32::try_from(day).ok()? + 1)
}

fn date_text(day: i64) -> Option<String> {
    Some(date(day)?.format("%Y-%m-%d").to_string())
}

/// A day and ticks after midnight as text, with a fraction when there is one.
fn moment_text(day: i64, ticks: u64) -> Option<String> {
    let seconds = u32::try_from(ticks / TICKS).ok()?;
    let nanos = u32::try_from(ticks % TICKS * 100).ok()?;
    let time = NaiveTime::from_num_seconds_from_midnight_opt(seconds, nanos)?;
    Some(
        date(day)?
            .and_time(time)
            .format("%Y-%m-%d %H:%M:%S%.f")
            .to_string(),
    )
}

/// Days since 0001-01-01 and ticks since midnight of a date with or without a time.
fn moment(text: &str) -> Option<(u32, u64)> {
    let text = text.trim().replace('T', " ");
    let moment = NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S%.f");
    let day = || NaiveDate::parse_from_str(&text, "%Y-%m-%d");
    let moment = moment.or_else(|_| day().map(|day| day.and_time(NaiveTime::MIN)));
    let moment = moment.ok()?;
    let seconds = u64::from(moment.num_seconds_from_midnight());
    let ticks = seconds * TICKS + u64::from(moment.nanosecond() / 100);
    let day = u32::try_from(moment.num_days_from_ce() - 1).ok()?;
    (moment.year() <= 9999).then_some((day, ticks))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn dates_count_from_the_first_of_january_of_year_one() {
        assert_eq!(moment("0001-01-01"), Some((0, 0)));
        assert_eq!(moment("1900-01-01T00:00:01"), Some((693_595, TICKS)));
        assert_eq!(moment("9999-12-31").unwrap().0, 3_652_058);
    }

    #[test]
    fn text_comes_back_as_it_was() {
        for text in ["2024-02-29 23:59:59.999", "0001-01-01 00:00:00"] {
            let (day, ticks) = moment(text).unwrap();
            assert_eq!(moment_text(i64::from(day), ticks).unwrap(), text);
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in ["", "yesterday", "2026-13-01", "2026-01-01 25:00:00"] {
            assert_eq!(moment(text), None, "{text}");
        }
        assert_eq!(moment_text(i64::MAX, 0), None);
    }
}

//! Days and times of day.

use chrono::{Datelike as _, NaiveDate, NaiveDateTime, NaiveTime, Timelike as _};

/// Ticks of 100 ns in a second.
pub(super) const TICKS: u64 = 10_000_000;

/// Ticks in a day.
pub(super) const DAY: u64 = 24 * 60 * 60 * TICKS;

/// The day 1900-01-01, from which `datetime` counts.
pub(super) const DAY_OF_1900: u32 = 693_595;

/// The last day that there is, 9999-12-31.
const LAST_DAY: u32 = 3_652_058;

/// A day, a time of day, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tds) struct Moment {
    /// Days since 0001-01-01.
    pub(super) day: u32,
    /// Ticks of 100 ns since midnight.
    pub(super) ticks: u64,
    /// Minutes that local time is ahead of UTC; day and ticks are local.
    pub(super) offset: i16,
}

impl Moment {
    /// Reads `2026-03-02`, `08:15:00.5`, or both, with ` +01:00` behind them or not.
    pub(super) fn read(text: &str) -> Option<Self> {
        let text = text.trim().replacen('T', " ", 1);
        let (text, offset) = match text.rsplit_once(' ') {
            Some((local, offset)) if offset.starts_with(['+', '-']) => {
                (local.to_owned(), minutes(offset)?)
            }
            _ => match text.strip_suffix('Z') {
                Some(utc) => (utc.to_owned(), 0),
                None => (text, 0),
            },
        };
        let (day, time) = match text.split_once(' ') {
            Some((day, time)) => (day, time),
            None if text.contains(':') => ("1900-01-01", text.as_str()),
            None => (text.as_str(), "00:00"),
        };
        let day = NaiveDate::parse_from_str(day, "%Y-%m-%d").ok()?;
        let mut formats = ["%H:%M:%S%.f", "%H:%M"].into_iter();
        let time = formats.find_map(|format| NaiveTime::parse_from_str(time, format).ok())?;
        if !(1..=9999).contains(&day.year()) {
            return None;
        }
        Some(Self::of(day.and_time(time), offset))
    }

    fn of(local: NaiveDateTime, offset: i16) -> Self {
        let seconds = u64::from(local.num_seconds_from_midnight());
        Self {
            day: u32::try_from(local.num_days_from_ce() - 1).unwrap_or(0),
            ticks: seconds * TICKS + u64::from(local.nanosecond() / 100),
            offset,
        }
    }

    /// With this many digits behind the second's point, as SQL Server rounds.
    pub(super) fn rounded(self, scale: u8) -> Option<Self> {
        let unit = 10_u64.pow(7 - u32::from(scale.min(7)));
        let ticks = (self.ticks + unit / 2) / unit * unit;
        let day = self.day + u32::from(ticks >= DAY);
        (day <= LAST_DAY).then_some(Self {
            day,
            ticks: ticks % DAY,
            ..self
        })
    }

    /// The same in UTC; `None` before the first day and after the last one.
    pub(super) fn utc(self) -> Option<Self> {
        self.shifted(-i64::from(self.offset))
    }

    /// From UTC to its own offset.
    pub(super) fn local(self) -> Option<Self> {
        self.shifted(i64::from(self.offset))
    }

    fn shifted(self, minutes: i64) -> Option<Self> {
        let day = i64::try_from(DAY).ok()?;
        let ticks = i64::from(self.day) * day + i64::try_from(self.ticks).ok()?;
        let ticks = ticks + minutes * 60 * i64::try_from(TICKS).ok()?;
        let moved = Self {
            day: u32::try_from(ticks.div_euclid(day)).ok()?,
            ticks: u64::try_from(ticks.rem_euclid(day)).ok()?,
            ..self
        };
        (moved.day <= LAST_DAY).then_some(moved)
    }

    pub(super) fn date_text(self) -> Option<String> {
        let day = i32::try_from(self.day).ok()? + 1;
        Some(NaiveDate::from_num_days_from_ce_opt(day)?.to_string())
    }

    /// The time of day with all of `scale` digits.
    pub(super) fn time_text(self, scale: u8) -> String {
        let (seconds, ticks) = (self.ticks / TICKS, self.ticks % TICKS);
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let text = format!("{hours:02}:{minutes:02}:{seconds:02}.{ticks:07}");
        let length = match scale {
            0 => 8,
            scale => 9 + usize::from(scale.min(7)),
        };
        text.get(..length).unwrap_or(&text).to_owned()
    }

    /// Day and time with no more digits than it needs.
    pub(super) fn shortest_text(self) -> Option<String> {
        let text = format!("{} {}", self.date_text()?, self.time_text(7));
        Some(text.trim_end_matches('0').trim_end_matches('.').to_owned())
    }

    /// ` +01:00`.
    pub(super) fn offset_text(self) -> String {
        let sign = if self.offset < 0 { '-' } else { '+' };
        let minutes = self.offset.unsigned_abs();
        format!(" {sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

/// Minutes of `+01:00`.
fn minutes(text: &str) -> Option<i16> {
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    let (hours, minutes): (i16, i16) = (hours.parse().ok()?, minutes.parse().ok()?);
    let all = hours.checked_mul(60)?.checked_add(minutes)?;
    let is_known = (0..60).contains(&minutes) && (0..=14 * 60).contains(&all);
    is_known.then_some(if text.starts_with('-') { -all } else { all })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn moments_count_from_the_first_of_january_of_year_one() {
        for (text, day, ticks) in [
            ("0001-01-01 00:00:00", 0, 0),
            ("1900-01-01 00:00:01", DAY_OF_1900, TICKS),
            ("9999-12-31 23:59:59.999", LAST_DAY, 863_999_990_000),
        ] {
            let read = Moment::read(text).unwrap();
            assert_eq!((read.day, read.ticks), (day, ticks));
        }
        assert_eq!(Moment::read("yesterday"), None);
    }

    #[test]
    fn moments_are_shown_as_they_were_written() {
        let moment = Moment::read("2026-03-02 08:15:00.1234567 -03:30").unwrap();
        assert_eq!(moment.date_text().unwrap(), "2026-03-02");
        assert_eq!(moment.time_text(7), "08:15:00.1234567");
        assert_eq!(moment.rounded(3).unwrap().time_text(3), "08:15:00.123");
        assert_eq!(moment.rounded(0).unwrap().time_text(0), "08:15:00");
        assert_eq!(moment.offset_text(), " -03:30");
        assert_eq!(moment.utc().unwrap().time_text(0), "11:45:00");
        assert_eq!(moment.utc().unwrap().local(), Some(moment));
    }

    #[test]
    fn rounding_goes_over_midnight_and_not_beyond_the_last_day() {
        let late = Moment::read("2026-03-02 23:59:59.9999999").unwrap();
        let rounded = late.rounded(3).unwrap();
        assert_eq!(rounded.date_text().unwrap(), "2026-03-03");
        assert_eq!(rounded.time_text(3), "00:00:00.000");
        let last = Moment::read("9999-12-31 23:59:59.9999999").unwrap();
        assert_eq!(last.rounded(3), None);
    }
}

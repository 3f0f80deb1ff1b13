//! Dates and times, between the text that SQLite keeps and the numbers of the binary format.

/// Microseconds in a day.
const DAY: i64 = 86_400_000_000;
/// Days from 1970-01-01 to 2000-01-01, where PostgreSQL's calendar begins.
const EPOCH_DAYS: i64 = 10_957;

/// A calendar date and the microseconds since its midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::postgres) struct Moment {
    /// Days since 2000-01-01.
    pub(in crate::postgres) days: i64,
    /// Microseconds since midnight.
    pub(in crate::postgres) time: i64,
}

impl Moment {
    /// Reads `2026-03-02`, `2026-03-02 08:15:00.5`, `2026-03-02T08:15Z`, `.. +01:00`; an offset is
    /// subtracted, so that the result is in UTC.
    pub(in crate::postgres) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (date, time) = match text.split_once([' ', 'T', 't']) {
            Some((date, time)) => (date, Some(time)),
            None => (text, None),
        };
        let mut parts = date.splitn(3, '-');
        let mut part = || parts.next()?.parse::<i64>().ok();
        let (year, month, day) = (part()?, part()?, part()?);
        if !(1..=12).contains(&month) || !(1..=days_in(year, month)).contains(&day) {
            return None;
        }
        let (time, offset) = match time {
            Some(time) => split_offset(time)?,
            None => (0, 0),
        };
        let micros = days_from_civil(year, month, day) * DAY + time - offset;
        Some(Self::from_micros(micros))
    }

    /// From microseconds since 2000-01-01 00:00.
    pub(in crate::postgres) fn from_micros(micros: i64) -> Self {
        Self {
            days: micros.div_euclid(DAY),
            time: micros.rem_euclid(DAY),
        }
    }

    /// Microseconds since 2000-01-01 00:00.
    pub(in crate::postgres) fn micros(self) -> i64 {
        self.days * DAY + self.time
    }

    /// From seconds since 1970-01-01 00:00, with fraction.
    pub(in crate::postgres) fn from_unix(micros: i64) -> Self {
        Self::from_micros(micros - EPOCH_DAYS * DAY)
    }

    /// Microseconds since 1970-01-01 00:00.
    pub(in crate::postgres) fn unix_micros(self) -> i64 {
        self.micros() + EPOCH_DAYS * DAY
    }

    /// `2026-03-02`.
    pub(in crate::postgres) fn date(self) -> String {
        let (year, month, day) = self.civil();
        format!("{year:04}-{month:02}-{day:02}")
    }

    /// `2026-03-02 08:15:00.5`.
    pub(in crate::postgres) fn timestamp(self) -> String {
        format!("{} {}", self.date(), time_text(self.time))
    }

    /// Year, month, day.
    pub(in crate::postgres) fn civil(self) -> (i64, i64, i64) {
        civil_from_days(self.days)
    }

    /// The moment at this date's midnight.
    pub(in crate::postgres) fn midnight(year: i64, month: i64, day: i64) -> Self {
        Self {
            days: days_from_civil(year, month, day),
            time: 0,
        }
    }
}

/// `08:15:00.5` for microseconds since midnight.
pub(in crate::postgres) fn time_text(micros: i64) -> String {
    let seconds = micros / 1_000_000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let whole = format!("{hours:02}:{minutes:02}:{seconds:02}");
    match micros % 1_000_000 {
        0 => whole,
        fraction => {
            let digits = format!("{fraction:06}");
            format!("{whole}.{}", digits.trim_end_matches('0'))
        }
    }
}

/// Microseconds since midnight of `08:15`, `08:15:00.5`.
pub(in crate::postgres) fn parse_time(text: &str) -> Option<i64> {
    let mut parts = text.trim().splitn(3, ':');
    let hours: i64 = parts.next()?.parse().ok()?;
    let minutes: i64 = parts.next()?.parse().ok()?;
    let (seconds, fraction) = match parts.next() {
        Some(seconds) => seconds.split_once('.').unwrap_or((seconds, "0")),
        None => ("0", "0"),
    };
    let seconds: i64 = seconds.parse().ok()?;
    let fraction: i64 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    let valid =
        (0..=24).contains(&hours) && (0..60).contains(&minutes) && (0..=60).contains(&seconds);
    valid.then_some(((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + fraction)
}

/// Microseconds since midnight, and those that the zone is ahead of UTC.
fn split_offset(text: &str) -> Option<(i64, i64)> {
    let text = text.trim();
    if let Some(time) = text.strip_suffix(['Z', 'z']) {
        return Some((parse_time(time)?, 0));
    }
    let Some(sign) = text.rfind(['+', '-']) else {
        return Some((parse_time(text)?, 0));
    };
    let (time, offset) = text.split_at(sign);
    let (direction, offset) = match offset.strip_prefix('-') {
        Some(offset) => (-1, offset),
        None => (1, offset.strip_prefix('+')?),
    };
    let (hours, minutes) = match offset.split_once(':') {
        Some(parts) => parts,
        None if offset.len() == 4 => offset.split_at_checked(2)?,
        None => (offset, "0"),
    };
    let minutes = hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?;
    Some((parse_time(time)?, direction * minutes * 60_000_000))
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 2000-01-01 of a date in the Gregorian calendar, by Howard Hinnant's algorithm.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468 - EPOCH_DAYS
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + EPOCH_DAYS + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let part = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * part + 2) / 5 + 1;
    let month = if part < 10 { part + 3 } else { part - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_and_written() {
        for (text, expected) in [
            ("2000-01-01", "2000-01-01 00:00:00"),
            ("1969-12-31 23:59:59.999999", "1969-12-31 23:59:59.999999"),
            ("2024-02-29T12:30Z", "2024-02-29 12:30:00"),
            ("2026-03-02 08:15:00.500+02", "2026-03-02 06:15:00.5"),
            ("2026-03-02 00:15:00-0530", "2026-03-02 05:45:00"),
        ] {
            assert_eq!(Moment::parse(text).unwrap().timestamp(), expected);
        }
        for text in ["", "2023-02-29", "2023-13-01", "noon", "2023-01-01 25:00"] {
            assert_eq!(Moment::parse(text), None, "{text}");
        }
    }

    #[test]
    fn postgresql_epoch_is_zero() {
        assert_eq!(Moment::parse("2000-01-01").unwrap().micros(), 0);
        assert_eq!(Moment::parse("1970-01-01").unwrap().unix_micros(), 0);
    }

    #[test]
    fn every_day_of_eight_hundred_years_goes_both_ways() {
        let mut day = days_from_civil(1700, 1, 1);
        let end = days_from_civil(2500, 1, 1);
        while day < end {
            let (year, month, of_month) = civil_from_days(day);
            assert_eq!(days_from_civil(year, month, of_month), day);
            day += 1;
        }
    }
}

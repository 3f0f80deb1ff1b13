//! Days and times of day as TDS counts them, and the ISO text that SQLite keeps.

use std::time::{SystemTime, UNIX_EPOCH};

use super::Unfit;

/// Days from 0001-01-01 to 1900-01-01, where `datetime` begins to count.
pub(super) const DAYS_TO_1900: i64 = 693_595;

/// Days from 0001-01-01 to 1970-01-01.
const DAYS_TO_1970: i64 = 719_162;

/// Ticks of 100 ns in a second.
const TICKS: u64 = 10_000_000;

/// Ticks in a day.
const DAY: i128 = 864_000_000_000;

/// A point in time without zone, to 100 ns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tds) struct Moment {
    /// Days since 0001-01-01.
    pub(super) day: i64,
    /// 100 ns since midnight.
    pub(in crate::tds) ticks: u64,
    /// Minutes east of Greenwich.
    pub(super) offset: i16,
}

/// Days since 0001-01-01 of a date of the Gregorian calendar.
fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 306
}

/// Year, month and day.
fn date(day: i64) -> (i64, i64, i64) {
    let day = day + 306;
    let era = day.div_euclid(146_097);
    let of_era = day.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    (year, month, of_month)
}

impl Moment {
    /// Reads `YYYY-MM-DD`, `HH:MM[:SS[.fffffff]]` or both, `T` or a space between, perhaps with an
    /// offset or `Z`.
    pub(in crate::tds) fn parse(text: &str) -> Result<Self, Unfit> {
        let unfit = || Unfit("datetime");
        let text = text.trim();
        let (date, rest) = match text.get(4..5) {
            Some("-") => {
                let (date, rest) = text.split_at_checked(10).ok_or_else(unfit)?;
                (Some(date), rest.trim_start_matches(['T', ' ']))
            }
            _ => (None, text),
        };
        let (time, offset) = match rest.find(['+', '-', 'Z']) {
            Some(at) => (
                rest[..at].trim(),
                parse_offset(&rest[at..]).ok_or_else(unfit)?,
            ),
            None => (rest, 0),
        };
        let day = match date {
            Some(date) => parse_date(date).ok_or_else(unfit)?,
            None => DAYS_TO_1900,
        };
        let ticks = match time {
            "" if date.is_some() => 0,
            time => parse_time(time).ok_or_else(unfit)?,
        };
        Ok(Self { day, ticks, offset })
    }

    pub(in crate::tds) fn date_text(self) -> String {
        let (year, month, day) = date(self.day);
        format!("{year:04}-{month:02}-{day:02}")
    }

    /// Time of day, with a fraction when there is one.
    pub(in crate::tds) fn time_text(self) -> String {
        let seconds = self.ticks / TICKS;
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let whole = format!("{hour:02}:{minute:02}:{second:02}");
        match self.ticks % TICKS {
            0 => whole,
            fraction => {
                let fraction = format!("{fraction:07}");
                format!("{whole}.{}", fraction.trim_end_matches('0'))
            }
        }
    }

    pub(in crate::tds) fn text(self) -> String {
        format!("{} {}", self.date_text(), self.time_text())
    }

    pub(super) fn offset_text(self) -> String {
        let (sign, minutes) = if self.offset < 0 {
            ('-', -self.offset)
        } else {
            ('+', self.offset)
        };
        format!(
            "{} {sign}{:02}:{:02}",
            self.text(),
            minutes / 60,
            minutes % 60
        )
    }

    /// The same moment, `minutes` later on the clock.
    pub(super) fn shifted(self, minutes: i64) -> Self {
        let day_ticks = i64::try_from(86_400 * TICKS).unwrap_or(i64::MAX);
        let ticks = i64::try_from(self.ticks).unwrap_or(0) + minutes * 60 * 10_000_000;
        Self {
            day: self.day + ticks.div_euclid(day_ticks),
            ticks: u64::try_from(ticks.rem_euclid(day_ticks)).unwrap_or(0),
            offset: self.offset,
        }
    }
}

impl Moment {
    /// Now in UTC, to this many digits of a second.
    pub(in crate::tds) fn now(digits: u32) -> Self {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let seconds = since.as_secs();
        let ticks = seconds % 86_400 * TICKS + u64::from(since.subsec_nanos()) / 100;
        Self {
            day: i64::try_from(seconds / 86_400).unwrap_or(0) + DAYS_TO_1970,
            ticks: ticks - ticks % 10_u64.pow(7 - digits.min(7)),
            offset: 0,
        }
    }

    /// `count` of this part of a date later.
    pub(in crate::tds) fn plus(self, part: &str, count: i64) -> Option<Self> {
        let unit = match unit(part)? {
            Unit::Ticks(unit) => unit,
            Unit::Months(months) => {
                let (year, month, day) = date(self.day);
                let month = year * 12 + month - 1 + count.checked_mul(months)?;
                let (year, month) = (month.div_euclid(12), month.rem_euclid(12) + 1);
                let next = (year + month / 12, month % 12 + 1);
                let first = day_number(year, month, 1);
                let length = day_number(next.0, next.1, 1) - first;
                return Some(Self {
                    day: first + day.min(length) - 1,
                    ..self
                });
            }
        };
        let all = i128::from(self.day) * DAY + i128::from(self.ticks) + i128::from(count) * unit;
        Some(Self {
            day: i64::try_from(all.div_euclid(DAY)).ok()?,
            ticks: u64::try_from(all.rem_euclid(DAY)).ok()?,
            offset: self.offset,
        })
    }

    /// How many borders of this part lie before it: what `datediff` subtracts.
    pub(in crate::tds) fn counted(self, part: &str) -> Option<i64> {
        match unit(part)? {
            Unit::Months(months) => {
                let (year, month, _) = date(self.day);
                Some((year * 12 + month - 1).div_euclid(months))
            }
            Unit::Ticks(unit) => {
                let all = i128::from(self.day) * DAY + i128::from(self.ticks);
                i64::try_from(all.div_euclid(unit)).ok()
            }
        }
    }

    /// One part of it as a number.
    pub(in crate::tds) fn part(self, part: &str) -> Option<i64> {
        let (year, month, day) = date(self.day);
        let ticks = i64::try_from(self.ticks).ok()?;
        let seconds = ticks / 10_000_000;
        Some(match part.to_ascii_lowercase().as_str() {
            "year" | "yy" | "yyyy" => year,
            "quarter" | "qq" | "q" => (month + 2) / 3,
            "month" | "mm" | "m" => month,
            "day" | "dd" | "d" => day,
            "dayofyear" | "dy" | "y" => self.day - day_number(year, 1, 1) + 1,
            "weekday" | "dw" => (self.day + 1) % 7 + 1,
            "hour" | "hh" => seconds / 3600,
            "minute" | "mi" | "n" => seconds / 60 % 60,
            "second" | "ss" | "s" => seconds % 60,
            "millisecond" | "ms" => ticks / 10_000 % 1000,
            _ => return None,
        })
    }
}

/// What a part of a date is measured in.
enum Unit {
    Months(i64),
    Ticks(i128),
}

fn unit(part: &str) -> Option<Unit> {
    Some(match part.to_ascii_lowercase().as_str() {
        "year" | "yy" | "yyyy" => Unit::Months(12),
        "quarter" | "qq" | "q" => Unit::Months(3),
        "month" | "mm" | "m" => Unit::Months(1),
        "week" | "wk" | "ww" => Unit::Ticks(7 * DAY),
        "day" | "dd" | "d" | "dayofyear" | "dy" => Unit::Ticks(DAY),
        "hour" | "hh" => Unit::Ticks(36_000_000_000),
        "minute" | "mi" | "n" => Unit::Ticks(600_000_000),
        "second" | "ss" | "s" => Unit::Ticks(10_000_000),
        "millisecond" | "ms" => Unit::Ticks(10_000),
        _ => return None,
    })
}

fn parse_date(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let is_date =
        (1..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    is_date.then(|| day_number(year, month, day))
}

fn parse_time(text: &str) -> Option<u64> {
    let mut parts = text.splitn(3, ':');
    let hour: u64 = parts.next()?.parse().ok()?;
    let minute: u64 = parts.next()?.parse().ok()?;
    let (second, fraction) = match parts.next() {
        None => (0, 0),
        Some(text) => {
            let (second, fraction) = text.split_once('.').unwrap_or((text, ""));
            let digits: String = fraction.chars().chain("0000000".chars()).take(7).collect();
            (second.parse::<u64>().ok()?, digits.parse::<u64>().ok()?)
        }
    };
    let is_time = hour < 24 && minute < 60 && second < 60;
    is_time.then_some((hour * 3600 + minute * 60 + second) * TICKS + fraction)
}

fn parse_offset(text: &str) -> Option<i16> {
    if text == "Z" {
        return Some(0);
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    let hours: i16 = hours
        .parse()
        .ok()
        .filter(|hours| (0..=14).contains(hours))?;
    let minutes: i16 = minutes
        .parse()
        .ok()
        .filter(|minutes| (0..60).contains(minutes))?;
    Some(sign * (hours * 60 + minutes))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn dates_count_from_the_first_of_january_of_year_one() {
        assert_eq!(Moment::parse("0001-01-01").unwrap().day, 0);
        assert_eq!(Moment::parse("1900-01-01").unwrap().day, DAYS_TO_1900);
        assert_eq!(Moment::parse("9999-12-31").unwrap().day, 3_652_058);
    }

    #[test]
    fn text_comes_back_as_it_was() {
        for text in [
            "2024-02-29 23:59:59.9999999",
            "0001-01-01 00:00:00",
            "1999-12-31 12:00:00.5",
        ] {
            assert_eq!(Moment::parse(text).unwrap().text(), text);
        }
        let zoned = "2026-03-01 10:00:00 -05:30";
        assert_eq!(Moment::parse(zoned).unwrap().offset_text(), zoned);
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "yesterday",
            "2026-13-01",
            "2026-01-01 25:00",
            "2026-é1-01",
            "1:2:3:4:5",
        ] {
            assert!(Moment::parse(text).is_err(), "{text}");
        }
    }
}

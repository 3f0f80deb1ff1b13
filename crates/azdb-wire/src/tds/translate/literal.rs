//! Dates and times as the text that a server gives to apps which do not know their types.
//!
//! Source: "Down-level client behavior" in Microsoft's documentation of its drivers for the texts, MS-TDS 2.2.5.5.1.8 for the bytes.

use alloc::format;
use alloc::string::String;

use time::{Date, Duration, PrimitiveDateTime, Time};

use super::kind;
use crate::reader::Reader;

/// Characters of the longest text of a type at a scale.
pub(super) fn width(tag: u8, scale: u8) -> u16 {
    let fraction = match scale {
        0 => 0,
        scale => u16::from(scale).saturating_add(1),
    };
    match tag {
        kind::DATE => 10,
        kind::TIME => fraction.saturating_add(8),
        kind::DATETIME2 => fraction.saturating_add(19),
        _with_offset => fraction.saturating_add(26),
    }
}

/// The text of a value that is not NULL; `None` when it is no value of its type.
pub(super) fn of(tag: u8, scale: u8, value: &[u8]) -> Option<String> {
    let mut reader = Reader::new(value);
    let text = match tag {
        kind::DATE => date(&mut reader).map(written)?,
        kind::TIME => Clock::read(scale, &mut reader)?.written(scale),
        kind::DATETIME2 => {
            let clock = Clock::read(scale, &mut reader)?;
            let date = date(&mut reader)?;
            format!("{} {}", written(date), clock.written(scale))
        }
        _with_offset => with_offset(scale, &mut reader)?,
    };
    reader.is_empty().then_some(text)
}

/// Time and date are those of UTC in the bytes, and those of the place in the text.
fn with_offset(scale: u8, reader: &mut Reader<'_>) -> Option<String> {
    let clock = Clock::read(scale, reader)?;
    let utc = PrimitiveDateTime::new(date(reader)?, clock.time);
    let offset = i16::from_le_bytes(reader.array()?);
    let local = utc.checked_add(Duration::minutes(i64::from(offset)))?;
    let clock = Clock {
        time: local.time(),
        ..clock
    };
    let sign = if offset < 0 { '-' } else { '+' };
    let minutes = offset.unsigned_abs();
    Some(format!(
        "{} {} {sign}{:02}:{:02}",
        written(local.date()),
        clock.written(scale),
        minutes / 60,
        minutes % 60,
    ))
}

/// Days since 0001-01-01.
fn date(reader: &mut Reader<'_>) -> Option<Date> {
    /// Its Julian day.
    const FIRST: i32 = 1_721_426;
    let days = i32::try_from(reader.u24_le()?).ok()?;
    Date::from_julian_day(days.checked_add(FIRST)?).ok()
}

fn written(date: Date) -> String {
    let (year, month, day) = date.to_calendar_date();
    format!("{year:04}-{:02}-{day:02}", u8::from(month))
}

/// A time of the day.
struct Clock {
    /// In whole seconds.
    time: Time,
    /// In units of 10^-scale seconds.
    fraction: u64,
}

impl Clock {
    /// Units of 10^-scale seconds since midnight, in as many bytes as a day of them takes.
    fn read(scale: u8, reader: &mut Reader<'_>) -> Option<Self> {
        let units = match scale {
            0..=2 => u64::from(reader.u24_le()?),
            3..=4 => u64::from(reader.u32_le()?),
            5..=7 => {
                let (low, high) = (reader.u32_le()?, reader.u8()?);
                u64::from(high) << 32 | u64::from(low)
            }
            _ => return None,
        };
        let unit = 10u64.checked_pow(u32::from(scale))?;
        let seconds = u32::try_from(units.checked_div(unit)?).ok()?;
        let of = |count: u32| u8::try_from(count).ok();
        let time = Time::from_hms(
            of(seconds / 3600)?,
            of(seconds / 60 % 60)?,
            of(seconds % 60)?,
        );
        Some(Self {
            time: time.ok()?,
            fraction: units.checked_rem(unit)?,
        })
    }

    fn written(&self, scale: u8) -> String {
        let (hours, minutes, seconds) = self.time.as_hms();
        let fraction = self.fraction;
        match usize::from(scale) {
            0 => format!("{hours:02}:{minutes:02}:{seconds:02}"),
            scale => format!("{hours:02}:{minutes:02}:{seconds:02}.{fraction:0scale$}"),
        }
    }
}

//! Dates and times as the text that a server gives to apps which do not know their types.
//!
//! Source: "Down-level client behavior" in Microsoft's documentation of its drivers for the texts, MS-TDS 2.2.5.5.1.8 for the bytes.

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
    /// Characters of the longest one.
    const LONGEST: usize = 34;
    let mut text = String::with_capacity(LONGEST);
    let mut reader = Reader::new(value);
    match tag {
        kind::DATE => push_date(date(&mut reader)?, &mut text),
        kind::TIME => Clock::read(scale, &mut reader)?.push(&mut text),
        kind::DATETIME2 => {
            let clock = Clock::read(scale, &mut reader)?;
            push_date(date(&mut reader)?, &mut text);
            text.push(' ');
            clock.push(&mut text);
        }
        _with_offset => push_with_offset(scale, &mut reader, &mut text)?,
    }
    reader.is_empty().then_some(text)
}

/// Time and date are those of UTC in the bytes, and those of the place in the text.
fn push_with_offset(scale: u8, reader: &mut Reader<'_>, text: &mut String) -> Option<()> {
    let clock = Clock::read(scale, reader)?;
    let utc = PrimitiveDateTime::new(date(reader)?, clock.time);
    let offset = i16::from_le_bytes(reader.array()?);
    let local = utc.checked_add(Duration::minutes(i64::from(offset)))?;
    push_date(local.date(), text);
    text.push(' ');
    let clock = Clock {
        time: local.time(),
        ..clock
    };
    clock.push(text);
    text.push_str(if offset < 0 { " -" } else { " +" });
    let minutes = u32::from(offset.unsigned_abs());
    push_digits(minutes / 60, 2, text);
    text.push(':');
    push_digits(minutes % 60, 2, text);
    Some(())
}

/// Days since 0001-01-01.
fn date(reader: &mut Reader<'_>) -> Option<Date> {
    /// Its Julian day.
    const FIRST: i32 = 1_721_426;
    let days = i32::try_from(reader.u24_le()?).ok()?;
    Date::from_julian_day(days.checked_add(FIRST)?).ok()
}

fn push_date(date: Date, text: &mut String) {
    let (year, month, day) = date.to_calendar_date();
    push_digits(year.unsigned_abs(), 4, text);
    for part in [u8::from(month), day] {
        text.push('-');
        push_digits(u32::from(part), 2, text);
    }
}

/// A time of the day.
struct Clock {
    /// In whole seconds.
    time: Time,
    /// In units of 10^-scale seconds.
    fraction: u32,
    scale: u8,
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
            fraction: u32::try_from(units.checked_rem(unit)?).ok()?,
            scale,
        })
    }

    fn push(&self, text: &mut String) {
        let (hours, minutes, seconds) = self.time.as_hms();
        push_digits(u32::from(hours), 2, text);
        for part in [minutes, seconds] {
            text.push(':');
            push_digits(u32::from(part), 2, text);
        }
        if self.scale > 0 {
            text.push('.');
            push_digits(self.fraction, self.scale, text);
        }
    }
}

/// Appends the last digits of a number, so many. The formatting of the standard library takes several times as long, and columns
/// of dates are in most tables.
fn push_digits(mut number: u32, digits: u8, text: &mut String) {
    let mut all = [b'0'; 7];
    let written = all.get_mut(..usize::from(digits)).unwrap_or_default();
    for digit in written.iter_mut().rev() {
        *digit = b'0' | u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
    }
    text.extend(written.iter().copied().map(char::from));
}

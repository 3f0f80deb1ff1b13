//! Moments: what the four types of dates hold, as the wire of 7.4 carries them and as older apps read them.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// The tags of the four types.
pub(super) const DATE: u8 = 0x28;
pub(super) const TIME: u8 = 0x29;
pub(super) const DATETIME2: u8 = 0x2a;
pub(super) const DATETIMEOFFSET: u8 = 0x2b;

/// What a wall clock shows, and how far it is from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    /// One of the four types.
    pub(super) tag: u8,
    /// Digits behind the second, 0 to 7.
    pub(super) scale: u8,
    /// Year, month, day.
    pub(super) date: (u32, u32, u32),
    /// Hour, minute, second.
    pub(super) time: (u32, u32, u32),
    /// In units of `scale`.
    pub(super) fraction: u64,
    /// In minutes.
    pub(super) offset: i16,
}

fn is_leap(year: u32) -> bool {
    year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400)
}

/// Days of a month.
pub(super) fn days_of(year: u32, month: u32) -> u32 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 0001-01-01, counted year by year and month by month.
fn day_number((year, month, day): (u32, u32, u32)) -> i64 {
    let years: u32 = (1..year)
        .map(|year| if is_leap(year) { 366 } else { 365 })
        .sum();
    let months: u32 = (1..month).map(|month| days_of(year, month)).sum();
    i64::from(years + months + day - 1)
}

/// Bytes of the time at a scale.
pub(super) fn time_bytes(scale: u8) -> usize {
    match scale {
        0..=2 => 3,
        3..=4 => 4,
        _ => 5,
    }
}

/// UTF-16 units of the longest literal of a type.
pub(super) fn literal_units(tag: u8, scale: u8) -> u16 {
    let fraction = if scale == 0 { 0 } else { 1 + u16::from(scale) };
    match tag {
        DATE => 10,
        TIME => 8 + fraction,
        DATETIME2 => 19 + fraction,
        _ => 26 + fraction,
    }
}

impl Moment {
    /// The bytes of the value, without its length.
    pub(super) fn wire(self) -> Vec<u8> {
        let unit = 10i64.pow(u32::from(self.scale));
        let (hour, minute, second) = self.time;
        let mut days = day_number(self.date);
        let mut seconds = i64::from(hour * 3600 + minute * 60 + second);
        if self.tag == DATETIMEOFFSET {
            seconds -= i64::from(self.offset) * 60;
            days += seconds.div_euclid(86_400);
            seconds = seconds.rem_euclid(86_400);
        }
        let units = seconds * unit + i64::try_from(self.fraction).unwrap();
        let mut out = Vec::new();
        if self.tag != DATE {
            out.extend_from_slice(&units.to_le_bytes()[..time_bytes(self.scale)]);
        }
        if self.tag != TIME {
            assert!(
                (0..=3_652_058).contains(&days),
                "{self:?} is no moment in UTC"
            );
            out.extend_from_slice(&days.to_le_bytes()[..3]);
        }
        if self.tag == DATETIMEOFFSET {
            out.extend_from_slice(&self.offset.to_le_bytes());
        }
        out
    }

    /// What SQL Server writes for an app that has no such type.
    pub(super) fn literal(self) -> String {
        let (year, month, day) = self.date;
        let (hour, minute, second) = self.time;
        let date = format!("{year:04}-{month:02}-{day:02}");
        let mut time = format!("{hour:02}:{minute:02}:{second:02}");
        if self.scale > 0 {
            let width = usize::from(self.scale);
            time += &format!(".{:0width$}", self.fraction);
        }
        let sign = if self.offset < 0 { '-' } else { '+' };
        let (hours, minutes) = (self.offset.abs() / 60, self.offset.abs() % 60);
        match self.tag {
            DATE => date,
            TIME => time,
            DATETIME2 => format!("{date} {time}"),
            _ => format!("{date} {time} {sign}{hours:02}:{minutes:02}"),
        }
    }
}

/// Values of Microsoft's pages and of the prototype's log, so that the model itself is held by something.
#[test]
fn the_model_of_moments_says_what_a_server_says() {
    let moment = Moment {
        tag: DATETIMEOFFSET,
        scale: 7,
        date: (2024, 2, 29),
        time: (0, 30, 15),
        fraction: 1_234_567,
        offset: 330,
    };
    assert_eq!(moment.literal(), "2024-02-29 00:30:15.1234567 +05:30");
    let yesterday = Moment {
        tag: DATETIME2,
        date: (2024, 2, 28),
        time: (19, 0, 15),
        ..moment
    };
    assert_eq!(moment.wire()[..8], yesterday.wire()[..]);
    assert_eq!(moment.wire()[8..], 330i16.to_le_bytes());
    let last = Moment {
        tag: DATE,
        date: (9999, 12, 31),
        ..moment
    };
    assert_eq!(last.wire(), [0xda, 0xb9, 0x37]);
    let epoch = Moment {
        date: (1900, 1, 1),
        ..last
    };
    assert_eq!(epoch.wire(), [0x5b, 0x95, 0x0a]);
}

//! What the server sends: column descriptions and rows.

use rusqlite::types::ValueRef;

use super::calendar::{DAYS_TO_1900, Moment};
use super::{Type, Unfit};
use crate::tds::token::{COLLATION, text8};

const COLMETADATA: u8 = 0x81;
const ROW: u8 = 0xd1;
const ROW_WITH_NULL_BITMAP: u8 = 0xd2;
const RETURNVALUE: u8 = 0xac;

/// Column flags: may be NULL, may be written.
const NULLABLE: u16 = 0x0009;

/// COLMETADATA for these columns.
pub(in crate::tds) fn column_metadata(columns: &[(String, Type)]) -> Vec<u8> {
    let mut bytes = vec![COLMETADATA];
    bytes.extend(
        u16::try_from(columns.len())
            .unwrap_or(u16::MAX)
            .to_le_bytes(),
    );
    for (name, kind) in columns {
        bytes.extend(0_u32.to_le_bytes());
        bytes.extend(NULLABLE.to_le_bytes());
        info(&mut bytes, *kind);
        text8(&mut bytes, name);
    }
    bytes
}

/// A row; with a bitmap in front when it has NULLs, as the real server does.
pub(in crate::tds) fn row(
    bytes: &mut Vec<u8>,
    columns: &[(String, Type)],
    values: &[ValueRef<'_>],
) -> Result<(), Unfit> {
    let start = bytes.len();
    if values.contains(&ValueRef::Null) {
        bytes.push(ROW_WITH_NULL_BITMAP);
        let bitmap = values.chunks(8).map(|eight| {
            let bits = eight.iter().enumerate();
            bits.fold(0_u8, |bits, (at, value)| {
                bits | u8::from(*value == ValueRef::Null) << at
            })
        });
        bytes.extend(bitmap);
    } else {
        bytes.push(ROW);
    }
    for ((_, kind), value) in columns.iter().zip(values) {
        if *value != ValueRef::Null
            && let Err(unfit) = self::value(bytes, *kind, *value)
        {
            bytes.truncate(start);
            return Err(unfit);
        }
    }
    Ok(())
}

/// RETURNVALUE of an output parameter.
pub(in crate::tds) fn return_value(
    ordinal: u16,
    name: &str,
    kind: Type,
    given: ValueRef<'_>,
) -> Result<Vec<u8>, Unfit> {
    let mut bytes = vec![RETURNVALUE];
    bytes.extend(ordinal.to_le_bytes());
    text8(&mut bytes, name);
    bytes.push(1);
    bytes.extend(0_u32.to_le_bytes());
    bytes.extend(NULLABLE.to_le_bytes());
    info(&mut bytes, kind);
    match given {
        ValueRef::Null => null(&mut bytes, kind),
        given => value(&mut bytes, kind, given)?,
    }
    Ok(bytes)
}

/// TYPE_INFO.
fn info(bytes: &mut Vec<u8>, kind: Type) {
    match kind {
        Type::Bit => bytes.extend([0x68, 1]),
        Type::Int(size) => bytes.extend([0x26, size]),
        Type::Float(size) => bytes.extend([0x6d, size]),
        Type::Decimal(precision, scale) => bytes.extend([0x6a, 17, precision, scale]),
        Type::Money(size) => bytes.extend([0x6e, size]),
        Type::Text(chars) => {
            bytes.push(0xe7);
            bytes.extend(chars.map_or(u16::MAX, |chars| chars * 2).to_le_bytes());
            bytes.extend(COLLATION);
        }
        Type::Binary(length) => {
            bytes.push(0xa5);
            bytes.extend(length.unwrap_or(u16::MAX).to_le_bytes());
        }
        Type::Date => bytes.push(0x28),
        Type::Time(scale) => bytes.extend([0x29, scale]),
        Type::DateTime(size) => bytes.extend([0x6f, size]),
        Type::DateTime2(scale) => bytes.extend([0x2a, scale]),
        Type::DateTimeOffset(scale) => bytes.extend([0x2b, scale]),
        Type::Guid => bytes.extend([0x24, 16]),
    }
}

fn null(bytes: &mut Vec<u8>, kind: Type) {
    match kind {
        Type::Text(None) | Type::Binary(None) => bytes.extend([0xff; 8]),
        Type::Text(_) | Type::Binary(_) => bytes.extend([0xff; 2]),
        _ => bytes.push(0),
    }
}

fn value(bytes: &mut Vec<u8>, kind: Type, value: ValueRef<'_>) -> Result<(), Unfit> {
    let unfit = Unfit(kind.name());
    match kind {
        Type::Bit => {
            let set = number(value).ok_or(unfit)? != 0;
            bytes.extend([1, u8::from(set)]);
        }
        Type::Int(size) => {
            let number = number(value).filter(|number| int_fits(*number, size));
            short(
                bytes,
                &number.ok_or(unfit)?.to_le_bytes()[..usize::from(size)],
            );
        }
        Type::Float(size) => {
            let number = real(value).ok_or(unfit)?;
            #[expect(
                clippy::cast_possible_truncation,
                reason = "`real` is single precision"
            )]
            match size {
                4 => short(bytes, &(number as f32).to_le_bytes()),
                _ => short(bytes, &number.to_le_bytes()),
            }
        }
        Type::Decimal(precision, scale) => {
            let (positive, digits) = scaled(value, scale).ok_or(unfit)?;
            if digits >= 10_u128.pow(u32::from(precision)) {
                return Err(unfit);
            }
            bytes.extend([17, u8::from(positive)]);
            bytes.extend(digits.to_le_bytes());
        }
        Type::Money(size) => {
            let (positive, digits) = scaled(value, 4).ok_or(unfit)?;
            let amount = i64::try_from(digits).map_err(|_| unfit)?;
            let amount = if positive { amount } else { -amount };
            money(bytes, amount, size).ok_or(unfit)?;
        }
        Type::Text(_) => return text(bytes, kind, value),
        Type::Binary(length) => match value {
            ValueRef::Blob(value) | ValueRef::Text(value) => long(bytes, length.is_none(), value),
            _ => return Err(unfit),
        },
        Type::Guid => short(bytes, &guid(value).ok_or(unfit)?),
        _ => moment(bytes, kind, Moment::parse(&plain_text(value))?).ok_or(unfit)?,
    }
    Ok(())
}

/// A value with its length in one byte.
fn short(bytes: &mut Vec<u8>, value: &[u8]) {
    bytes.push(u8::try_from(value.len()).unwrap_or(u8::MAX));
    bytes.extend_from_slice(value);
}

/// A value with its length in two bytes, or in one chunk of a `max` type.
fn long(bytes: &mut Vec<u8>, is_max: bool, value: &[u8]) {
    if is_max {
        let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
        bytes.extend(u64::from(length).to_le_bytes());
        if length != 0 {
            bytes.extend(length.to_le_bytes());
            bytes.extend_from_slice(value);
        }
        bytes.extend(0_u32.to_le_bytes());
    } else {
        bytes.extend(u16::try_from(value.len()).unwrap_or(u16::MAX).to_le_bytes());
        bytes.extend_from_slice(value);
    }
}

fn text(bytes: &mut Vec<u8>, kind: Type, value: ValueRef<'_>) -> Result<(), Unfit> {
    let text = plain_text(value);
    let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    match kind {
        Type::Text(Some(chars)) if units.len() > usize::from(chars) * 2 => {
            Err(Unfit("nvarchar: it would be truncated"))
        }
        Type::Text(chars) => {
            long(bytes, chars.is_none(), &units);
            Ok(())
        }
        _ => Err(Unfit(kind.name())),
    }
}

/// The text of any value.
pub(in crate::tds) fn plain_text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => String::new(),
        ValueRef::Integer(value) => value.to_string(),
        ValueRef::Real(value) => value.to_string(),
        ValueRef::Text(value) | ValueRef::Blob(value) => {
            String::from_utf8_lossy(value).into_owned()
        }
    }
}

fn number(value: ValueRef<'_>) -> Option<i64> {
    match value {
        ValueRef::Integer(value) => Some(value),
        #[expect(clippy::cast_possible_truncation, reason = "as T-SQL does")]
        ValueRef::Real(value) => Some(value.trunc() as i64),
        ValueRef::Text(value) => match str::from_utf8(value).ok()?.trim() {
            "true" => Some(1),
            "false" => Some(0),
            text => text.parse().ok(),
        },
        ValueRef::Null | ValueRef::Blob(_) => None,
    }
}

pub(in crate::tds) fn int_fits(number: i64, size: u8) -> bool {
    match size {
        1 => u8::try_from(number).is_ok(),
        2 => i16::try_from(number).is_ok(),
        4 => i32::try_from(number).is_ok(),
        _ => true,
    }
}

fn real(value: ValueRef<'_>) -> Option<f64> {
    plain_text(value).trim().parse().ok()
}

/// Sign (true: not negative) and digits at this scale, rounded half up.
fn scaled(value: ValueRef<'_>, scale: u8) -> Option<(bool, u128)> {
    let text = match value {
        ValueRef::Real(value) => format!("{value:.*}", usize::from(scale)),
        value => plain_text(value),
    };
    let text = text.trim();
    let positive = !text.starts_with('-');
    let (whole, fraction) = text
        .trim_start_matches(['-', '+'])
        .split_once('.')
        .unwrap_or((text.trim_start_matches(['-', '+']), ""));
    let scale = usize::from(scale);
    let kept: String = fraction
        .chars()
        .chain(std::iter::repeat('0'))
        .take(scale)
        .collect();
    let mut digits: u128 = format!("0{whole}{kept}").parse().ok()?;
    let is_number = fraction.bytes().all(|byte| byte.is_ascii_digit());
    if fraction
        .as_bytes()
        .get(scale)
        .is_some_and(|next| *next >= b'5')
    {
        digits += 1;
    }
    is_number.then_some((positive, digits))
}

fn money(bytes: &mut Vec<u8>, amount: i64, size: u8) -> Option<()> {
    if size == 4 {
        short(bytes, &i32::try_from(amount).ok()?.to_le_bytes());
        return Some(());
    }
    // The high half comes first.
    let [a, b, c, d, e, f, g, h] = amount.to_le_bytes();
    short(bytes, &[e, f, g, h, a, b, c, d]);
    Some(())
}

/// The first three groups are little-endian.
fn guid(value: ValueRef<'_>) -> Option<[u8; 16]> {
    let text = plain_text(value);
    let hex: String = text.chars().filter(|one| one.is_ascii_hexdigit()).collect();
    let [a, b, c, d, e, f, g, h, rest @ ..] = u128::from_str_radix(&hex, 16)
        .ok()
        .filter(|_| hex.len() == 32)?
        .to_be_bytes();
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&[d, c, b, a, f, e, h, g]);
    bytes[8..].copy_from_slice(&rest);
    Some(bytes)
}

fn moment(bytes: &mut Vec<u8>, kind: Type, moment: Moment) -> Option<()> {
    let day = |moment: Moment| -> Option<[u8; 3]> {
        let [a, b, c, 0] = u32::try_from(moment.day).ok()?.to_le_bytes() else {
            return None;
        };
        Some([a, b, c])
    };
    match kind {
        Type::Date => short(bytes, &day(moment)?),
        Type::Time(scale) => short(bytes, &time(moment, scale)),
        Type::DateTime2(scale) => short(
            bytes,
            &[time(moment, scale), day(moment)?.to_vec()].concat(),
        ),
        Type::DateTimeOffset(scale) => {
            let utc = moment.shifted(-i64::from(moment.offset));
            let offset = moment.offset.to_le_bytes().to_vec();
            short(
                bytes,
                &[time(utc, scale), day(utc)?.to_vec(), offset].concat(),
            );
        }
        Type::DateTime(4) => {
            let days = u16::try_from(moment.day - DAYS_TO_1900).ok()?;
            let minutes = u16::try_from(moment.ticks / 600_000_000).ok()?;
            short(bytes, &[days.to_le_bytes(), minutes.to_le_bytes()].concat());
        }
        _ => {
            let days = i32::try_from(moment.day - DAYS_TO_1900).ok()?;
            let thirds = u32::try_from((moment.ticks * 3 + 50_000) / 100_000).ok()?;
            short(bytes, &[days.to_le_bytes(), thirds.to_le_bytes()].concat());
        }
    }
    Some(())
}

/// Time of day at a scale: 3, 4 or 5 bytes.
fn time(moment: Moment, scale: u8) -> Vec<u8> {
    let units = moment.ticks / 10_u64.pow(7 - u32::from(scale.min(7)));
    let size = match scale {
        0..=2 => 3,
        3..=4 => 4,
        _ => 5,
    };
    units.to_le_bytes()[..size].to_vec()
}

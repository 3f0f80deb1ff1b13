//! Dates and times.

use std::time::{SystemTime, UNIX_EPOCH};

use super::{Functions, Registered, text_argument};
use crate::postgres::error::SqlError;
use crate::postgres::value::time::Moment;

pub(super) fn register(functions: &Functions<'_>) -> Registered {
    let names = [
        "now",
        "clock_timestamp",
        "statement_timestamp",
        "transaction_timestamp",
        "localtimestamp",
    ];
    for name in names {
        functions.add(name, 0, |_| Ok(now().timestamp()))?;
    }
    functions.pure("to_timestamp", 1, |context| {
        let Some(text) = text_argument(context, 0)? else {
            return Ok(None);
        };
        let seconds: f64 = text
            .parse()
            .map_err(|_| SqlError::invalid_input("double precision", &text))?;
        Ok(Some(
            Moment::from_unix((seconds * 1e6).round() as i64).timestamp(),
        ))
    })?;
    functions.pure("date_trunc", 2, |context| {
        let (field, value) = (text_argument(context, 0)?, text_argument(context, 1)?);
        let (Some(field), Some(value)) = (field, value) else {
            return Ok(None);
        };
        trunc(&field, moment(&value)?).map(|moment| Some(moment.timestamp()))
    })?;
    functions.pure("date_part", 2, |context| {
        let (field, value) = (text_argument(context, 0)?, text_argument(context, 1)?);
        let (Some(field), Some(value)) = (field, value) else {
            return Ok(None);
        };
        part(&field, moment(&value)?).map(Some)
    })
}

fn now() -> Moment {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Moment::from_unix(i64::try_from(since.as_micros()).unwrap_or(0))
}

fn moment(text: &str) -> Result<Moment, SqlError> {
    Moment::parse(text).ok_or_else(|| SqlError::invalid_input("timestamp", text))
}

fn unknown(field: &str) -> SqlError {
    SqlError::new(
        "22023",
        format!("unit \"{field}\" not recognized for type timestamp"),
    )
}

/// Days since the Monday of the week.
fn weekday(moment: Moment) -> i64 {
    // 2000-01-01 was a Saturday.
    (moment.days + 5).rem_euclid(7)
}

fn trunc(field: &str, moment: Moment) -> Result<Moment, SqlError> {
    let (year, month, _) = moment.civil();
    let to = |unit: i64| Moment {
        time: moment.time - moment.time % unit,
        ..moment
    };
    let truncated = match field.to_ascii_lowercase().as_str() {
        "year" => Moment::midnight(year, 1, 1),
        "quarter" => Moment::midnight(year, (month - 1) / 3 * 3 + 1, 1),
        "month" => Moment::midnight(year, month, 1),
        "week" => Moment {
            days: moment.days - weekday(moment),
            time: 0,
        },
        "day" => Moment { time: 0, ..moment },
        "hour" => to(3_600_000_000),
        "minute" => to(60_000_000),
        "second" => to(1_000_000),
        "milliseconds" => to(1000),
        _ => return Err(unknown(field)),
    };
    Ok(truncated)
}

fn part(field: &str, moment: Moment) -> Result<f64, SqlError> {
    let (year, month, day) = moment.civil();
    let seconds = moment.time / 1_000_000;
    let value = match field.to_ascii_lowercase().as_str() {
        "year" => year as f64,
        "quarter" => ((month - 1) / 3 + 1) as f64,
        "month" => month as f64,
        "day" => day as f64,
        "hour" => (seconds / 3600) as f64,
        "minute" => (seconds / 60 % 60) as f64,
        "second" => (moment.time % 60_000_000) as f64 / 1e6,
        "epoch" => moment.unix_micros() as f64 / 1e6,
        "dow" => ((weekday(moment) + 1) % 7) as f64,
        "isodow" => (weekday(moment) + 1) as f64,
        "doy" => (moment.days - Moment::midnight(year, 1, 1).days + 1) as f64,
        _ => return Err(unknown(field)),
    };
    Ok(value)
}

//! Strings, patterns and numbers.

use regex_lite::{Regex, RegexBuilder};
use rusqlite::functions::Context;

use super::{ANY, Functions, Registered, bounded, integer_argument, text_argument};
use crate::postgres::error::SqlError;
use crate::random;

pub(super) fn register(functions: &Functions<'_>) -> Registered {
    register_patterns(functions)?;
    register_parts(functions)?;
    register_shapes(functions)?;
    register_numbers(functions)?;
    functions.add("gen_random_uuid", 0, |_| Ok(random::uuid()))
}

/// Upper and lower case letters are the same.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Case {
    Sensitive,
    Insensitive,
}

/// The operators `~`, `~*` and `ILIKE`, by the names of the functions that SQLite's operators
/// `REGEXP`, `GLOB` and `MATCH` call with pattern and text.
fn register_patterns(functions: &Functions<'_>) -> Registered {
    functions.pure("regexp", 2, |context| {
        matches(context, Case::Sensitive, str::to_owned)
    })?;
    functions.pure("glob", 2, |context| {
        matches(context, Case::Insensitive, str::to_owned)
    })?;
    functions.pure("match", 2, |context| {
        matches(context, Case::Insensitive, like)
    })?;
    functions.pure("regexp_replace", ANY, |context| {
        let (text, pattern) = (text_argument(context, 0)?, text_argument(context, 1)?);
        let (Some(text), Some(pattern)) = (text, pattern) else {
            return Ok(None);
        };
        let replacement = text_argument(context, 2)?.unwrap_or_default();
        let flags = text_argument(context, 3)?.unwrap_or_default();
        let case = if flags.contains('i') {
            Case::Insensitive
        } else {
            Case::Sensitive
        };
        let regex = compiled(&pattern, case)?;
        let replacement = replacement.replace('$', "$$").replace('\\', "$");
        let count = usize::from(!flags.contains('g'));
        Ok(Some(
            regex
                .replacen(&text, count, replacement.as_str())
                .into_owned(),
        ))
    })
}

fn matches(
    context: &Context<'_>,
    case: Case,
    pattern: fn(&str) -> String,
) -> Result<Option<bool>, SqlError> {
    let (Some(wanted), Some(text)) = (text_argument(context, 0)?, text_argument(context, 1)?)
    else {
        return Ok(None);
    };
    let regex = match context.get_aux::<Regex>(0) {
        Ok(Some(regex)) => regex,
        _ => {
            let regex = compiled(&pattern(&wanted), case)?;
            context
                .set_aux(0, regex)
                .map_err(|error| SqlError::new("XX000", error.to_string()))?
        }
    };
    Ok(Some(regex.is_match(&text)))
}

fn compiled(pattern: &str, case: Case) -> Result<Regex, SqlError> {
    RegexBuilder::new(pattern)
        .case_insensitive(case == Case::Insensitive)
        .build()
        .map_err(|error| SqlError::new("2201B", format!("invalid regular expression: {error}")))
}

/// A `LIKE` pattern as a regular expression.
fn like(pattern: &str) -> String {
    let mut regex = "(?s)^".to_owned();
    let mut rest = pattern.chars();
    while let Some(char) = rest.next() {
        match char {
            '%' => regex.push_str(".*"),
            '_' => regex.push('.'),
            '\\' => regex.push_str(&regex_lite::escape(
                &rest.next().unwrap_or('\\').to_string(),
            )),
            other => regex.push_str(&regex_lite::escape(&other.to_string())),
        }
    }
    regex.push('$');
    regex
}

fn register_parts(functions: &Functions<'_>) -> Registered {
    type Part = fn(&str, i64) -> String;
    let parts: [(&str, Part); 2] = [("left", left), ("right", right)];
    for (name, part) in parts {
        functions.pure(name, 2, move |context| {
            let (text, count) = (text_argument(context, 0)?, integer_argument(context, 1)?);
            Ok(text.zip(count).map(|(text, count)| part(&text, count)))
        })?;
    }
    functions.pure("repeat", 2, |context| {
        let (text, count) = (text_argument(context, 0)?, integer_argument(context, 1)?);
        let Some((text, count)) = text.zip(count) else {
            return Ok(None);
        };
        let bytes = i64::try_from(text.len()).unwrap_or(i64::MAX);
        bounded(count.max(0).saturating_mul(bytes))?;
        Ok(Some(text.repeat(bounded(count)?)))
    })?;
    for name in ["lpad", "rpad"] {
        functions.pure(name, ANY, move |context| {
            let (text, length) = (text_argument(context, 0)?, integer_argument(context, 1)?);
            let fill = text_argument(context, 2)?.unwrap_or_else(|| " ".to_owned());
            let Some((text, length)) = text.zip(length) else {
                return Ok(None);
            };
            let length = bounded(length)?;
            let missing = length.saturating_sub(text.chars().count());
            let padding: String = fill.chars().cycle().take(missing).collect();
            let kept: String = text.chars().take(length).collect();
            Ok(Some(if name == "lpad" {
                padding + &kept
            } else {
                kept + &padding
            }))
        })?;
    }
    Ok(())
}

fn register_shapes(functions: &Functions<'_>) -> Registered {
    functions.pure("reverse", 1, |context| {
        let text = text_argument(context, 0)?;
        Ok(text.map(|text| text.chars().rev().collect::<String>()))
    })?;
    functions.pure("initcap", 1, |context| {
        Ok(text_argument(context, 0)?.map(|t| initcap(&t)))
    })?;
    functions.pure("split_part", 3, |context| {
        let (text, separator) = (text_argument(context, 0)?, text_argument(context, 1)?);
        let at = integer_argument(context, 2)?.and_then(|at| usize::try_from(at - 1).ok());
        let (Some(text), Some(separator), Some(at)) = (text, separator, at) else {
            return Ok(None);
        };
        Ok(Some(
            text.split(separator.as_str())
                .nth(at)
                .unwrap_or_default()
                .to_owned(),
        ))
    })?;
    functions.pure("strpos", 2, |context| {
        let (text, part) = (text_argument(context, 0)?, text_argument(context, 1)?);
        Ok(text.zip(part).map(|(text, part)| {
            let found = text.find(&part).and_then(|at| text.get(..at));
            found.map_or(0, |before| before.chars().count() + 1)
        }))
    })?;
    functions.pure("starts_with", 2, |context| {
        let (text, part) = (text_argument(context, 0)?, text_argument(context, 1)?);
        Ok(text.zip(part).map(|(text, part)| text.starts_with(&part)))
    })?;
    for name in ["char_length", "character_length"] {
        functions.pure(name, 1, |context| {
            Ok(text_argument(context, 0)?.map(|text| text.chars().count()))
        })?;
    }
    Ok(())
}

/// The first `count` characters; all but the last ones when it is negative.
fn left(text: &str, count: i64) -> String {
    let length = text.chars().count();
    let kept = match usize::try_from(count) {
        Ok(count) => count,
        Err(_) => length.saturating_sub(usize::try_from(-count).unwrap_or(length)),
    };
    text.chars().take(kept).collect()
}

/// The last `count` characters; all but the first ones when it is negative.
fn right(text: &str, count: i64) -> String {
    let length = text.chars().count();
    let skipped = match usize::try_from(count) {
        Ok(count) => length.saturating_sub(count),
        Err(_) => usize::try_from(-count).unwrap_or(length),
    };
    text.chars().skip(skipped).collect()
}

fn initcap(text: &str) -> String {
    let mut inside = false;
    let mut shown = String::with_capacity(text.len());
    for char in text.chars() {
        if inside {
            shown.extend(char.to_lowercase());
        } else {
            shown.extend(char.to_uppercase());
        }
        inside = char.is_alphanumeric();
    }
    shown
}

fn register_numbers(functions: &Functions<'_>) -> Registered {
    functions.add("random", 0, |_| {
        let bytes = random::bytes(4);
        let number = bytes
            .iter()
            .fold(0_u32, |all, byte| all << 8 | u32::from(*byte));
        Ok(f64::from(number) / (f64::from(u32::MAX) + 1.0))
    })?;
    type Number = fn(f64) -> f64;
    let numbers: [(&str, Number); 7] = [
        ("ceil", f64::ceil),
        ("ceiling", f64::ceil),
        ("floor", f64::floor),
        ("trunc", f64::trunc),
        ("sqrt", f64::sqrt),
        ("exp", f64::exp),
        ("ln", f64::ln),
    ];
    for (name, function) in numbers {
        functions.pure(
            name,
            1,
            move |context| Ok(number(context, 0)?.map(function)),
        )?;
    }
    for name in ["power", "pow"] {
        functions.pure(name, 2, |context| {
            Ok(number(context, 0)?
                .zip(number(context, 1)?)
                .map(|(base, to)| base.powf(to)))
        })?;
    }
    functions.pure("mod", 2, |context| {
        let (dividend, divisor) = (integer_argument(context, 0)?, integer_argument(context, 1)?);
        match dividend.zip(divisor) {
            Some((_, 0)) => Err(SqlError::new("22012", "division by zero")),
            Some((dividend, divisor)) => Ok(Some(dividend.wrapping_rem(divisor))),
            None => Ok(None),
        }
    })?;
    functions.constant(&["pi"], std::f64::consts::PI)
}

fn number(context: &Context<'_>, at: usize) -> Result<Option<f64>, SqlError> {
    let Some(text) = text_argument(context, at)? else {
        return Ok(None);
    };
    let number = text.trim().parse();
    number
        .map(Some)
        .map_err(|_| SqlError::invalid_input("double precision", &text))
}

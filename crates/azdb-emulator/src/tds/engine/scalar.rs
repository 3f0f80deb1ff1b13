//! Expressions of no table: literals, variables, what the server knows of itself, and what `cast`,
//! `convert`, `replicate`, `len` and `datalength` make of them.

use super::super::token::Refusal;
use super::super::value::{Datum, SqlColumn, SqlType};
use super::batch::{bare, string};
use super::{Engine, unknown};

/// A value and its type.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scalar {
    pub(super) kind: SqlType,
    pub(super) value: Datum,
    /// It was computed, and is of a type without a longest value.
    pub(super) open_ended: bool,
    required: bool,
}

impl Scalar {
    pub(super) fn of(kind: SqlType, value: Datum) -> Self {
        Self {
            kind,
            value,
            open_ended: false,
            required: false,
        }
    }

    fn literal(kind: SqlType, value: Datum) -> Self {
        Self {
            required: true,
            ..Self::of(kind, value)
        }
    }

    /// As another type.
    pub(super) fn cast(&self, kind: SqlType) -> Result<Datum, Refusal> {
        let value = self.value.cast(self.kind, kind);
        value.ok_or_else(|| {
            let (from, to) = (self.kind.name(), kind.name());
            unknown(&format!("how to cast this {from} to {to}"))
        })
    }

    /// As the column of a result.
    pub(super) fn column(&self, name: &str) -> SqlColumn {
        SqlColumn {
            required: self.required,
            open_ended: self.open_ended,
            ..SqlColumn::computed(name, self.kind)
        }
    }
}

/// The parts of a list between its commas, but for those in parentheses.
pub(super) fn list<'a, 'b>(words: &'a [&'b str]) -> Vec<&'a [&'b str]> {
    let mut depth = 0_usize;
    let is_mark = |word: &&str| {
        match *word {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && *word == ","
    };
    words.split(is_mark).collect()
}

/// Where a word stands that is in no parentheses, from the end.
fn last(words: &[&str], wanted: &str) -> Option<usize> {
    let mut depth = 0_usize;
    words.iter().rposition(|word| {
        match *word {
            ")" => depth += 1,
            "(" => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && *word == wanted
    })
}

impl Engine {
    /// The items of a `select` without a table, with their names; `None` where the sample must be
    /// asked.
    pub(super) fn scalars(&self, items: &[&str]) -> Result<Option<Vec<(String, Scalar)>>, Refusal> {
        let mut scalars = Vec::new();
        for item in list(items) {
            let (item, name) = match item {
                [item @ .., "as", name] => (item, bare(name)),
                item => (item, String::new()),
            };
            match self.scalar(item)? {
                Some(scalar) => scalars.push((name, scalar)),
                None => return Ok(None),
            }
        }
        Ok(Some(scalars))
    }

    /// The value of an expression, if it is one of these.
    pub(super) fn scalar(&self, words: &[&str]) -> Result<Option<Scalar>, Refusal> {
        Ok(match words {
            ["cast", "(", inner @ .., ")"] => {
                let Some((expression, kind)) = split_at(inner, last(inner, "as")) else {
                    return Ok(None);
                };
                self.casted(expression, kind)?
            }
            ["convert", "(", inner @ .., ")"] => match list(inner).as_slice() {
                [kind, expression] => self.casted(expression, kind)?,
                _ => None,
            },
            ["replicate", "(", inner @ .., ")"] => match list(inner).as_slice() {
                [text, times] => self.replicated(text, times)?,
                _ => None,
            },
            ["len", "(", inner @ .., ")"] => self.scalar(inner)?.and_then(|scalar| length(&scalar)),
            ["datalength", "(", inner @ .., ")"] => {
                self.scalar(inner)?.and_then(|scalar| bytes(&scalar))
            }
            [name] if name.starts_with('@') && !name.starts_with("@@") => {
                let found = self.variable(name);
                found.map(|found| Scalar::of(found.kind, found.value.clone()))
            }
            words => literal(words).or_else(|| self.global(words)),
        })
    }

    fn casted(&self, expression: &[&str], kind: &[&str]) -> Result<Option<Scalar>, Refusal> {
        let Some(kind) = SqlType::read(kind) else {
            return Err(unknown(&format!("the type {}", kind.concat())));
        };
        let Some(scalar) = self.scalar(expression)? else {
            return Ok(None);
        };
        Ok(Some(Scalar::of(kind, scalar.cast(kind)?)))
    }

    fn replicated(&self, text: &[&str], times: &[&str]) -> Result<Option<Scalar>, Refusal> {
        let (Some(text), Some(times)) = (self.scalar(text)?, self.scalar(times)?) else {
            return Ok(None);
        };
        let (Datum::Text(once), Datum::Int(times)) = (&text.value, &times.value) else {
            return Ok(None);
        };
        let times = usize::try_from(*times).unwrap_or(0);
        if once.len().saturating_mul(times) > LONGEST {
            return Err(unknown("a text of more than 128 MiB"));
        }
        let (repeated, is_max) = (Datum::Text(once.repeat(times)), text.kind.is_chunked());
        let kind = match text.kind {
            kind if is_max => kind,
            SqlType::Char(_) | SqlType::VarChar(_) => SqlType::VarChar(Some(8000)),
            _ => SqlType::NVarChar(Some(4000)),
        };
        // Without a `max` type it is cut where `varchar` ends.
        let value = Scalar::of(text.kind, repeated).cast(kind)?;
        Ok(Some(Scalar {
            open_ended: is_max,
            ..Scalar::of(kind, value)
        }))
    }
}

/// The longest text that is made here.
const LONGEST: usize = 128 * 1024 * 1024;

/// Both sides of a word.
fn split_at<'a, 'b>(
    words: &'a [&'b str],
    at: Option<usize>,
) -> Option<(&'a [&'b str], &'a [&'b str])> {
    let (before, rest) = words.split_at_checked(at?)?;
    Some((before, rest.get(1..)?))
}

fn literal(words: &[&str]) -> Option<Scalar> {
    let (is_negative, word) = match words {
        ["-", word] => (true, *word),
        ["+", word] | [word] => (false, *word),
        _ => return None,
    };
    if word == "null" && words.len() == 1 {
        return Some(Scalar::of(SqlType::Int, Datum::Null));
    }
    if let (Some(text), 1) = (string(word), words.len()) {
        let length = u16::try_from(text.encode_utf16().count().max(1)).ok();
        let kind = SqlType::NVarChar(length.filter(|length| *length <= 4000));
        return Some(Scalar::literal(kind, Datum::text(text)));
    }
    if let (Some(digits), 1) = (word.strip_prefix("X'"), words.len()) {
        let bytes = hexadecimal(digits.strip_suffix('\'')?)?;
        let length = u16::try_from(bytes.len().max(1)).ok();
        let kind = SqlType::VarBinary(length.filter(|length| *length <= 8000));
        return Some(Scalar::literal(kind, Datum::Bytes(bytes)));
    }
    if !word.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return None;
    }
    let sign = if is_negative { "-" } else { "" };
    let value = Datum::number(&format!("{sign}{word}"))?;
    let digits = u8::try_from(word.trim_start_matches(['0', '.']).len()).ok()?;
    let kind = match &value {
        Datum::Int(number) if i32::try_from(*number).is_ok() => SqlType::Int,
        Datum::Int(_) => SqlType::Decimal(digits.max(1), 0),
        Datum::Decimal { scale, .. } => SqlType::Decimal(digits.max(*scale).clamp(1, 38), *scale),
        _ => SqlType::Float,
    };
    Some(Scalar::literal(kind, value))
}

/// Bytes of hexadecimal digits.
pub(super) fn hexadecimal(digits: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
    rest.is_empty().then(|| pairs.iter().map(byte).collect())?
}

/// `len`: characters, without spaces at the end.
fn length(scalar: &Scalar) -> Option<Scalar> {
    let kind = if scalar.kind.is_chunked() {
        SqlType::BigInt
    } else {
        SqlType::Int
    };
    let value = match &scalar.value {
        Datum::Null => Datum::Null,
        Datum::Text(text) => {
            let length = text.trim_end_matches(' ').encode_utf16().count();
            Datum::Int(i64::try_from(length).unwrap_or(i64::MAX))
        }
        _ => return None,
    };
    Some(Scalar::of(kind, value))
}

/// `datalength`: bytes.
fn bytes(scalar: &Scalar) -> Option<Scalar> {
    let value = match &scalar.value {
        Datum::Null => Datum::Null,
        value => Datum::Int(i64::try_from(value.bytes_of(scalar.kind)?).ok()?),
    };
    Some(Scalar {
        kind: length(&Scalar::of(scalar.kind, Datum::Null))?.kind,
        ..Scalar::of(SqlType::Int, value)
    })
}

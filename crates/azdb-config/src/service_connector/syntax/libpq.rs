//! `key=value key='a value'`: libpq, and what takes its words.

use super::Field;

/// Takes libpq's keywords apart; a backslash stands before a quote or a backslash.
pub(super) fn parse(text: &str) -> Result<Vec<Field>, String> {
    let mut fields = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let Some((name, after)) = rest.split_once('=') else {
            return Err("is no connection string: it has a word without =".to_owned());
        };
        let name = name.trim_end();
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err("is no connection string: it has a word without =".to_owned());
        }
        let (value, after) = value(after.trim_start())?;
        fields.push(Field::key(name, value));
        rest = after.trim_start();
    }
    Ok(fields)
}

fn value(text: &str) -> Result<(String, &str), String> {
    let quoted = text.strip_prefix('\'');
    let body = quoted.unwrap_or(text);
    let mut value = String::new();
    let mut letters = body.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => value.extend(letters.next().map(|(_, letter)| letter)),
            '\'' if quoted.is_some() => {
                return Ok((value, body.get(at + 1..).unwrap_or_default()));
            }
            letter if quoted.is_none() && letter.is_whitespace() => {
                return Ok((value, body.get(at..).unwrap_or_default()));
            }
            letter => value.push(letter),
        }
    }
    match quoted {
        Some(_) => Err("has a quote that does not end".to_owned()),
        None => Ok((value, "")),
    }
}

pub(super) fn written(fields: &[Field]) -> String {
    let pairs = fields.iter().map(|field| {
        let value = field.value.replace('\\', "\\\\").replace('\'', "\\'");
        let is_plain = !value.is_empty() && !value.contains(char::is_whitespace);
        match is_plain {
            true => format!("{}={value}", field.name),
            false => format!("{}='{value}'", field.name),
        }
    });
    pairs.collect::<Vec<_>>().join(" ")
}

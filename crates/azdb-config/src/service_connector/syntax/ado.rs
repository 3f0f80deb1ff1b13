//! `key=value;key=value`: ADO.NET, ODBC, go-mssqldb, and the properties of `jdbc:sqlserver:`.

use super::Field;

/// Takes `key=value;` apart, quotes of ADO.NET (`"…"`, `'…'`, doubled inside) and braces of ODBC included.
pub(super) fn parse(text: &str) -> Result<Vec<Field>, String> {
    let mut fields = Vec::new();
    let mut rest = text.trim_start_matches([';', ' ']);
    while !rest.is_empty() {
        let Some((name, after)) = rest.split_once('=') else {
            return Err("has a part that is not key=value".to_owned());
        };
        let name = name.trim();
        if name.is_empty() || name.contains(';') {
            return Err("has a part that is not key=value".to_owned());
        }
        let (value, after) = value(after.trim_start())?;
        fields.push(Field::key(name, value));
        rest = after.trim_start_matches([';', ' ']);
    }
    Ok(fields)
}

/// A value, and what comes after it.
fn value(text: &str) -> Result<(String, &str), String> {
    let close = match text.chars().next() {
        Some(quote @ ('"' | '\'')) => quote,
        Some('{') => '}',
        _ => {
            let end = text.find(';').unwrap_or(text.len());
            let (value, after) = text.split_at(end);
            return Ok((value.trim_end().to_owned(), after));
        }
    };
    let mut value = String::new();
    let mut letters = text.char_indices().skip(1).peekable();
    while let Some((at, letter)) = letters.next() {
        if letter != close {
            value.push(letter);
        } else if letters.next_if(|(_, next)| *next == close).is_some() {
            value.push(close);
        } else {
            let after = text.get(at + close.len_utf8()..).unwrap_or_default();
            let after = after.trim_start();
            if after.is_empty() || after.starts_with(';') {
                return Ok((value, after));
            }
            return Err("has something between a quoted value and the next semicolon".to_owned());
        }
    }
    Err("has a quote that does not end".to_owned())
}

pub(super) fn written(fields: &[Field]) -> String {
    let pairs = fields.iter().map(|field| {
        let value = field.value.as_str();
        let is_plain =
            value.trim() == value && !value.contains(';') && !value.starts_with(['"', '\'', '{']);
        let (open, close) = match value {
            // ODBC's alone, which is always written so.
            _ if field.name.eq_ignore_ascii_case("driver") => ('{', '}'),
            _ if is_plain => return format!("{}={value};", field.name),
            _ => ('"', '"'),
        };
        let doubled = value.replace(close, &format!("{close}{close}"));
        format!("{}={open}{doubled}{close};", field.name)
    });
    pairs.collect()
}

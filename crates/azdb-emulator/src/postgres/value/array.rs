//! Arrays of one dimension, in text and in the binary format.

use super::{Form, decode_text, encode_binary};
use crate::postgres::error::SqlError;
use crate::postgres::types::ColumnType;

/// Writes `{a,NULL,"b c"}`.
pub(in crate::postgres) fn format(elements: &[Option<String>]) -> String {
    let elements: Vec<String> = elements.iter().map(|e| element(e.as_deref())).collect();
    format!("{{{}}}", elements.join(","))
}

fn element(value: Option<&str>) -> String {
    let Some(value) = value else {
        return "NULL".to_owned();
    };
    let special = |char: char| char.is_whitespace() || "{},\"\\".contains(char);
    if value.is_empty() || value.contains(special) || value.eq_ignore_ascii_case("null") {
        let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
        return format!("\"{escaped}\"");
    }
    value.to_owned()
}

/// Reads `{a,NULL,"b c"}`; `None` for anything else.
pub(in crate::postgres) fn parse(text: &str) -> Option<Vec<Option<String>>> {
    let inside = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    let mut elements = Vec::new();
    let mut rest = inside.chars();
    let (mut value, mut quoted, mut in_quotes) = (String::new(), false, false);
    let mut finish = |value: &mut String, quoted: &mut bool| {
        let text = std::mem::take(value);
        let is_null = !*quoted && text.eq_ignore_ascii_case("null");
        elements.push((!is_null).then_some(text));
        *quoted = false;
    };
    while let Some(char) = rest.next() {
        match char {
            '\\' => value.push(rest.next()?),
            '"' => (in_quotes, quoted) = (!in_quotes, true),
            ',' if !in_quotes => finish(&mut value, &mut quoted),
            '{' | '}' if !in_quotes => return None,
            char if char.is_whitespace() && !in_quotes => {}
            char => value.push(char),
        }
    }
    if !inside.trim().is_empty() {
        finish(&mut value, &mut quoted);
    }
    Some(elements)
}

/// The binary form of an array in text.
pub(super) fn encode(text: &str, element: ColumnType) -> Result<Vec<u8>, SqlError> {
    let elements = parse(text).ok_or_else(|| SqlError::invalid_input("array", text))?;
    let word = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes();
    let dimensions = usize::from(!elements.is_empty());
    let has_null = elements.iter().any(Option::is_none);
    let mut bytes = Vec::new();
    bytes.extend(word(dimensions));
    bytes.extend(word(usize::from(has_null)));
    bytes.extend(element.oid.to_be_bytes());
    if dimensions == 1 {
        bytes.extend(word(elements.len()));
        bytes.extend(word(1));
    }
    for value in elements {
        match value {
            None => bytes.extend((-1_i32).to_be_bytes()),
            Some(value) => {
                let value = encode_binary(&value, element)?;
                bytes.extend(word(value.len()));
                bytes.extend(value);
            }
        }
    }
    Ok(bytes)
}

/// The text of an array in the binary form; `None` when the bytes are none, or have dimensions.
pub(super) fn decode(bytes: &[u8]) -> Option<String> {
    let mut rest = bytes;
    let mut word = || {
        let (first, after) = rest.split_first_chunk::<4>()?;
        rest = after;
        Some(i32::from_be_bytes(*first))
    };
    let (dimensions, _, element) = (word()?, word()?, word()?);
    if dimensions == 0 {
        return Some("{}".to_owned());
    }
    if dimensions != 1 {
        return None;
    }
    let (count, _) = (word()?, word()?);
    let element = ColumnType::of(element.cast_unsigned());
    let mut elements = Vec::new();
    for _ in 0..count {
        let (length, after) = rest.split_first_chunk::<4>()?;
        rest = after;
        let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
            elements.push(None);
            continue;
        };
        let (value, after) = rest.split_at_checked(length)?;
        rest = after;
        elements.push(Some(decode_text(value, element, Form::Binary).ok()?));
    }
    Some(format(&elements))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;
    use crate::postgres::types::{INT4, TEXT};

    #[test]
    fn arrays_go_both_ways() {
        for text in ["{}", "{1,2,3}", "{NULL,1}"] {
            assert_eq!(decode(&encode(text, INT4).unwrap()).unwrap(), text);
        }
        for text in ["{a,\"b c\",\"\",\"NULL\",NULL}", "{\"a\\\"b\\\\\"}"] {
            assert_eq!(format(&parse(text).unwrap()), text);
            assert_eq!(decode(&encode(text, TEXT).unwrap()).unwrap(), text);
        }
        assert_eq!(parse("{{1},{2}}"), None);
        assert_eq!(parse("1,2"), None);
    }
}

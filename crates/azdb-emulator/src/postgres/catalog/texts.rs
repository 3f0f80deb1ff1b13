//! SQL as PostgreSQL would show it.

use crate::postgres::sql::lexer::{Kind, tokens};
use crate::postgres::types::{BPCHAR, ColumnType, TEXT, VARCHAR};

/// An identifier, quoted if it has to be.
pub(in crate::postgres) fn quoted(name: &str) -> String {
    let plain = name
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    if plain && begins {
        return name.to_owned();
    }
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A list of identifiers.
pub(super) fn quoted_list(names: &[String]) -> String {
    names
        .iter()
        .map(|name| quoted(name))
        .collect::<Vec<_>>()
        .join(", ")
}

/// A column's default, with the type that PostgreSQL adds to strings.
pub(super) fn default(text: &str, ty: ColumnType) -> Option<String> {
    let text = text.trim();
    let found = tokens(text);
    match found.as_slice() {
        [word] if word.is("null") => None,
        [word] if word.kind == Kind::Word => match word.text.to_ascii_lowercase().as_str() {
            special @ ("current_timestamp" | "current_date" | "current_time") => {
                Some(special.to_ascii_uppercase())
            }
            other => Some(other.to_owned()),
        },
        [string] if string.kind == Kind::Text => {
            let shown = match ty.unmodified() {
                VARCHAR => "character varying",
                BPCHAR => "bpchar",
                TEXT => "text",
                other => return Some(format!("{text}::{}", other.title())),
            };
            Some(format!("{text}::{shown}"))
        }
        _ => Some(text.to_owned()),
    }
}

/// Text with every stretch of white space as one space.
pub(super) fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

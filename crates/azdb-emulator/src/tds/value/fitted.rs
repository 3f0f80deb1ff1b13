//! Texts and bytes as long as their types have them.

use super::code_page::narrowed;
use super::sql_type::SqlType;

/// A text as one of a type.
pub(super) fn text_of(text: &str, to: SqlType) -> Option<String> {
    let text = match to {
        SqlType::Char(_) | SqlType::VarChar(_) | SqlType::Text => narrowed(text),
        _ => text.to_owned(),
    };
    let (most, fills) = match to {
        SqlType::Char(length) | SqlType::NChar(length) => (length, true),
        SqlType::VarChar(Some(length)) | SqlType::NVarChar(Some(length)) => (length, false),
        // Without what a server takes out of it, so that it stays as it is.
        SqlType::Xml => return is_plain_xml(&text).then_some(text),
        _ => return Some(text),
    };
    Some(held(&text, most.into(), fills))
}

/// The front of a text, as much as has room; with spaces where there is more of that.
pub(super) fn held(text: &str, most: usize, fills: bool) -> String {
    let (mut room, mut held) = (most, String::new());
    for letter in text.chars() {
        match room.checked_sub(letter.len_utf16()) {
            Some(left) => room = left,
            None => break,
        }
        held.push(letter);
    }
    if fills {
        held.extend(std::iter::repeat_n(' ', room));
    }
    held
}

/// Whether a server would give this XML back as it is: no declarations, and no spaces between tags.
fn is_plain_xml(text: &str) -> bool {
    let has_space = text.split('>').skip(1).any(|rest| {
        rest.starts_with([' ', '\n', '\t', '\r']) && rest.trim_start().starts_with('<')
    });
    !text.contains("<?")
        && !text.contains("<!")
        && !has_space
        && !text.starts_with(char::is_whitespace)
}

/// Bytes as those of a type: cut to its length, or filled up to it.
pub(super) fn filled(bytes: &[u8], to: SqlType) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    match to {
        SqlType::Binary(length) => bytes.resize(length.into(), 0),
        SqlType::VarBinary(Some(length)) => bytes.truncate(length.into()),
        _ => {}
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_and_filled_up() {
        for (text, kind, expected) in [
            ("naïve", SqlType::Char(7), "naïve  "),
            ("naïve", SqlType::NVarChar(Some(3)), "naï"),
            ("Łódź", SqlType::VarChar(Some(9)), "?ód?"),
            // Half of a letter is none.
            ("a😀", SqlType::NVarChar(Some(2)), "a"),
            ("a😀", SqlType::NChar(2), "a "),
        ] {
            assert_eq!(text_of(text, kind).as_deref(), Some(expected), "{kind:?}");
        }
        assert_eq!(filled(&[1], SqlType::Binary(3)), [1, 0, 0]);
    }

    #[test]
    fn xml_is_what_a_server_would_not_change() {
        for (text, is_known) in [
            ("<a>b <c/></a>", true),
            ("", true),
            ("<?xml version=\"1.0\"?><a/>", false),
            ("<a>\n <b/></a>", false),
            ("<!-- --><a/>", false),
        ] {
            assert_eq!(text_of(text, SqlType::Xml).is_some(), is_known, "{text}");
        }
    }
}

//! Text as people and programs write it: with a byte order mark, in colours, with words around the one that counts.
//!
//! Editors put a mark in front of a file, Windows PowerShell writes UTF-16, and a tool that takes us for a terminal wraps
//! its output in escape sequences. None of that is part of a secret.

use zeroize::Zeroizing;

/// U+FEFF in front of a text says how it is encoded, and nothing else.
const MARK: char = '\u{feff}';
const ESCAPE: char = '\u{1b}';

/// Why bytes are no text that we read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotText {
    /// It begins with the mark of UTF-16.
    #[error("it is UTF-16, not UTF-8")]
    Utf16,
    #[error("it is not text")]
    Other,
}

/// The text in `bytes`, without the mark in front of it and the white space around it.
pub(crate) fn read(bytes: &[u8]) -> Result<&str, NotText> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(NotText::Utf16);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| NotText::Other)?;
    Ok(text.trim_start_matches(MARK).trim())
}

/// The same bytes without a mark in front: a PEM block counts only at the beginning of a line.
pub(crate) fn unmarked(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// The same text without the escape sequences of terminals; `None` when there are none, so that nothing has to be copied.
///
/// The copy is as long as the original, so that it never has to move.
pub(crate) fn without_escapes(text: &str) -> Option<Zeroizing<String>> {
    text.contains(ESCAPE).then(|| {
        let mut plain = Zeroizing::new(String::with_capacity(text.len()));
        let mut rest = text;
        while let Some((before, sequence)) = rest.split_once(ESCAPE) {
            plain.push_str(before);
            rest = after_sequence(sequence);
        }
        plain.push_str(rest);
        plain
    })
}

/// What follows an escape sequence (ECMA-48) whose ESC has been read.
fn after_sequence(sequence: &str) -> &str {
    let past = |ends: fn(char) -> bool, from: usize| {
        let body = sequence.get(from..).unwrap_or_default();
        let end = body.find(ends).and_then(|end| body.get(end..));
        let mut last = end.unwrap_or_default().chars();
        last.next();
        last.as_str()
    };
    match sequence.chars().next() {
        // Colours and movements of the cursor: parameters, then a letter or its like.
        Some('[') => past(|c| matches!(c, '@'..='~'), 1),
        // Titles and links end with BEL, or with another sequence that is read next.
        Some(']') => match sequence.find(['\u{7}', ESCAPE]) {
            Some(end) if sequence.get(end..).is_some_and(|it| it.starts_with(ESCAPE)) => {
                sequence.get(end..).unwrap_or_default()
            }
            Some(end) => sequence.get(end + 1..).unwrap_or_default(),
            None => "",
        },
        Some(_) => past(|c| matches!(c, '0'..='~'), 0),
        None => "",
    }
}

/// Where a line of `text` begins with a brace, whatever stands in the lines before it.
pub(crate) fn next_object(text: &str) -> Option<usize> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let indent = line.len() - line.trim_start().len();
        if line.trim_start().starts_with('{') {
            return Some(at + indent);
        }
        at += line.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        without_escapes(text).map_or_else(|| text.to_owned(), |plain| plain.to_string())
    }

    #[test]
    fn a_mark_and_white_space_are_no_part_of_a_text() {
        assert_eq!(read("\u{feff}secret\r\n".as_bytes()), Ok("secret"));
        assert_eq!(read(b" \n"), Ok(""));
        assert_eq!(read(b"\xff\xfes\0"), Err(NotText::Utf16));
        assert_eq!(read(b"\xfe\xff\0s"), Err(NotText::Utf16));
        assert_eq!(read(b"\xff"), Err(NotText::Other));
        assert_eq!(unmarked(b"\xef\xbb\xbf-----"), b"-----");
    }

    #[test]
    fn sequences_of_terminals_are_left_out() {
        for (shown, text) in [
            ("\u{1b}[94m\"a\"\u{1b}[39;49;00m: 1", "\"a\": 1"),
            ("\u{1b}[0m{}\u{1b}[K", "{}"),
            ("\u{1b}]0;az\u{7}{}", "{}"),
            ("\u{1b}]8;;https://x\u{1b}\\{}", "{}"),
            ("\u{1b}(B{}\u{1b}M", "{}"),
            ("{}\u{1b}", "{}"),
            ("{}\u{1b}[", "{}"),
            ("{}\u{1b}]0;", "{}"),
            ("{}", "{}"),
        ] {
            assert_eq!(plain(shown), text, "{shown:?}");
        }
    }

    #[test]
    fn an_object_begins_on_a_line_of_its_own() {
        assert_eq!(next_object("WARNING: {no}\n  {\"a\":1}"), Some(16));
        assert_eq!(next_object("{"), Some(0));
        assert_eq!(next_object("a { b"), None);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic_and_no_escape_is_left(text in "(\u{1b}|\\[|\\]|\u{7}|m|;|\\{|\n|\\PC){0,40}") {
            let plain = plain(&text);
            proptest::prop_assert!(!plain.contains(ESCAPE));
            if let Some(at) = next_object(&plain) {
                let begins = plain.get(at..).is_some_and(|it| it.starts_with('{'));
                proptest::prop_assert!(begins);
            }
        }
    }
}

//! Text of others on its way into our messages.
//!
//! # Invariants
//!
//! * Nothing that looks like a token (`eyJ…`) gets through, however it is wrapped.
//! * No control character and no line break gets through; the result is at most 200 characters.

/// The longest quotation, in characters.
const LONGEST: usize = 200;
/// How much of the original is looked at, in bytes: a token is far longer than a quotation.
const LOOKED_AT: usize = 16 * 1024;
/// How every JSON Web Token begins (`{"` in base64).
const TOKEN_START: &str = "eyJ";

/// The first line of `text` that says something, made harmless.
pub(crate) fn quoted(text: &str) -> String {
    let text = head(text, LOOKED_AT);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty());
    let mut rest = line.unwrap_or_default();
    let mut shown = String::with_capacity(LONGEST);
    while let Some((before, token)) = rest.split_once(TOKEN_START) {
        shown.push_str(before);
        shown.push_str("[token]");
        rest = token.trim_start_matches(|c: char| {
            c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '=' | '+' | '/')
        });
    }
    shown.push_str(rest);
    shown
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(LONGEST)
        .collect()
}

/// At most `most` bytes of the beginning, ending between characters.
fn head(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_replaced_wherever_it_stands() {
        assert_eq!(quoted("got eyJhbGciOi.J9._-x, sorry"), "got [token], sorry");
        assert_eq!(quoted("token=eyJa.b.c"), "token=[token]");
        assert_eq!(quoted("\"eyJa\" and eyJb"), "\"[token]\" and [token]");
    }

    proptest::proptest! {
        #[test]
        fn whatever_it_is_the_quotation_is_short_printable_and_free_of_tokens(
            text in "(eyJ|[a-zA-Z._-]|\\PC|\\x00|\\x1b|\r|\n){0,400}",
        ) {
            let shown = quoted(&text);
            proptest::prop_assert!(!shown.contains("eyJ"));
            proptest::prop_assert!(!shown.contains(char::is_control));
            proptest::prop_assert!(shown.chars().count() <= LONGEST);
        }
    }

    #[test]
    fn only_the_first_line_that_says_something_is_shown() {
        assert_eq!(
            quoted("\r\n  AADSTS700016: no app\r\nTrace ID: 1"),
            "AADSTS700016: no app"
        );
        assert_eq!(quoted(""), "");
    }

    #[test]
    fn control_characters_and_length_are_tamed() {
        assert_eq!(quoted("a\x1b[31mb\u{9b}c"), "a [31mb c");
        assert_eq!(quoted(&"é".repeat(500)).chars().count(), LONGEST);
        assert_eq!(quoted(&"é".repeat(LOOKED_AT)).chars().count(), LONGEST);
    }
}

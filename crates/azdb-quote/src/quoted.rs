//! Peer text, made fit for a log line or an error message.

use core::fmt::{self, Write as _};

use crate::harmless::Harmless;

/// Text of a peer: printable characters as they are, everything else escaped, tokens replaced, at most [`Quoted::LIMIT`]
/// bytes of it.
///
/// A name that an app or a server chose can hold line breaks, terminal escapes, half a megabyte, or a token that somebody
/// pasted in the wrong place. Displayed through this type it stays one short line without secrets. `Display` and `Debug`
/// put it between backticks, as a name stands in a sentence; [`first_line`](Self::first_line) is for what a peer says itself.
///
/// ```
/// use azdb_quote::Quoted;
///
/// assert_eq!(Quoted(b"ann\n").to_string(), r"`ann\n`");
/// assert_eq!(Quoted(b"ann:eyJ0eXAi.e30.c2ln").to_string(), "`ann:[token]`");
/// ```
///
/// # Invariants
///
/// * Nothing that looks like a token (`eyJ…`) gets through, however long it is and wherever it stands.
/// * No control character, no line break, and no mark that reorders or hides other text gets through.
#[derive(Clone, Copy)]
pub struct Quoted<'a>(pub &'a [u8]);

impl<'a> Quoted<'a> {
    /// Bytes that are shown; the rest is an ellipsis.
    pub const LIMIT: usize = 256;

    /// The first line that says something, without backticks: errors of others come with stack traces and trace ids below it.
    pub fn first_line(self) -> impl fmt::Display + 'a {
        let mut lines = self.0.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let line = lines.find(|line| !line.is_empty());
        FirstLine(line.unwrap_or_default())
    }
}

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('`')?;
        let mut shown = Harmless::new(&mut *f, Self::LIMIT);
        for (at, piece) in self.0.split(|byte| *byte == b'`').enumerate() {
            // It would end ours.
            shown.write_str(if at == 0 { "" } else { "\\`" })?;
            shown.write_bytes(piece)?;
        }
        shown.finish()?;
        f.write_char('`')
    }
}

impl fmt::Debug for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

struct FirstLine<'a>(&'a [u8]);

impl fmt::Display for FirstLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = Harmless::new(f, Quoted::LIMIT);
        shown.write_bytes(self.0)?;
        shown.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harmless::is_invisible;
    use alloc::string::{String, ToString as _};
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn line(text: &[u8]) -> String {
        Quoted(text).first_line().to_string()
    }

    #[test]
    fn names_stay_readable() {
        assert_eq!(
            Quoted("My Identität".as_bytes()).to_string(),
            "`My Identität`"
        );
    }

    #[test]
    fn a_peer_cannot_forge_a_log_line() {
        let forged = b"x`\nERROR all is lost \x1b[2J\xff\xe2\x80\xae";
        assert_eq!(
            Quoted(forged).to_string(),
            "`x\\`\\nERROR all is lost \\u{1b}[2J\\xff\\u{202e}`"
        );
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        let text = Quoted(&[b'a'; 1000]).to_string();
        assert_eq!(text.len(), 2 + Quoted::LIMIT + '…'.len_utf8());
        let text = Quoted("€".repeat(100).as_bytes()).to_string();
        assert_eq!(text.chars().count(), 2 + Quoted::LIMIT / 3 + 1);
        let text = Quoted(&[b'a'; Quoted::LIMIT]).to_string();
        assert_eq!(text.len(), 2 + Quoted::LIMIT);
    }

    #[test]
    fn a_token_is_replaced_wherever_it_stands() {
        assert_eq!(
            Quoted(b"got eyJhbGciOi.J9._-x, sorry").to_string(),
            "`got [token], sorry`"
        );
        assert_eq!(line(b"token=eyJa.b.c"), "token=[token]");
        assert_eq!(line(b"\"eyJa\" and eyJb"), "\"[token]\" and [token]");
        assert_eq!(line("xeyJ".repeat(100).as_bytes()), "x[token]");
        assert_eq!(line(b"e\0y\0J\0a\0.\0b\0"), "[token]");
    }

    #[test]
    fn a_token_of_any_length_takes_the_room_of_its_name() {
        let token = ["eyJ", &"0".repeat(8000)].concat();
        assert_eq!(
            line([&token, " is too long"].concat().as_bytes()),
            "[token] is too long"
        );
        let many = Quoted("eyJ;".repeat(1000).as_bytes()).to_string();
        assert!(many.len() <= 2 + Quoted::LIMIT + '…'.len_utf8());
        let at_the_edge = ["a".repeat(Quoted::LIMIT - 2), token].concat();
        assert!(!line(at_the_edge.as_bytes()).contains("ey"));
    }

    #[test]
    fn only_the_first_line_that_says_something_is_shown() {
        assert_eq!(
            line(b"\r\n  AADSTS700016: no `app`\r\nTrace ID: 1"),
            "AADSTS700016: no `app`"
        );
        assert_eq!(line(b""), "");
        assert_eq!(line(b" \n\t\n"), "");
    }

    /// Pieces of what peers send, weighted towards what must not get through.
    fn text() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            4 => "[a-zA-Z._ -]{1,8}".prop_map(String::into_bytes),
            2 => Just(b"eyJ".to_vec()),
            1 => Just(b"e\0y\0J\0".to_vec()),
            1 => prop_oneof![Just("e"), Just("y"), Just("J"), Just("\n"), Just("`"), Just("\u{202e}"), Just("\u{9b}")]
                .prop_map(|piece| piece.as_bytes().to_vec()),
            2 => proptest::collection::vec(any::<u8>(), 1..6),
            1 => "\\PC{1,60}".prop_map(String::into_bytes),
        ];
        proptest::collection::vec(piece, 0..120).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn whatever_it_is_it_is_short_printable_and_free_of_tokens(text in text()) {
            for shown in [Quoted(&text).to_string(), line(&text)] {
                let bare = shown.replace("\\u{0}", "");
                prop_assert!(!bare.contains("eyJ"), "{shown}");
                prop_assert!(!shown.contains(is_invisible), "{shown:?}");
                prop_assert!(shown.len() <= Quoted::LIMIT + 2 + '…'.len_utf8());
            }
        }

        #[test]
        fn between_our_backticks_none_of_the_peers_stands_alone(text in text()) {
            let shown = Quoted(&text).to_string();
            let inside = shown.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
            prop_assert!(!inside.unwrap_or("`").replace("\\`", "").contains('`'));
        }

        #[test]
        fn plain_text_that_fits_is_shown_as_it_is(text in "[ -_a-df-~äöü€]{0,60}") {
            prop_assert_eq!(Quoted(text.as_bytes()).to_string(), ["`", &text, "`"].concat());
        }
    }
}

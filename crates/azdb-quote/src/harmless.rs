//! The one way by which text of others gets into lines of ours.

use core::fmt::{self, Write};

/// What stands in place of a token.
const TOKEN: &str = "[token]";

/// Bytes of `\xff`.
const ESCAPED_BYTE: usize = 4;

/// Writes text on so that it can do no harm: on one line, in printable characters, without tokens, up to a limit.
///
/// # Invariants
///
/// * Nothing that looks like a token (`eyJ…`) gets through, however long it is, wherever it stands and however it is cut into
///   pieces. The NULs of UTF-16 between its characters hide nothing.
/// * No control character, no line break, and no mark that reorders or hides other text gets through.
/// * No more bytes than the limit and an ellipsis are written.
pub(crate) struct Harmless<W> {
    into: W,
    /// Bytes that may still be written; `None` when there were more.
    room: Option<usize>,
    token: Token,
}

/// How much of a token has been seen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    /// This many characters of [`BEGINNING`], held back.
    Begins(usize),
    /// All of them, or of the same with NULs between.
    Inside,
    /// As many of the characters with NULs.
    BeginsWide(usize),
}

/// `{"` in base64, as every JSON Web Token begins.
const BEGINNING: [char; 3] = ['e', 'y', 'J'];
const WIDE_BEGINNING: [char; 5] = ['e', '\0', 'y', '\0', 'J'];

impl<W: Write> Harmless<W> {
    /// Writes at most `limit` bytes, and an ellipsis, to `into`.
    pub(crate) fn new(into: W, limit: usize) -> Self {
        Self {
            into,
            room: Some(limit),
            token: Token::Begins(0),
        }
    }

    /// Writes what was held back because a token might have begun.
    pub(crate) fn finish(&mut self) -> fmt::Result {
        self.give_up_token()
    }

    /// Writes bytes that need not be text.
    pub(crate) fn write_bytes(&mut self, bytes: &[u8]) -> fmt::Result {
        for chunk in bytes.utf8_chunks() {
            self.write_str(chunk.valid())?;
            for byte in chunk.invalid() {
                self.give_up_token()?;
                self.show(ESCAPED_BYTE, |into| write!(into, "\\x{byte:02x}"))?;
            }
        }
        Ok(())
    }

    fn next(&mut self, c: char) -> fmt::Result {
        let token = match self.token {
            Token::Inside if belongs_to_token(c) => return Ok(()),
            Token::Begins(1) if c == '\0' => Some(Token::BeginsWide(2)),
            Token::Begins(seen) if BEGINNING.get(seen) == Some(&c) => Some(Token::Begins(seen + 1)),
            Token::BeginsWide(seen) if WIDE_BEGINNING.get(seen) == Some(&c) => {
                Some(Token::BeginsWide(seen + 1))
            }
            _ => None,
        };
        match token {
            Some(Token::Begins(3) | Token::BeginsWide(5)) => {
                self.token = Token::Inside;
                self.show(TOKEN.len(), |into| into.write_str(TOKEN))
            }
            Some(token) => {
                self.token = token;
                Ok(())
            }
            None if self.token == Token::Begins(0) => self.show_char(c),
            None => {
                self.give_up_token()?;
                self.next(c)
            }
        }
    }

    /// Shows what was held back: it was no token.
    fn give_up_token(&mut self) -> fmt::Result {
        let held: &[char] = match core::mem::replace(&mut self.token, Token::Begins(0)) {
            Token::Begins(seen) => BEGINNING.get(..seen),
            Token::BeginsWide(seen) => WIDE_BEGINNING.get(..seen),
            Token::Inside => None,
        }
        .unwrap_or_default();
        held.iter().try_for_each(|c| self.show_char(*c))
    }

    /// Shows characters of a byte each.
    fn show_plain(&mut self, text: &str) -> fmt::Result {
        match self.room.map(|room| room.checked_sub(text.len())) {
            None => Ok(()),
            Some(Some(room)) => {
                self.room = Some(room);
                self.into.write_str(text)
            }
            Some(None) => text.chars().try_for_each(|c| self.show_char(c)),
        }
    }

    fn show_char(&mut self, c: char) -> fmt::Result {
        if is_invisible(c) {
            let escaped = c.escape_default();
            self.show(escaped.len(), |into| write!(into, "{escaped}"))
        } else {
            self.show(c.len_utf8(), |into| into.write_char(c))
        }
    }

    /// Shows what takes `size` bytes of the room, or that there is none left.
    fn show(&mut self, size: usize, write: impl FnOnce(&mut W) -> fmt::Result) -> fmt::Result {
        let Some(room) = self.room else {
            return Ok(());
        };
        self.room = room.checked_sub(size);
        match self.room {
            Some(_) => write(&mut self.into),
            None => self.into.write_char('…'),
        }
    }
}

impl<W: Write> Write for Harmless<W> {
    fn write_str(&mut self, mut text: &str) -> fmt::Result {
        while !text.is_empty() {
            if self.token == Token::Begins(0) {
                let (plain, rest) = text
                    .split_at_checked(plain(text.as_bytes()))
                    .unwrap_or_default();
                self.show_plain(plain)?;
                text = rest;
            }
            let mut chars = text.chars();
            if let Some(c) = chars.next() {
                self.next(c)?;
                text = chars.as_str();
            }
        }
        Ok(())
    }
}

/// How many bytes of `text` are printable and begin no token, of which most lines are made: they need no look at each.
fn plain(text: &[u8]) -> usize {
    let is_plain = |at: usize, byte: u8| match byte {
        b'e' => !matches!(text.get(at.saturating_add(1)), None | Some(b'y' | 0)),
        _ => matches!(byte, b' '..=b'~'),
    };
    let mut bytes = text.iter().enumerate();
    bytes
        .position(|(at, byte)| !is_plain(at, *byte))
        .unwrap_or(text.len())
}

fn belongs_to_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '=' | '+' | '/' | '\0')
}

/// Control characters, and the marks that reorder or hide the text around them ("Trojan Source", CVE-2021-42574).
pub(crate) fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;
    use proptest::prelude::*;

    fn shown<'a>(pieces: impl IntoIterator<Item = &'a str>) -> String {
        let mut out = String::new();
        let mut harmless = Harmless::new(&mut out, 64);
        for piece in pieces {
            let _ = harmless.write_str(piece);
        }
        let _ = harmless.finish();
        out
    }

    #[test]
    fn what_only_looked_like_a_token_is_shown() {
        for text in ["e", "ey", "eye", "eyey", "e.y.J", "the eyes", "eeyj"] {
            assert_eq!(shown([text]), text);
        }
        assert_eq!(shown(["e\0y\0"]), r"e\u{0}y\u{0}");
        assert_eq!(shown(["eeyJa b"]), "e[token] b");
    }

    proptest! {
        #[test]
        fn the_cut_into_pieces_changes_nothing(
            text in "([a-c]|eyJ|e\0y\0J|[eyJ]|\n|ä| ){0,40}",
            every in 1_usize..5,
        ) {
            let chars: alloc::vec::Vec<char> = text.chars().collect();
            let pieces: alloc::vec::Vec<String> = chars.chunks(every).map(String::from_iter).collect();
            let whole = shown([text.as_str()]);
            prop_assert_eq!(&whole, &shown(pieces.iter().map(String::as_str)));
            prop_assert_eq!(&whole, &shown([whole.as_str()]));
        }
    }
}

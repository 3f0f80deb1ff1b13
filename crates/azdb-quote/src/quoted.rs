//! Peer text, made fit for a log line or an error message.

use core::fmt::{self, Write as _};

/// Bytes of a peer between backticks: printable text as it is, everything else escaped, at most [`Quoted::LIMIT`] bytes.
///
/// A name that an app or a server chose can hold line breaks, terminal escapes or half a megabyte. Displayed through this
/// type it stays one short line.
#[derive(Clone, Copy)]
pub struct Quoted<'a>(pub &'a [u8]);

impl Quoted<'_> {
    /// Bytes of the peer's that are shown; the rest is an ellipsis.
    pub const LIMIT: usize = 256;
}

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.0.get(..Self::LIMIT).unwrap_or(self.0);
        f.write_char('`')?;
        for chunk in shown.utf8_chunks() {
            for c in chunk.valid().chars() {
                match c {
                    '`' => f.write_str("\\`")?,
                    c if is_invisible(c) => write!(f, "{}", c.escape_default())?,
                    c => f.write_char(c)?,
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        f.write_str(if shown.len() < self.0.len() {
            "…`"
        } else {
            "`"
        })
    }
}

impl fmt::Debug for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Control characters, and the marks that reorder or hide the text around them ("Trojan Source", CVE-2021-42574).
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString as _;

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
    fn long_text_is_cut() {
        let text = Quoted(&[b'a'; 1000]).to_string();
        assert_eq!(text.len(), 2 + Quoted::LIMIT + '…'.len_utf8());
    }
}

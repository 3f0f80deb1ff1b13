//! What an upstream was sent in secret, looked for in what it says.
//!
//! A server's refusal can quote what it was given ("no such token: eyJ…"), whole or as far as it read it. An app and a log are not to
//! read it. What is found is overwritten where it stands: lengths, and so every packet around it, stay as they are.
//!
//! # Invariants
//!
//! * No [`window`] of a secret's bytes stands in what has been [cut](Echo::cut), neither as they are nor in UTF-16.

use zeroize::Zeroizing;

/// Shorter ones are no secrets, and stand in every text by chance.
const SHORTEST: usize = 4;
/// A piece of this length of a longer secret is as good as the whole: no text has it by chance.
const PIECE: std::ops::RangeInclusive<usize> = 8..=12;

/// The pieces of a secret that is no longer secret to an upstream.
pub(crate) struct Echo<'a> {
    secret: &'a [u8],
    pieces: Pieces<'a>,
}

impl<'a> Echo<'a> {
    /// Of a secret that is being sent.
    pub(crate) fn of(secret: &'a str) -> Self {
        let secret = secret.as_bytes();
        Self {
            secret,
            pieces: Pieces::of(secret, window(secret.len()), 1),
        }
    }

    /// Overwrites what `text` has of the secret.
    pub(crate) fn cut(&self, text: &mut [u8]) {
        self.pieces.overwrite(text, &[b'*']);
    }

    /// The same in a text that may be in UTF-16LE.
    pub(crate) fn cut_wide(&self, text: &mut [u8]) {
        self.cut(text);
        let Ok(secret) = std::str::from_utf8(self.secret) else {
            return;
        };
        let mut wide = Zeroizing::new(Vec::with_capacity(2 * secret.len()));
        wide.extend(secret.encode_utf16().flat_map(u16::to_le_bytes));
        let window = 2 * window(wide.len() / 2);
        Pieces::of(&wide, window, 2).overwrite(text, &[b'*', 0]);
    }
}

/// How many characters of a secret of `length` must stand in a row to be called a piece of it.
fn window(length: usize) -> usize {
    let most_of_it = (2 * length).div_ceil(3);
    most_of_it.clamp(*PIECE.start(), *PIECE.end()).min(length)
}

/// All windows of a secret, in order.
struct Pieces<'a> {
    window: usize,
    sorted: Vec<&'a [u8]>,
}

impl<'a> Pieces<'a> {
    fn of(secret: &'a [u8], window: usize, step: usize) -> Self {
        let mut sorted: Vec<&[u8]> = Vec::new();
        if window >= SHORTEST * step {
            sorted.extend(secret.windows(window).step_by(step));
            sorted.sort_unstable();
        }
        Self { window, sorted }
    }

    fn overwrite(&self, text: &mut [u8], with: &[u8]) {
        if self.sorted.is_empty() {
            return;
        }
        let is_piece = |window: &&[u8]| self.sorted.binary_search(window).is_ok();
        let found = text.windows(self.window).enumerate();
        let starts: Vec<usize> = found
            .filter(|(_, window)| is_piece(window))
            .map(|(start, _)| start)
            .collect();
        for start in starts {
            let piece = text.iter_mut().skip(start).take(self.window);
            for (byte, star) in piece.zip(with.iter().cycle()) {
                *byte = *star;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.c2VjcmV0IGFuZCBsb25nIGVub3VnaA.c2lnbmF0dXJl";

    fn cut(secret: &str, text: &str) -> String {
        let mut text = text.as_bytes().to_vec();
        Echo::of(secret).cut(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    }

    fn wide(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn a_secret_is_cut_out_whole_and_in_pieces() {
        let whole = format!("no such token: {TOKEN}, sorry");
        let stars = "*".repeat(TOKEN.len());
        assert_eq!(cut(TOKEN, &whole), format!("no such token: {stars}, sorry"));
        for (from, until) in [(0, 20), (21, 40), (50, TOKEN.len())] {
            let piece = &TOKEN[from..until];
            let stars = "*".repeat(piece.len());
            assert_eq!(cut(TOKEN, &format!("<{piece}>")), format!("<{stars}>"));
        }
        assert_eq!(cut("hunter2", "you sent hunter2"), "you sent *******");
        assert_eq!(
            cut("correct horse battery", "`correct horse`"),
            "`*************`"
        );
    }

    #[test]
    fn words_that_a_secret_shares_with_every_text_stay() {
        let text = "password authentication failed for user \"app\"";
        assert_eq!(cut("mysecretpassword", text), text);
        assert_eq!(cut("app", text), text);
        assert_eq!(cut("", text), text);
    }

    #[test]
    fn utf16_hides_nothing() {
        for secret in [TOKEN, "pässword-ünder-€uros", "hunter2"] {
            let mut text = [&[7], &wide(&format!("you sent {secret}!"))[..]].concat();
            let length = text.len();
            Echo::of(secret).cut_wide(&mut text);
            let stars = "*".repeat(secret.encode_utf16().count());
            assert_eq!(
                text,
                [&[7], &wide(&format!("you sent {stars}!"))[..]].concat()
            );
            assert_eq!(text.len(), length);
        }
    }

    proptest! {
        #[test]
        fn no_piece_is_left_and_no_length_changes(
            secret in "[ -~]{4,80}", before in "[ -~]{0,40}", behind in "[ -~]{0,40}", from in 0usize..80, until in 0usize..80,
        ) {
            let piece = secret.get(from.min(secret.len())..until.clamp(from, 80).min(secret.len())).unwrap_or_default();
            let text = [&before, piece, &behind].concat();
            let shown = cut(&secret, &text);
            prop_assert_eq!(shown.len(), text.len());
            let window = window(secret.len());
            for piece in secret.as_bytes().windows(window) {
                let is_stars = piece.iter().all(|byte| *byte == b'*');
                let mut left = shown.as_bytes().windows(window);
                prop_assert!(is_stars || !left.any(|left| left == piece), "{}", shown);
            }
        }
    }
}

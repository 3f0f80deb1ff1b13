//! Cutting out of a peer's words what we have just sent it.
//!
//! A server may quote what it was sent, whole or cut short ("invalid password "…""): its refusal goes to the app and to the
//! log, and neither may learn the token or the password of the route. Letters are painted over and not taken out, because
//! the words stand in packets that count them.
//!
//! # Invariants
//!
//! * No 12 letters of the secret in a row, no two thirds of a short one, and never all of it, are left in the words, as UTF-8 or as UTF-16.
//! * Words that have nothing of the secret in them stay as they are, and no words change their length.

use std::collections::HashSet;

use zeroize::Zeroizing;

/// So much of a long secret is a part of it, and not just a word that it shares with others.
const PART: usize = 12;
/// A shorter secret is looked for as a whole, and as a word: anywhere else it would paint over half of a language.
const WORD: usize = 8;

/// Paints over what of `secret` stands in `words`.
pub(crate) fn paint_over(words: &mut [u8], secret: &str) {
    paint(words, secret.as_bytes(), b"*");
    let wide: Vec<u8> = secret.encode_utf16().flat_map(u16::to_le_bytes).collect();
    paint(words, &Zeroizing::new(wide), b"*\0");
}

/// The same in one encoding, whose `brush` is one letter wide.
fn paint(words: &mut [u8], secret: &[u8], brush: &[u8]) {
    let part = part_of(secret.len() / brush.len()) * brush.len();
    if part == 0 {
        return;
    }
    // Each begins with a letter: half a letter farther the brush would not fit.
    let parts: HashSet<&[u8]> = secret.windows(part).step_by(brush.len()).collect();
    let is_short = secret.len() < WORD * brush.len();
    let found = words.windows(part).enumerate().filter(|(at, window)| {
        parts.contains(window) && !(is_short && is_inside_a_word(words, *at, part, brush.len()))
    });
    // All of them before the first is painted over: they overlap.
    let found: Vec<usize> = found.map(|(at, _)| at).collect();
    for at in found {
        if let Some(window) = words.get_mut(at..at + part) {
            for letter in window.chunks_mut(brush.len()) {
                letter.copy_from_slice(brush.get(..letter.len()).unwrap_or_default());
            }
        }
    }
}

/// How many letters in a row are a part of a secret of so many: of a short one most of it, because a server may cut it short.
fn part_of(letters: usize) -> usize {
    (2 * letters).div_ceil(3).clamp(WORD, PART).min(letters)
}

/// Whether a letter or a digit stands before or behind, in letters of `width` bytes.
fn is_inside_a_word(words: &[u8], at: usize, length: usize, width: usize) -> bool {
    let is_letter = |at: Option<usize>| {
        let byte = at.and_then(|at| words.get(at));
        byte.is_some_and(u8::is_ascii_alphanumeric)
    };
    is_letter(at.checked_sub(width)) || is_letter(at.checked_add(length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECRET: &str = "eyJhbGciOiJSUzI1NiJ9.c2VjcmV0.c2lnbmF0dXJl";

    fn painted(words: &str, secret: &str) -> String {
        let mut words = words.as_bytes().to_vec();
        paint_over(&mut words, secret);
        String::from_utf8(words).unwrap_or_default()
    }

    fn wide(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn a_secret_is_painted_over_whole_cut_short_and_in_the_middle() {
        let stars = "*".repeat(SECRET.len());
        let said = format!("bad password \"{SECRET}\"");
        assert_eq!(painted(&said, SECRET), format!("bad password \"{stars}\""));
        assert_eq!(painted(&SECRET[..20], SECRET), stars[..20]);
        assert_eq!(painted(&SECRET[10..30], SECRET), stars[..20]);
        assert_eq!(painted(&SECRET[..11], SECRET), SECRET[..11]);
        assert_eq!(painted("hunter2-and-mor", "hunter2-and-more"), stars[..15]);
        let words = "password authentication failed";
        assert_eq!(painted(words, "mysecretpassword"), words);
        let mut words = wide(&said);
        paint_over(&mut words, SECRET);
        assert_eq!(words, wide(&format!("bad password \"{stars}\"")));
    }

    #[test]
    fn a_short_secret_is_painted_over_where_it_is_a_word() {
        assert_eq!(painted("password 'abc'.", "abc"), "password '***'.");
        assert_eq!(
            painted("the alphabet: abcdef", "abc"),
            "the alphabet: abcdef"
        );
        assert_eq!(painted("xlongenough1x", "longenough1"), "x***********x");
        assert_eq!(painted("a", "a"), "*");
        for (said, left) in [("xabc abcx abc", "xabc abcx ***"), ("abc", "***")] {
            let mut words = wide(said);
            paint_over(&mut words, "abc");
            assert_eq!(words, wide(left));
        }
        assert_eq!(painted("words", ""), "words");
        assert_eq!(painted("", "secret"), "");
    }

    proptest! {
        #[test]
        fn nothing_of_a_secret_is_left_and_nothing_else_is_touched(
            secret in "[a-z0-9.]{8,60}", before in "\\PC{0,20}", behind in "\\PC{0,20}",
            from in 0_usize..60, length in 0_usize..60,
        ) {
            let from = from.min(secret.len());
            let echoed = &secret[from..(from + length).min(secret.len())];
            let said = format!("{before}{echoed}{behind}");
            let narrow = painted(&said, &secret);
            prop_assert_eq!(narrow.len(), said.len());
            let part = part_of(secret.len());
            let parts = (0..=secret.len() - part).map(|from| &secret[from..from + part]);
            for part in parts.clone() {
                prop_assert!(!narrow.contains(part));
            }
            if !parts.clone().any(|part| said.contains(part)) {
                prop_assert_eq!(&narrow, &said);
            }
            // Letter by letter the same in the other encoding.
            let mut words = wide(&said);
            paint_over(&mut words, &secret);
            prop_assert_eq!(words, wide(&narrow));
        }
    }
}

//! Cutting out of a peer's words what we have just sent it.
//!
//! A server may quote what it was sent, whole or cut short ("invalid password "…""): its refusal goes to the app and to the
//! log, and neither may learn the token or the password of the route. Letters are painted over and not taken out, because
//! the words stand in packets that count them.
//!
//! An answer that was made of a password, and its own words beside it, are enough to guess the password with: such a proof is as secret
//! as the password is.
//!
//! # Invariants
//!
//! * No 12 letters of a secret in a row, no two thirds of a short one, and never all of it, are left in the words, as UTF-8 or as UTF-16.
//! * No 12 bytes of a proof in a row, and no 12 of its digits.
//! * Words that have nothing of them in them stay as they are, and no words change their length.

use std::collections::{HashSet, VecDeque};
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use memchr::memmem;
use zeroize::Zeroizing;

use super::Cause;

/// So much of a long secret is a part of it, and not just a word that it shares with others.
const PART: usize = 12;
/// A shorter secret is looked for as a whole, and as a word: anywhere else it would paint over half of a language.
const WORD: usize = 8;

/// Spellings of proofs that are kept: those of about 30 tries to log in. The oldest go first.
const MOST_PROOFS: usize = 96;

/// What of a login's secrets an upstream has been sent.
#[derive(Default)]
pub(crate) struct Secrets(Mutex<Spellings>);

#[derive(Default)]
struct Spellings {
    /// The token, or the password.
    secrets: Vec<Text>,
    /// What was made of the password.
    proofs: VecDeque<Proof>,
}

enum Proof {
    Text(Text),
    Bytes(Zeroizing<Vec<u8>>),
}

/// A text in both encodings.
struct Text {
    narrow: Zeroizing<Vec<u8>>,
    wide: Zeroizing<Vec<u8>>,
}

impl Secrets {
    /// Notes a secret that is about to be sent, or proved.
    pub(crate) fn secret(&self, secret: &str) {
        let mut spellings = self.lock();
        let is_known = |known: &Text| *known.narrow == secret.as_bytes();
        if !spellings.secrets.iter().any(is_known) {
            spellings.secrets.push(Text::of(secret));
        }
    }

    /// Notes a proof that is text.
    pub(crate) fn proof(&self, text: &str) {
        self.keep(Proof::Text(Text::of(text)));
    }

    /// Notes a proof that is not: who quotes it may spell it in digits.
    pub(crate) fn proof_in_bytes(&self, bytes: &[u8]) {
        self.keep(Proof::Bytes(Zeroizing::new(bytes.to_vec())));
        let mut digits = Zeroizing::new(String::with_capacity(2 * bytes.len()));
        for byte in bytes {
            // Writing to a string cannot fail.
            let _ = write!(digits, "{byte:02x}");
        }
        self.proof(&Zeroizing::new(digits.to_ascii_uppercase()));
        self.proof(&digits);
    }

    /// Paints over what of all that stands in `words`.
    pub(crate) fn paint_over(&self, words: &mut [u8]) {
        let spellings = self.lock();
        for secret in &spellings.secrets {
            secret.paint_over(words);
        }
        for proof in &spellings.proofs {
            match proof {
                Proof::Text(text) => text.paint_over(words),
                Proof::Bytes(bytes) => paint(words, bytes, b"*"),
            }
        }
    }

    fn keep(&self, proof: Proof) {
        let mut spellings = self.lock();
        if spellings.proofs.len() >= MOST_PROOFS {
            spellings.proofs.pop_front();
        }
        spellings.proofs.push_back(proof);
    }

    fn lock(&self) -> MutexGuard<'_, Spellings> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cause {
    /// The same without what the upstream was sent. Where it has words of the upstream's at all, a library has put them into an error.
    pub(super) fn without(self, secrets: &Secrets) -> Self {
        match self {
            Self::Password(error) => {
                let mut words = error.to_string().into_bytes();
                secrets.paint_over(&mut words);
                let words = String::from_utf8_lossy(&words).into_owned();
                Self::Password(std::io::Error::new(error.kind(), words))
            }
            Self::UnknownUser { .. }
            | Self::NotAdmitted { .. }
            | Self::NotAnnounced { .. }
            | Self::WrongPassword { .. }
            | Self::TooManyWrong { .. }
            | Self::AppWithoutTls
            | Self::TooMany { .. }
            | Self::ShuttingDown
            | Self::Moved { .. }
            | Self::Idle { .. }
            | Self::NoRandomness
            | Self::Token { .. }
            | Self::SecretTooLong { .. }
            | Self::PasswordInClear { .. }
            | Self::NoUpstream
            | Self::Resolve { .. }
            | Self::Connect { .. }
            | Self::NoAnswer { .. }
            | Self::Unheard { .. }
            | Self::Loop { .. }
            | Self::NoTls { .. }
            | Self::StuffedBytes { .. }
            | Self::Tls { .. }
            | Self::NotSealed { .. }
            | Self::UpstreamRules { .. }
            | Self::UpstreamLost { .. }
            | Self::UpstreamSilent { .. }
            | Self::Overdue(_) => self,
        }
    }
}

impl Text {
    fn of(text: &str) -> Self {
        let mut wide = Zeroizing::new(Vec::with_capacity(2 * text.len()));
        wide.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        Self {
            narrow: Zeroizing::new(text.as_bytes().to_vec()),
            wide,
        }
    }

    /// Paints over what of it stands in `words`.
    fn paint_over(&self, words: &mut [u8]) {
        paint(words, &self.narrow, b"*");
        paint(words, &self.wide, b"*\0");
    }
}

/// The same in one encoding, whose `brush` is one letter wide.
fn paint(words: &mut [u8], secret: &[u8], brush: &[u8]) {
    let part = part_of(secret.len() / brush.len()) * brush.len();
    if part == 0 || !may_hold(words, secret, part) {
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

/// Whether `part` bytes of the secret in a row may stand in the words. A cheap look, for in nearly all words that an upstream says there is
/// nothing: wherever so many stand, a block of half as many does.
fn may_hold(words: &[u8], secret: &[u8], part: usize) -> bool {
    let mut blocks = words.chunks_exact(part.div_ceil(2));
    words.len() >= part && blocks.any(|block| memmem::find(secret, block).is_some())
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

    fn paint_over(words: &mut [u8], secret: &str) {
        Text::of(secret).paint_over(words);
    }

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

    #[test]
    fn a_proof_is_painted_over_as_bytes_and_as_digits() {
        let secrets = Secrets::default();
        let proof: Vec<u8> = (0xe0..0xf4).collect();
        secrets.proof_in_bytes(&proof);
        secrets.proof("md5ab56b4d92b40713acc5af89985d4b786");
        let digits = "e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3";
        for said in [
            proof,
            digits.as_bytes().to_vec(),
            digits.to_uppercase().into_bytes(),
            b"md5ab56b4d92b40713acc5af89985d4b786".to_vec(),
        ] {
            let mut words = [b"no: <", &said[..], b">"].concat();
            secrets.paint_over(&mut words);
            let stars = "*".repeat(said.len());
            assert_eq!(words, format!("no: <{stars}>").into_bytes());
        }
    }

    #[test]
    fn proofs_without_end_are_forgotten_and_a_secret_is_not() {
        let secrets = Secrets::default();
        secrets.secret(SECRET);
        for number in 0..1000 {
            secrets.secret(SECRET);
            secrets.proof(&format!("proof number {number}"));
        }
        assert_eq!(secrets.lock().proofs.len(), MOST_PROOFS);
        let mut words = SECRET.as_bytes().to_vec();
        secrets.paint_over(&mut words);
        assert_eq!(words, "*".repeat(SECRET.len()).into_bytes());
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

//! Whether what somebody reads has a piece of a secret in it.

use super::TOKEN;

/// The password of routes that have one, long enough to be cut short.
pub(crate) const PASSWORD: &str = "hunter2-and-more-of-it";

/// Fails for what has a piece of the token in it, as it is or in UTF-16.
#[track_caller]
pub(crate) fn assert_silent(read: &[u8]) {
    assert_silent_of(read, TOKEN.as_bytes());
}

/// Fails for what has a piece of `secret` in it, as it is or in UTF-16.
#[track_caller]
pub(crate) fn assert_silent_of(read: &[u8], secret: &[u8]) {
    const PIECE: usize = 12;
    let narrow: Vec<u8> = read.iter().copied().filter(|byte| *byte != 0).collect();
    for text in [read, &narrow] {
        for piece in secret.windows(PIECE) {
            let found = text.windows(PIECE).any(|window| window == piece);
            assert!(!found, "{}", String::from_utf8_lossy(text));
        }
    }
}

/// What a server says that quotes what it was sent: whole, cut short, and without its beginning.
pub(crate) fn quoting() -> String {
    quoting_of(TOKEN)
}

/// The same of another secret.
pub(crate) fn quoting_of(secret: &str) -> String {
    let (cut_short, tail) = secret.split_at(secret.len() / 2 + 2);
    format!("no: <{secret}> <{cut_short}> <{tail}>")
}

/// Bytes as digits, in both cases.
pub(crate) fn digits(bytes: &[u8]) -> [String; 2] {
    let small: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [small.to_uppercase(), small]
}

//! Whether what somebody reads has a piece of the token in it.

use super::TOKEN;

/// Fails for a text that has, as it is or in UTF-16.
#[track_caller]
pub(crate) fn assert_silent(read: &[u8]) {
    const PIECE: usize = 12;
    let narrow: Vec<u8> = read.iter().copied().filter(|byte| *byte != 0).collect();
    for text in [read, &narrow] {
        for piece in TOKEN.as_bytes().windows(PIECE) {
            let found = text.windows(PIECE).any(|window| window == piece);
            assert!(!found, "{}", String::from_utf8_lossy(text));
        }
    }
}

/// What a server says that quotes what it was sent: whole, cut short, and without its beginning.
pub(crate) fn quoting() -> String {
    let (cut_short, tail) = (TOKEN.get(..20).unwrap(), TOKEN.get(20..).unwrap());
    format!("no: <{TOKEN}> <{cut_short}> <{tail}>")
}

//! Code page 1252, in which `varchar` is under this server's collation.

/// What the bytes 0x80 to 0x9f are; the others are as in Unicode.
const SPECIAL: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

pub(super) fn decoded(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| letter(*byte)).collect()
}

/// What it has no byte for becomes a question mark, as in SQL Server.
pub(super) fn encoded(text: &str) -> Vec<u8> {
    text.chars().map(byte).collect()
}

/// The text as a `varchar` holds it.
pub(super) fn narrowed(text: &str) -> String {
    decoded(&encoded(text))
}

fn letter(byte: u8) -> char {
    let special = byte.checked_sub(0x80).map(usize::from);
    let special = special.and_then(|at| SPECIAL.get(at));
    special.copied().unwrap_or(char::from(byte))
}

fn byte(letter: char) -> u8 {
    let candidate = u8::try_from(letter).ok();
    if let Some(byte) = candidate.filter(|byte| self::letter(*byte) == letter) {
        return byte;
    }
    let special = SPECIAL.iter().position(|known| *known == letter);
    let special = special.and_then(|at| u8::try_from(0x80 + at).ok());
    special.unwrap_or(b'?')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_back() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(encoded(&decoded(&all)), all);
        assert_eq!(narrowed("naïve € Łódź"), "naïve € ?ódz".replace('z', "?"));
    }
}

//! `numeric` in the binary format: groups of four decimal digits.

/// Sign word of a negative number.
const NEGATIVE: u16 = 0x4000;
/// Sign word of NaN.
const NOT_A_NUMBER: u16 = 0xc000;

/// The binary form of a decimal number; `None` when the text is none.
pub(super) fn encode(text: &str) -> Option<Vec<u8>> {
    if text.eq_ignore_ascii_case("nan") {
        return Some(message(&[], 0, NOT_A_NUMBER, 0));
    }
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (NEGATIVE, digits),
        None => (0, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !all(whole) || !all(fraction) {
        return None;
    }
    let whole_padded = format!("{whole:0>width$}", width = whole.len().div_ceil(4) * 4);
    let fraction_padded = format!(
        "{fraction:0<width$}",
        width = fraction.len().div_ceil(4) * 4
    );
    let joined = format!("{whole_padded}{fraction_padded}");
    let mut groups: Vec<i16> = Vec::new();
    for group in joined.as_bytes().chunks(4) {
        let digits = group.iter().map(|byte| i16::from(byte - b'0'));
        groups.push(digits.fold(0, |value, digit| value * 10 + digit));
    }
    let mut weight = i16::try_from(whole_padded.len() / 4).ok()? - 1;
    let leading = groups.iter().take_while(|group| **group == 0).count();
    groups.drain(..leading);
    weight -= i16::try_from(leading).ok()?;
    while groups.last() == Some(&0) {
        groups.pop();
    }
    let (weight, sign) = if groups.is_empty() {
        (0, 0)
    } else {
        (weight, sign)
    };
    let scale = u16::try_from(fraction.len()).ok()?;
    Some(message(&groups, weight, sign, scale))
}

fn message(groups: &[i16], weight: i16, sign: u16, scale: u16) -> Vec<u8> {
    let count = u16::try_from(groups.len()).unwrap_or(u16::MAX);
    let mut bytes = Vec::with_capacity(8 + groups.len() * 2);
    bytes.extend(count.to_be_bytes());
    bytes.extend(weight.to_be_bytes());
    bytes.extend(sign.to_be_bytes());
    bytes.extend(scale.to_be_bytes());
    bytes.extend(groups.iter().flat_map(|group| group.to_be_bytes()));
    bytes
}

/// The decimal text of the binary form; `None` when the bytes are none.
pub(super) fn decode(bytes: &[u8]) -> Option<String> {
    let mut words = bytes.chunks_exact(2).map(|pair| match pair {
        [high, low] => i16::from_be_bytes([*high, *low]),
        _ => 0,
    });
    let (count, weight) = (words.next()?, words.next()?);
    let (sign, scale) = (words.next()?.cast_unsigned(), words.next()?.cast_unsigned());
    if sign == NOT_A_NUMBER {
        return Some("NaN".to_owned());
    }
    let groups: Vec<i16> = words.collect();
    if groups.len() != usize::try_from(count).ok()?
        || groups.iter().any(|g| !(0..10_000).contains(g))
    {
        return None;
    }
    let group = |position: i32| {
        let index = usize::try_from(i32::from(weight) - position).ok();
        let found = index.and_then(|index| groups.get(index));
        found.copied().unwrap_or(0)
    };
    let mut text = if sign == NEGATIVE {
        "-".to_owned()
    } else {
        String::new()
    };
    let whole: String = (0..=i32::from(weight).max(0))
        .rev()
        .map(|position| format!("{:04}", group(position)))
        .collect();
    let whole = whole.trim_start_matches('0');
    text.push_str(if whole.is_empty() { "0" } else { whole });
    if scale > 0 {
        let groups = i32::from(scale.div_ceil(4));
        let fraction: String = (1..=groups)
            .map(|position| format!("{:04}", group(-position)))
            .collect();
        text.push('.');
        text.push_str(fraction.get(..usize::from(scale))?);
    }
    Some(text)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_both_ways() {
        for text in [
            "0",
            "1",
            "-1",
            "9999",
            "10000",
            "14.50",
            "-0.05",
            "0.0001",
            "123456789.987654321",
            "100000000",
            "0.00",
            "NaN",
            "12345678901234567890.5",
        ] {
            assert_eq!(decode(&encode(text).unwrap()).unwrap(), text);
        }
    }

    #[test]
    fn bytes_are_those_of_postgresql() {
        // select numeric_send(1234.5)
        let expected = [0, 2, 0, 0, 0, 0, 0, 1, 0x04, 0xd2, 0x13, 0x88];
        assert_eq!(encode("1234.5").unwrap(), expected);
    }

    #[test]
    fn other_texts_are_none() {
        for text in ["", "1e5", "abc", "1.2.3", "--1"] {
            assert_eq!(encode(text), None, "{text}");
        }
    }
}

//! Durations as people write them: `500ms`, `9s`, `2m`, `1h`.

use std::time::Duration;

/// The accepted spellings, for messages.
pub(super) const FORM: &str = "a number with ms, s, m or h, for example \"9s\"";

/// Reads a duration: a whole number directly followed by `ms`, `s`, `m` or `h`.
///
/// # Errors
///
/// The message says what is accepted.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    parse(text).ok_or_else(|| format!("{text:?} is not {FORM}"))
}

fn parse(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    match unit {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs),
        "h" => number.checked_mul(3600).map(Duration::from_secs),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use azdb_quote::Spelled;

    #[test]
    fn units_are_ms_s_m_and_h() {
        for (text, millis) in [
            ("0s", 0),
            ("500ms", 500),
            ("9s", 9_000),
            ("2m", 120_000),
            ("1h", 3_600_000),
            ("90s", 90_000),
        ] {
            assert_eq!(
                parse_duration(text),
                Ok(Duration::from_millis(millis)),
                "{text}"
            );
        }
    }

    #[test]
    fn anything_else_is_refused_with_the_form() {
        for text in [
            "",
            "9",
            "s",
            "-1s",
            "1.5s",
            "9 s",
            "1d",
            "9S",
            "18446744073709551615h",
            "99999999999999999999s",
            "９s",
        ] {
            assert_eq!(
                parse_duration(text),
                Err(format!(
                    "{text:?} is not a number with ms, s, m or h, for example \"9s\""
                )),
            );
        }
    }

    #[test]
    fn printed_in_the_largest_unit_that_loses_nothing() {
        for text in ["0s", "500ms", "9s", "90s", "2m", "1h", "1500ms"] {
            assert_eq!(
                parse_duration(text).map(|duration| Spelled(duration).to_string()),
                Ok(text.to_owned())
            );
        }
    }
}

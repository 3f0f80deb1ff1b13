//! Sizes as people write them: `64KiB`, `64MiB`, `1GiB`.

/// The accepted spellings, for messages.
const FORM: &str = "a number with KiB, MiB or GiB, from \"64KiB\" to \"1GiB\"";

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;
const GIB: usize = 1024 * MIB;

/// Reads a limit of memory: a whole number directly followed by `KiB`, `MiB` or `GiB`.
///
/// # Errors
///
/// The message says what is accepted.
pub(super) fn parse_size(text: &str) -> Result<usize, String> {
    let size = parse(text).filter(|size| (64 * KIB..=GIB).contains(size));
    size.ok_or_else(|| format!("{text:?} is not {FORM}"))
}

fn parse(text: &str) -> Option<usize> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let number: usize = number.parse().ok()?;
    let unit = match unit {
        "KiB" => KIB,
        "MiB" => MIB,
        "GiB" => GIB,
        _ => return None,
    };
    number.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_kib_mib_and_gib() {
        assert_eq!(parse_size("64KiB"), Ok(65_536));
        assert_eq!(parse_size("64MiB"), Ok(67_108_864));
        assert_eq!(parse_size("1GiB"), Ok(1_073_741_824));
    }

    #[test]
    fn anything_else_is_refused_with_the_form() {
        for text in [
            "",
            "64",
            "MiB",
            "64MB",
            "64 MiB",
            "-1MiB",
            "63KiB",
            "0MiB",
            "1025MiB",
            "99999999999999999999GiB",
        ] {
            let refusal = format!(
                "{text:?} is not a number with KiB, MiB or GiB, from \"64KiB\" to \"1GiB\""
            );
            assert_eq!(parse_size(text), Err(refusal));
        }
    }
}

//! Words for a shell, in the lines that its reader copies.

/// A word as a shell reads it whole.
pub(super) fn word(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@%+=,".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// A command line that asks for the same, without what has it do anything else than print.
pub(super) fn again(words: impl Iterator<Item = String>) -> String {
    let kept = words
        .filter(|text| text != "--undo")
        .map(|text| word(&text));
    let line: Vec<String> = std::iter::once("azdb-proxy".to_owned())
        .chain(kept)
        .collect();
    line.join(" ")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_copied_prints_the_grant_again() {
        let words = ["grant", "o'brien's", "--undo", "--database", "a b"].map(str::to_owned);
        assert_eq!(
            again(words.into_iter()),
            r"azdb-proxy grant 'o'\''brien'\''s' --database 'a b'"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[cfg(unix)]
        #[test]
        fn a_shell_reads_every_word_whole(text in r#"([a-z'"`$\\!*?~#;&|<>(){}\[\] -]|\n|é){0,16}"#) {
            let script = format!("printf %s {}", word(&text));
            let ran = std::process::Command::new("sh").arg("-c").arg(script).output().unwrap();
            prop_assert_eq!(String::from_utf8(ran.stdout).unwrap(), text);
        }
    }
}

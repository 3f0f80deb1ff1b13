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
    // Flags that have it act, and those that say as whom.
    const ALONE: [&str; 3] = ["--undo", "--apply", "--yes"];
    const WITH_VALUE: [&str; 4] = ["--as", "--sign-in", "--token-file", "--token-command"];
    let mut line = vec!["azdb-proxy".to_owned()];
    let mut words = words;
    while let Some(text) = words.next() {
        let flag = text.split('=').next().unwrap_or_default();
        if ALONE.contains(&flag) {
            continue;
        }
        if WITH_VALUE.contains(&flag) {
            if flag == text {
                let _value = words.next();
            }
            continue;
        }
        line.push(word(&text));
    }
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
        let words = [
            "grant",
            "shop",
            "--apply",
            "--yes",
            "--as",
            "dba",
            "--sign-in=azure-cli",
            "--token-command",
            "print x",
            "--token-file=t",
            "--owner",
        ];
        let words = words.map(str::to_owned);
        assert_eq!(again(words.into_iter()), "azdb-proxy grant shop --owner");
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

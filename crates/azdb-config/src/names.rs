//! Names in messages, and "did you mean": the known name nearest to one that nobody knows.

/// The nearest of `known` to `name`, if it is near enough to be a slip of the keyboard.
pub(super) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A third of the letters may be wrong, three at most; short names would match anything.
    let limit = ((name.chars().count() + 1) / 3).min(3);
    known
        .into_iter()
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// ` (did you mean "known"?)`, or nothing.
pub(super) fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(name, known).map_or_else(String::new, |known| format!(" (did you mean \"{known}\"?)"))
}

/// A key as it may stand in a message: as it is when it is plain.
pub(super) fn shown(key: &str) -> String {
    let plain = !key.is_empty()
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if plain {
        key.to_owned()
    } else {
        format!("{key:?}")
    }
}

/// Levenshtein's edit distance, case and `-` for `_` free of charge.
fn distance(a: &str, b: &str) -> usize {
    let letters = |text: &str| -> String {
        let plain = text.chars().take(64).map(|letter| match letter {
            '-' => '_',
            letter => letter.to_ascii_lowercase(),
        });
        plain.collect()
    };
    strsim::levenshtein(&letters(a), &letters(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_edits() {
        for (a, b, edits) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
            ("upstream_user", "upstream-user", 0),
            ("Listen", "listen", 0),
            ("lisen", "listen", 1),
        ] {
            assert_eq!(distance(a, b), edits, "{a} {b}");
        }
    }

    #[test]
    fn only_near_names_are_offered() {
        let known = ["listen", "upstream", "upstream_user", "allow"];
        assert_eq!(nearest("lissen", known), Some("listen"));
        assert_eq!(nearest("upstream-usr", known), Some("upstream_user"));
        assert_eq!(nearest("password", known), None);
        assert_eq!(nearest("x", known), None);
    }
}

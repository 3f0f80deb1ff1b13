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
    let letters = |text: &str| -> Vec<char> {
        text.chars()
            .take(64)
            .map(|letter| {
                if letter == '-' {
                    '_'
                } else {
                    letter.to_ascii_lowercase()
                }
            })
            .collect()
    };
    let (a, b) = (letters(a), letters(b));
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (above, left) in a.iter().enumerate() {
        let mut diagonal = above;
        let mut last = above + 1;
        for (cell, top) in row.iter_mut().skip(1).zip(&b) {
            let changed = diagonal + usize::from(left != top);
            diagonal = *cell;
            last = changed.min(diagonal + 1).min(last + 1);
            *cell = last;
        }
        if let Some(first) = row.first_mut() {
            *first = above + 1;
        }
    }
    row.last().copied().unwrap_or_default()
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

//! The word `default` as a value, which SQLite does not have: `values (default, $1)` and
//! `set a = default`.

use std::collections::HashMap;

use super::lexer::{Kind, Token};
use super::scan::{closing, inside, list};

/// Columns of a table, in their order, with their defaults as PostgreSQL writes them.
pub(in crate::postgres) type Defaults = Vec<(String, Option<String>)>;

/// The statement with the defaults themselves instead of the word, if it has the word in it.
/// `columns` tells the columns of a table.
pub(in crate::postgres) fn spelled_out(
    tokens: &[Token<'_>],
    columns: impl Fn(&str) -> Defaults,
) -> Option<String> {
    let words: Vec<usize> = (0..tokens.len())
        .filter(|at| {
            tokens
                .get(*at)
                .is_some_and(|token| token.kind != Kind::Space)
        })
        .collect();
    let found: Vec<Token<'_>> = words
        .iter()
        .filter_map(|at| tokens.get(*at).copied())
        .collect();
    if !found.iter().any(|word| word.is("default")) {
        return None;
    }
    let replaced = match found.first()? {
        verb if verb.is("insert") => inserted(&found, columns)?,
        verb if verb.is("update") => updated(&found, columns)?,
        _ => return None,
    };
    let text = tokens.iter().enumerate().map(|(at, token)| {
        let word = words.binary_search(&at).ok();
        let default = word.and_then(|word| replaced.get(&word));
        default.map_or(token.text, String::as_str)
    });
    Some(text.collect())
}

/// The last part of a table's name at `start`, and the index behind it.
fn table(words: &[Token<'_>], start: usize) -> Option<(String, usize)> {
    let mut at = start;
    while words.get(at + 1)?.kind == Kind::Dot {
        at += 2;
    }
    Some((words.get(at)?.name()?, at + 1))
}

/// What stands for each `default` among the values, by the word's index.
fn inserted(
    words: &[Token<'_>],
    columns: impl Fn(&str) -> Defaults,
) -> Option<HashMap<usize, String>> {
    let into = words.iter().position(|word| word.is("into"))?;
    let (table, behind) = table(words, into + 1)?;
    let all = columns(&table);
    let values = words.iter().position(|word| word.is("values"))?;
    let named = (words.get(behind)?.kind == Kind::Open)
        .then(|| inside(words, behind))
        .flatten();
    let names: Vec<String> = match named {
        Some((named, _)) => {
            let named = list(named).into_iter();
            named.filter_map(|name| name.first()?.name()).collect()
        }
        None => all.iter().map(|(name, _)| name.clone()).collect(),
    };
    let mut replaced = HashMap::new();
    let mut row = values + 1;
    while words.get(row).is_some_and(|word| word.kind == Kind::Open) {
        let close = closing(words, row)?;
        let mut start = row + 1;
        for (value, name) in list(words.get(start..close)?).into_iter().zip(&names) {
            if value.len() == 1 && value.first()?.is("default") {
                replaced.insert(start, default(&all, name));
            }
            start += value.len() + 1;
        }
        row = close + 2;
    }
    Some(replaced)
}

/// What stands for each `default` that is assigned, by the word's index.
fn updated(
    words: &[Token<'_>],
    columns: impl Fn(&str) -> Defaults,
) -> Option<HashMap<usize, String>> {
    let (table, _) = table(words, 1)?;
    let all = columns(&table);
    let mut replaced = HashMap::new();
    for (at, three) in words.windows(3).enumerate() {
        if let [name, equals, word] = three
            && equals.is_operator("=")
            && word.is("default")
        {
            replaced.insert(at + 2, default(&all, &name.name()?));
        }
    }
    Some(replaced)
}

/// A column's default; without one it is NULL, of which SQLite makes the next number of a key.
fn default(columns: &Defaults, name: &str) -> String {
    let found = columns.iter().find(|(column, _)| column == name);
    let default = found.and_then(|(_, default)| default.clone());
    default.unwrap_or_else(|| "null".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::sql::lexer::tokens;

    fn spelled(sql: &str) -> Option<String> {
        spelled_out(&tokens(sql), |table| {
            assert_eq!(table, "t");
            let default = |text: &str| Some(text.to_owned());
            vec![
                ("id".to_owned(), None),
                ("a".to_owned(), default("'x'::text")),
                ("b".to_owned(), default("0")),
            ]
        })
    }

    #[test]
    fn defaults_are_spelled_out() {
        for (sql, expected) in [
            (
                "insert into public.t (b, a) values (default, 1), (2, default) returning a",
                "insert into public.t (b, a) values (0, 1), (2, 'x'::text) returning a",
            ),
            (
                "insert into t values (DEFAULT, default, 5)",
                "insert into t values (null, 'x'::text, 5)",
            ),
            (
                "update t set b = default, a=default where b = 1",
                "update t set b = 0, a='x'::text where b = 1",
            ),
        ] {
            assert_eq!(spelled(sql).as_deref(), Some(expected));
        }
        assert_eq!(spelled("insert into t (b) values (1)"), None);
        assert_eq!(spelled("create table t (a int default 1)"), None);
    }
}

//! Arguments of catalog procedures, by name or place, and their patterns.

use super::super::super::token::Refusal;
use super::super::super::value::{Datum, Parameter};
use super::super::batch::bare;
use super::super::scalar::list;
use super::super::{Engine, unknown};

/// What a procedure is given: names, which may be empty, and values.
pub(super) struct Arguments(Vec<(String, Datum)>);

impl Arguments {
    pub(super) fn of_call(parameters: &[Parameter]) -> Self {
        let given = parameters.iter();
        let given = given.map(|one| (one.name.to_ascii_lowercase(), one.value.clone()));
        Self(given.collect())
    }

    /// Of the words behind `EXEC name`.
    pub(super) fn of_statement(engine: &Engine, words: &[&str]) -> Result<Self, Refusal> {
        let items = list(words).into_iter().filter(|item| !item.is_empty());
        let given = items.map(|item| {
            let (name, value) = match item {
                [name, "=", value @ ..] if name.starts_with('@') => (*name, value),
                value => ("", value),
            };
            let value = match (engine.scalar(value)?, value) {
                (Some(scalar), _) => scalar.value,
                // A name needs no quotes here.
                (None, [word]) => Datum::Text(bare(word)),
                (None, _) => {
                    return Err(unknown(&format!("the argument {}", value.concat())));
                }
            };
            Ok((name.to_owned(), value))
        });
        given.collect::<Result<_, _>>().map(Self)
    }

    fn value(&self, place: usize, name: &str) -> Option<&Datum> {
        let mut named = self.0.iter().filter(|(own, _)| own == name);
        let placed = self.0.get(place).filter(|(own, _)| own.is_empty());
        named.next().or(placed).map(|(_, value)| value)
    }

    /// A text; `None` of NULL and of what was not given.
    pub(super) fn text(&self, place: usize, name: &str) -> Option<&str> {
        match self.value(place, name)? {
            Datum::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A number.
    pub(super) fn number(&self, place: usize, name: &str) -> Option<i64> {
        match self.value(place, name)? {
            Datum::Int(number) => Some(*number),
            _ => None,
        }
    }
}

/// Whether a pattern of `LIKE` is absent or fits.
pub(in super::super) fn fits(pattern: Option<&str>, text: &str) -> bool {
    pattern.is_none_or(|pattern| {
        let lower = |text: &str| text.to_lowercase().chars().collect::<Vec<_>>();
        like(&lower(pattern), &lower(text))
    })
}

fn like(pattern: &[char], text: &[char]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        (['%', rest @ ..], _) => {
            like(rest, text)
                || text
                    .split_first()
                    .is_some_and(|(_, text)| like(pattern, text))
        }
        (['_', pattern @ ..], [_, text @ ..]) => like(pattern, text),
        // `[_]` is the letter itself.
        (['[', letter, ']', pattern @ ..], [first, text @ ..]) => {
            letter == first && like(pattern, text)
        }
        ([letter, pattern @ ..], [first, text @ ..]) => letter == first && like(pattern, text),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_as_those_of_like() {
        for (pattern, text, expected) in [
            ("%", "orders", true),
            ("O%", "orders", true),
            ("%s", "orders", true),
            ("order_", "orders", true),
            ("order[_]", "orders", false),
            ("every[_]type", "every_type", true),
            ("", "orders", false),
            ("orders", "order", false),
        ] {
            assert_eq!(fits(Some(pattern), text), expected, "{pattern} {text}");
        }
        assert!(fits(None, "orders"));
    }
}

//! The kinds of values that are lists.

use std::collections::BTreeSet;

use super::Form;
use super::kinds::{Parsed, ValueKind, Whole};
use crate::problems::{Checked, Written};
use crate::section::Section;
use crate::value::Value;

/// One string or several, each one once.
pub(crate) struct List<T>(pub(crate) Parsed<T>);

impl<T> ValueKind for List<T> {
    type Value = Vec<Written<T>>;

    fn read(
        &self,
        section: &Section<'_>,
        key: &str,
        written: Written<Value>,
    ) -> Checked<Self::Value> {
        let mut seen = BTreeSet::new();
        let mut one = |item| {
            let text = section.as_text(key, item)?;
            section.understood(key, text, |text| match seen.insert(text.clone()) {
                true => (self.0.1)(text),
                false => Err(format!("{text} is there already")),
            })
        };
        all(section.items(key, written)?.into_iter().map(&mut one))
    }

    fn form(&self) -> Form {
        Form::List(Box::new(self.0.form()))
    }
}

/// All values; with one that is wrong the rest is still looked at.
fn all<T>(values: impl Iterator<Item = Checked<T>>) -> Checked<Vec<T>> {
    values.collect::<Vec<_>>().into_iter().collect()
}

/// A program and its arguments. Only a file that nobody else may write can name it.
pub(crate) struct CommandLine;

impl ValueKind for CommandLine {
    type Value = Vec<String>;

    fn read(
        &self,
        section: &Section<'_>,
        key: &str,
        written: Written<Value>,
    ) -> Checked<Vec<String>> {
        let spot = written.spot.clone();
        let items = section.items(key, written)?.into_iter();
        let words = all(items.map(|item| section.as_text(key, item)))?;
        section.only_mine(key, &spot)?;
        Ok(words.into_iter().map(|word| word.value).collect())
    }

    fn form(&self) -> Form {
        Form::List(Box::new(Form::Text("program and arguments")))
    }
}

/// One whole number or several.
pub(crate) struct Wholes(pub(crate) Whole);

impl ValueKind for Wholes {
    type Value = Vec<u32>;

    fn read(&self, section: &Section<'_>, key: &str, written: Written<Value>) -> Checked<Vec<u32>> {
        let items = section.items(key, written)?.into_iter();
        all(items.map(|item| self.0.read(section, key, item)))
    }

    fn form(&self) -> Form {
        Form::List(Box::new(self.0.form()))
    }
}

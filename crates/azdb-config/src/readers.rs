//! What the kinds of values have in common: strings, lists, and files that only we should name.

use super::owner::OpenToOthers;
use super::problems::{Checked, Spot, Written};
use super::section::Section;
use super::value::Value;

impl Section<'_> {
    /// What `understand` makes of a value, or its problem, reported.
    pub(super) fn understood<T, U>(
        &self,
        key: &str,
        written: Written<T>,
        understand: impl FnOnce(&T) -> Result<U, String>,
    ) -> Checked<Written<U>> {
        let Written { value, spot } = written;
        match understand(&value) {
            Ok(value) => Ok(Written { value, spot }),
            Err(problem) => Err(self.refuse(&spot, key, problem)),
        }
    }

    /// A string that is not empty and has no control characters.
    pub(super) fn as_text(&self, key: &str, written: Written<Value>) -> Checked<Written<String>> {
        let Written { value, spot } = written;
        let value = match value {
            Value::Text(text) => text,
            Value::Words(words) => self.only_word(key, &spot, words)?,
            other => {
                let problem = format!("must be a string, not {}", other.kind());
                return Err(self.refuse(&spot, key, problem));
            }
        };
        if value.is_empty() {
            return Err(self.refuse(&spot, key, "is empty"));
        }
        if value.contains(char::is_control) {
            return Err(self.refuse(&spot, key, "contains a control character"));
        }
        Ok(Written { value, spot })
    }

    pub(super) fn only_word(&self, key: &str, spot: &Spot, words: Vec<String>) -> Checked<String> {
        match <[String; 1]>::try_from(words) {
            Ok([word]) => Ok(word),
            Err(_) => Err(self.refuse(spot, key, "is given more than once")),
        }
    }

    /// The items of a list, or one value as a list of itself; at least one. Words are cut at commas.
    pub(super) fn items(&self, key: &str, written: Written<Value>) -> Checked<Vec<Written<Value>>> {
        let Written { value, spot } = written;
        match value {
            Value::List(items) if items.is_empty() => {
                Err(self.refuse(&spot, key, "is an empty list"))
            }
            Value::List(items) => Ok(items),
            Value::Words(words) => Ok(words
                .iter()
                .flat_map(|words| words.split(','))
                .map(|word| Written {
                    value: Value::Words(vec![word.to_owned()]),
                    spot: spot.clone(),
                })
                .collect()),
            value => Ok(vec![Written { value, spot }]),
        }
    }

    /// Refuses `key` in a file that others may write: they could have us run their program, or send a secret elsewhere.
    pub(super) fn only_mine(&self, key: &str, spot: &Spot) -> Checked<()> {
        let Some(OpenToOthers { why, remedy }) = &self.source.open_to_others else {
            return Ok(());
        };
        Err(self.refuse(
            spot,
            key,
            format!(
                "{why}, so it must not name a secret file, a command or an authority: {remedy}"
            ),
        ))
    }
}

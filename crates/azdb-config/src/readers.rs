//! The readers of [`Section`]: each takes one key and checks what it can hold.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::duration::{Spelled, parse_duration};
use super::problems::{Checked, Spot, Written};
use super::section::Section;
use super::value::Value;

impl Section<'_> {
    /// A string that is not empty and has no control characters.
    pub(super) fn text(&mut self, key: &'static str) -> Checked<Option<Written<String>>> {
        self.take(key)
            .map(|written| self.as_text(key, written))
            .transpose()
    }

    /// One string or a list of strings; at least one.
    pub(super) fn texts(&mut self, key: &'static str) -> Checked<Option<Vec<Written<String>>>> {
        let Some(items) = self.items(key)? else {
            return Ok(None);
        };
        let texts: Vec<Checked<Written<String>>> = items
            .into_iter()
            .map(|item| self.as_text(key, item))
            .collect();
        texts.into_iter().collect::<Checked<Vec<_>>>().map(Some)
    }

    /// The items of a list, or one value as a list of itself; at least one. Words are cut at commas.
    pub(super) fn items(&mut self, key: &'static str) -> Checked<Option<Vec<Written<Value>>>> {
        let Some(Written { value, spot }) = self.take(key) else {
            return Ok(None);
        };
        let items: Vec<Written<Value>> = match value {
            Value::List(items) => items,
            Value::Words(words) => words
                .iter()
                .flat_map(|words| words.split(','))
                .map(|word| Written {
                    value: Value::Words(vec![word.to_owned()]),
                    spot: spot.clone(),
                })
                .collect(),
            value => vec![Written {
                value,
                spot: spot.clone(),
            }],
        };
        if items.is_empty() {
            return Err(self.refuse(&spot, key, "is an empty list"));
        }
        Ok(Some(items))
    }

    pub(super) fn as_text(&self, key: &str, written: Written<Value>) -> Checked<Written<String>> {
        let Written { value, spot } = written;
        let value = match value {
            Value::Text(text) => text,
            Value::Words(words) => self.only_word(key, &spot, words)?,
            other => {
                return Err(self.refuse(
                    &spot,
                    key,
                    format!("must be a string, not {}", other.kind()),
                ));
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

    fn only_word(&self, key: &str, spot: &Spot, words: Vec<String>) -> Checked<String> {
        match <[String; 1]>::try_from(words) {
            Ok([word]) => Ok(word),
            Err(_) => Err(self.refuse(spot, key, "is given more than once")),
        }
    }

    /// One of a few words.
    pub(super) fn one_of<T: Copy>(
        &mut self,
        key: &'static str,
        words: &[(&str, T)],
    ) -> Checked<Option<Written<T>>> {
        let Some(text) = self.text(key)? else {
            return Ok(None);
        };
        match words.iter().find(|(word, _)| *word == text.value) {
            Some((_, value)) => Ok(Some(Written {
                value: *value,
                spot: text.spot,
            })),
            None => {
                let accepted: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                Err(self.refuse(
                    &text.spot,
                    key,
                    format!("{:?} is not one of {}", text.value, accepted.join(", ")),
                ))
            }
        }
    }

    pub(super) fn boolean(&mut self, key: &'static str) -> Checked<Option<Written<bool>>> {
        let Some(Written { value, spot }) = self.take(key) else {
            return Ok(None);
        };
        let value = match value {
            Value::Boolean(value) => value,
            Value::Words(words) => match self.only_word(key, &spot, words)?.as_str() {
                "true" => true,
                "false" => false,
                word => {
                    return Err(self.refuse(
                        &spot,
                        key,
                        format!("{word:?} is not one of true, false"),
                    ));
                }
            },
            other => {
                return Err(self.refuse(
                    &spot,
                    key,
                    format!("must be true or false, not {}", other.kind()),
                ));
            }
        };
        Ok(Some(Written { value, spot }))
    }

    pub(super) fn number(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u32>,
    ) -> Checked<Option<u32>> {
        let Some(Written { value, spot }) = self.take(key) else {
            return Ok(None);
        };
        self.as_number(key, Written { value, spot }, range)
            .map(Some)
    }

    pub(super) fn as_number(
        &self,
        key: &str,
        written: Written<Value>,
        range: RangeInclusive<u32>,
    ) -> Checked<u32> {
        let Written { value, spot } = written;
        let (number, shown) = match value {
            Value::Integer { value, .. } => (u32::try_from(value).ok(), value.to_string()),
            Value::Words(words) => {
                let word = self.only_word(key, &spot, words)?;
                (word.parse().ok(), format!("{word:?}"))
            }
            Value::Text(text) => (None, format!("{text:?}")),
            other => (None, other.kind().to_owned()),
        };
        number
            .filter(|number| range.contains(number))
            .ok_or_else(|| {
                let (least, most) = (range.start(), range.end());
                self.refuse(
                    &spot,
                    key,
                    format!("{shown} is not a whole number from {least} to {most}"),
                )
            })
    }

    pub(super) fn duration(
        &mut self,
        key: &'static str,
        range: RangeInclusive<Duration>,
    ) -> Checked<Option<Duration>> {
        let Some(text) = self.text(key)? else {
            return Ok(None);
        };
        let duration =
            parse_duration(&text.value).map_err(|problem| self.refuse(&text.spot, key, problem))?;
        if !range.contains(&duration) {
            let (least, most) = (Spelled(*range.start()), Spelled(*range.end()));
            let problem = format!("{:?} is not from {least} to {most}", text.value);
            return Err(self.refuse(&text.spot, key, problem));
        }
        Ok(Some(duration))
    }

    /// A path, relative to the file that names it.
    pub(super) fn path(&mut self, key: &'static str) -> Checked<Option<Written<PathBuf>>> {
        let text = self.text(key)?;
        Ok(text.map(|text| Written {
            value: self.source.base.join(text.value),
            spot: text.spot,
        }))
    }

    /// The path of a file that only we should read: a configuration that others may write must not name one.
    pub(super) fn secret_path(&mut self, key: &'static str) -> Checked<Option<Written<PathBuf>>> {
        let path = self.path(key)?;
        if let Some(path) = &path {
            self.only_mine(key, &path.spot)?;
        }
        Ok(path)
    }

    /// Refuses `key` in a file that others may write: they could have us run their program, or send a secret elsewhere.
    pub(super) fn only_mine(&self, key: &str, spot: &Spot) -> Checked<()> {
        let Some(mode) = self.source.open_to_others else {
            return Ok(());
        };
        let name = &self.source.name;
        Err(self.refuse(
            spot,
            key,
            format!("others may write {name} (mode {mode:04o}), so it must not name a secret file or a command: chmod go-w {name}"),
        ))
    }
}

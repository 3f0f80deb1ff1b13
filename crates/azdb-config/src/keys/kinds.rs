//! The kinds of values that keys hold: how each is read, and in what form it is shown to those who describe it.

use std::path::PathBuf;
use std::time::Duration;

use azdb_quote::Spelled;
use secrecy::SecretString;

use super::{Form, Table};
use crate::duration::parse_duration;
use crate::problems::{Checked, Written};
use crate::section::Section;
use crate::value::{Entries, Value};

/// What a key can hold.
pub(crate) trait ValueKind: Sync {
    type Value;

    /// Understands what was written, or reports why not.
    fn read(
        &self,
        section: &Section<'_>,
        key: &str,
        written: Written<Value>,
    ) -> Checked<Self::Value>;

    fn form(&self) -> Form;
}

/// A string that a function understands. What stands in it is told in Markdown.
pub(crate) struct Parsed<T>(
    pub(crate) &'static str,
    pub(crate) fn(&str) -> Result<T, String>,
);

/// A string like any other.
pub(crate) const TEXT: Parsed<String> = text("text");

/// A string; what stands in it is told in Markdown.
pub(crate) const fn text(form: &'static str) -> Parsed<String> {
    Parsed(form, |text| Ok(text.to_owned()))
}

impl<T> ValueKind for Parsed<T> {
    type Value = T;

    fn read(&self, section: &Section<'_>, key: &str, written: Written<Value>) -> Checked<T> {
        let text = section.as_text(key, written)?;
        let understood = section.understood(key, text, |text| (self.1)(text))?;
        Ok(understood.value)
    }

    fn form(&self) -> Form {
        Form::Text(self.0)
    }
}

/// One of a few words: what they mean, and how each is written.
pub(crate) struct Word<T: 'static>(pub(crate) &'static [T], pub(crate) fn(T) -> &'static str);

impl<T: Copy> Word<T> {
    fn words(&self) -> Vec<&'static str> {
        self.0.iter().map(|value| self.1(*value)).collect()
    }

    /// What is meant by `word`.
    ///
    /// # Errors
    ///
    /// The message lists the words.
    pub(crate) fn meant(&self, word: &str) -> Result<T, String> {
        let found = self.0.iter().copied().find(|value| self.1(*value) == word);
        found.ok_or_else(|| format!("{word:?} is not one of {}", self.words().join(", ")))
    }
}

impl<T: Copy + Sync> ValueKind for Word<T> {
    type Value = T;

    fn read(&self, section: &Section<'_>, key: &str, written: Written<Value>) -> Checked<T> {
        let text = section.as_text(key, written)?;
        let understood = section.understood(key, text, |text| self.meant(text))?;
        Ok(understood.value)
    }

    fn form(&self) -> Form {
        Form::Words(self.words())
    }
}

/// `true` or `false`.
pub(crate) struct Switch;

impl ValueKind for Switch {
    type Value = bool;

    fn read(&self, section: &Section<'_>, key: &str, written: Written<Value>) -> Checked<bool> {
        let Written { value, spot } = written;
        let problem = match value {
            Value::Boolean(value) => return Ok(value),
            Value::Words(words) => match section.only_word(key, &spot, words)?.as_str() {
                "true" => return Ok(true),
                "false" => return Ok(false),
                word => format!("{word:?} is not one of true, false"),
            },
            other => format!("must be true or false, not {}", other.kind()),
        };
        Err(section.refuse(&spot, key, problem))
    }

    fn form(&self) -> Form {
        Form::Switch
    }
}

/// A whole number from `.0` to `.1`.
pub(crate) struct Whole(pub(crate) u32, pub(crate) u32);

impl ValueKind for Whole {
    type Value = u32;

    fn read(&self, section: &Section<'_>, key: &str, written: Written<Value>) -> Checked<u32> {
        let Written { value, spot } = written;
        let (number, shown) = match value {
            Value::Integer { value, .. } => (u32::try_from(value).ok(), value.to_string()),
            Value::Words(words) => {
                let word = section.only_word(key, &spot, words)?;
                (word.parse().ok(), format!("{word:?}"))
            }
            Value::Text(text) => (None, format!("{text:?}")),
            other => (None, other.kind().to_owned()),
        };
        let Self(least, most) = self;
        number
            .filter(|number| (least..=most).contains(&number))
            .ok_or_else(|| {
                let problem = format!("{shown} is not a whole number from {least} to {most}");
                section.refuse(&spot, key, problem)
            })
    }

    fn form(&self) -> Form {
        Form::Whole(self.0..=self.1)
    }
}

/// A duration from `.0` to `.1`.
#[derive(Clone, Copy)]
pub(crate) struct Time(pub(crate) Duration, pub(crate) Duration);

impl ValueKind for Time {
    type Value = Duration;

    fn read(&self, section: &Section<'_>, key: &str, written: Written<Value>) -> Checked<Duration> {
        let text = section.as_text(key, written)?;
        let understood = section.understood(key, text, |text| {
            let duration = parse_duration(text)?;
            if (self.0..=self.1).contains(&duration) {
                return Ok(duration);
            }
            let (least, most) = (Spelled(self.0), Spelled(self.1));
            Err(format!("{text:?} is not from {least} to {most}"))
        })?;
        Ok(understood.value)
    }

    fn form(&self) -> Form {
        Form::Time(self.0..=self.1)
    }
}

/// A path, relative to the file that names it.
pub(crate) struct Path;

impl ValueKind for Path {
    type Value = PathBuf;

    fn read(&self, section: &Section<'_>, key: &str, written: Written<Value>) -> Checked<PathBuf> {
        let text = section.as_text(key, written)?;
        Ok(section.source.base.join(text.value))
    }

    fn form(&self) -> Form {
        Form::Text("path")
    }
}

/// The path of a file that only we should read: a configuration that others may write must not name one.
pub(crate) struct SecretPath;

impl ValueKind for SecretPath {
    type Value = PathBuf;

    fn read(&self, section: &Section<'_>, key: &str, written: Written<Value>) -> Checked<PathBuf> {
        let spot = written.spot.clone();
        let path = Path.read(section, key, written)?;
        section.only_mine(key, &spot)?;
        Ok(path)
    }

    fn form(&self) -> Form {
        Path.form()
    }
}

/// A secret: in a file, or given by whoever read a variable.
pub(crate) struct SecretIn;

/// Where a secret is.
pub(crate) enum Secret {
    File(PathBuf),
    Given(SecretString),
}

impl ValueKind for SecretIn {
    type Value = Secret;

    fn read(&self, section: &Section<'_>, key: &str, written: Written<Value>) -> Checked<Secret> {
        match written.value {
            Value::Secret(secret) => Ok(Secret::Given(secret)),
            _ => SecretPath.read(section, key, written).map(Secret::File),
        }
    }

    fn form(&self) -> Form {
        Path.form()
    }
}

/// The mode of a file, in octal: decimal 600 would be another mode than the one meant.
pub(crate) struct Octal;

impl ValueKind for Octal {
    type Value = u32;

    fn read(&self, section: &Section<'_>, key: &str, written: Written<Value>) -> Checked<u32> {
        let spot = written.spot.clone();
        let mode = match written.value {
            Value::Integer { value, octal: true } => u32::try_from(value).ok(),
            Value::Integer { octal: false, .. } => None,
            _ => {
                let text = section.as_text(key, written)?.value;
                let digits = text.strip_prefix("0o").unwrap_or(&text);
                Some(digits)
                    .filter(|digits| !digits.starts_with('+'))
                    .and_then(|digits| u32::from_str_radix(digits, 8).ok())
            }
        };
        mode.filter(|mode| *mode <= 0o777).ok_or_else(|| {
            let problem = "is not an octal mode from 0o000 to 0o777, for example \"0660\"";
            section.refuse(&spot, key, problem)
        })
    }

    fn form(&self) -> Form {
        Form::Octal
    }
}

/// A table, of which [`Section::table`] makes a section.
pub(crate) struct Inner(pub(crate) &'static Table);

impl ValueKind for Inner {
    type Value = Entries;

    fn read(&self, section: &Section<'_>, key: &str, written: Written<Value>) -> Checked<Entries> {
        match written.value {
            Value::Table(entries) => Ok(entries),
            _ => Err(section.refuse(&written.spot, key, "must be a table")),
        }
    }

    fn form(&self) -> Form {
        Form::Table(self.0)
    }
}

/// What its reader takes apart.
pub(crate) struct Raw(pub(crate) fn() -> Form);

impl ValueKind for Raw {
    type Value = Value;

    fn read(&self, _: &Section<'_>, _: &str, written: Written<Value>) -> Checked<Value> {
        Ok(written.value)
    }

    fn form(&self) -> Form {
        (self.0)()
    }
}

//! A group of users, as a key can hold one.

use super::Form;
use super::kinds::{ValueKind, Whole};
use crate::problems::{Checked, Written};
use crate::section::Section;
use crate::value::Value;

/// A group's name, or its number: the number is what is meant.
pub(crate) struct Group;

/// The last number is no group's: it says "leave it".
const NUMBERS: Whole = Whole(0, u32::MAX - 1);

impl ValueKind for Group {
    type Value = u32;

    fn read(&self, section: &Section<'_>, key: &str, written: Written<Value>) -> Checked<u32> {
        if let Value::Integer { .. } = written.value {
            return NUMBERS.read(section, key, written);
        }
        let text = section.as_text(key, written)?;
        let understood = section.understood(key, text, |text| {
            let number = text.parse().ok().filter(|number| *number != u32::MAX);
            number.map_or_else(|| number_of(text), Ok)
        })?;
        Ok(understood.value)
    }

    fn form(&self) -> Form {
        Form::Either(vec![Form::Text("name of a group"), NUMBERS.form()])
    }
}

#[cfg(unix)]
fn number_of(name: &str) -> Result<u32, String> {
    match nix::unistd::Group::from_name(name) {
        Ok(Some(group)) => Ok(group.gid.as_raw()),
        Ok(None) => Err(format!("there is no group {name:?}")),
        Err(error) => Err(format!("cannot look for group {name:?}: {error}")),
    }
}

#[cfg(not(unix))]
fn number_of(_: &str) -> Result<u32, String> {
    Err("there are no groups of files on this platform".to_owned())
}
